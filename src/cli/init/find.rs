//! Samples that lie beside a model.

use std::path::{Path, PathBuf};

use crate::samples::is_sample;

/// Most entries of a folder that are looked at.
const ENTRIES: usize = 2000;
/// Most candidates, the likeliest first.
const CANDIDATES: usize = 8;

/// Returns files and folders that may be samples, the likeliest first.
pub fn candidates(folders: &[&Path]) -> Vec<PathBuf> {
    let mut found: Vec<(usize, PathBuf)> = Vec::new();
    for entry in folders.iter().flat_map(|folder| entries(folder)) {
        let Some(name) = entry.file_name().map(|name| name.to_string_lossy().to_lowercase()) else { continue };
        let is_array = entry.extension().is_some_and(|e| e == "npy" || e == "npz");
        let is_candidate = if entry.is_dir() { has_samples(&entry) } else { is_array };
        let is_new = found.iter().all(|(_, known)| known.canonicalize().ok() != entry.canonicalize().ok());
        if let (true, true, Some(rank)) = (is_candidate, is_new, rank(&name)) {
            found.push((rank, entry));
        }
    }
    found.sort();
    found.truncate(CANDIDATES);
    found.into_iter().map(|(_, path)| path).collect()
}

/// Ranks a name; `None` for labels and for what a run has written.
fn rank(name: &str) -> Option<usize> {
    const WORDS: [&str; 10] =
        ["calib", "sample", "representative", "val", "train", "image", "photo", "input", "data", "test"];
    const OTHERS: [&str; 8] = ["label", "target", "y_", "output", "expected", "prediction", "node_modules", "venv"];
    if OTHERS.iter().any(|word| name.contains(word)) {
        return None;
    }
    Some(WORDS.iter().position(|word| name.contains(word)).unwrap_or(WORDS.len()))
}

/// Returns `true` for a folder with samples in it, or in the folders of a data set's classes.
fn has_samples(folder: &Path) -> bool {
    let has = |folder: &Path| entries(folder).iter().any(|file| file.is_file() && is_sample(file));
    has(folder) || entries(folder).iter().filter(|inner| inner.is_dir()).take(4).any(|inner| has(inner))
}

/// Returns the first entries of a folder that are not hidden, in order of their names.
fn entries(folder: &Path) -> Vec<PathBuf> {
    // A folder that cannot be read holds no candidate.
    let Ok(listing) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = listing.take(ENTRIES).flatten().filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
    let mut paths: Vec<PathBuf> = paths.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// Returns `true` if the path is an image or a folder of images.
pub fn are_images(path: &Path) -> bool {
    let is_image = |file: &Path| is_sample(file) && !file.extension().is_some_and(|e| e == "npy" || e == "npz");
    let within = |folder: &Path| entries(folder).iter().find(|file| file.is_file() && is_sample(file)).cloned();
    let first = match path.is_dir() {
        true => {
            within(path).or_else(|| entries(path).iter().filter(|inner| inner.is_dir()).find_map(|inner| within(inner)))
        }
        false => Some(path.to_path_buf()),
    };
    first.is_some_and(|file| is_image(&file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likely_samples_come_first_and_labels_do_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for inner in ["photos", "empty", ".hidden", "classes/cat"] {
            std::fs::create_dir_all(at(inner)).unwrap();
        }
        for file in ["photos/a.PNG", ".hidden/a.npy", "classes/cat/b.jpg", "x.npz", "calib.npy", "labels.npy", "m.onnx"]
        {
            std::fs::write(at(file), "").unwrap();
        }
        let found = candidates(&[folder.path(), folder.path()]);
        let names: Vec<String> = found.iter().map(|p| p.file_name().unwrap().to_string_lossy().into_owned()).collect();
        assert_eq!(names, ["calib.npy", "photos", "classes", "x.npz"]);
        assert!(are_images(&at("photos")) && are_images(&at("classes")) && !are_images(&at("x.npz")));
    }
}
