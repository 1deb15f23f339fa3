//! Meaning of a path that does not exist: a similar name, other samples in its folder, a form of another system.

use std::path::{Component, Path, PathBuf};

use crate::order;
use crate::samples;
use crate::text::nearest;
use crate::text::units::count;
use crate::{Error, Kind};

use super::{Project, glob};

/// Most entries of a folder that are compared with a name.
const ENTRIES: usize = 2000;

/// Advice on a path that does not exist.
pub struct Advice {
    /// Sentence without a full stop.
    pub help: String,
    /// Path to write in its place, if one is likely.
    pub meant: Option<String>,
}

impl Advice {
    /// Adds the advice to the error of the path.
    pub fn explain(self, error: Error) -> Error {
        let error = error.with_help(self.help).of_kind(Kind::Missing);
        match self.meant {
            Some(meant) => error.meaning(meant),
            None => error,
        }
    }
}

/// Returns advice on a path to one file.
pub fn file(project: &Project, written: &str) -> Advice {
    match similar(project, written, Path::is_file) {
        Some(near) => Advice { help: format!("did you mean `{near}`?"), meant: Some(near) },
        None => Advice { help: form(written).unwrap_or(RELATIVE).to_string(), meant: None },
    }
}

/// Returns advice on the path or pattern of samples; `key` is that of its line.
pub fn samples(project: &Project, written: &str, key: &str) -> Advice {
    let is_there =
        |path: &Path| glob::files(path).is_ok_and(|found| found.files.iter().any(|file| samples::is_sample(file)));
    let near = || similar(project, written, is_there);
    let line = |path: &str| format!("{key} = {}", toml::Value::from(path));
    if let Some((holds, path)) = held(project, written) {
        return Advice { help: format!("{holds}: write {}", line(&path)), meant: Some(path) };
    }
    if let Some(near) = near() {
        return Advice { help: format!("did you mean {}?", line(&near)), meant: Some(near) };
    }
    let put = || format!("put samples there: {}; {RELATIVE}", samples::FORMATS);
    Advice { help: form(written).map_or_else(put, str::to_string), meant: None }
}

const RELATIVE: &str = "the path is relative to the folder of espq.toml";

/// Says what is odd about the form of a path.
fn form(written: &str) -> Option<&'static str> {
    let has_drive = written.as_bytes().get(1) == Some(&b':');
    match written {
        _ if written.starts_with('~') => {
            Some("`~` is your home only in a shell: write the path in full, or from the folder of espq.toml on")
        }
        _ if has_drive && !cfg!(windows) => {
            Some("a letter of a drive is of Windows: write the path of this system, or from the folder of espq.toml on")
        }
        _ if written.contains(char::is_control) => Some(
            "a `\\` in double quotes begins an escape, such as of a tab: write `/` between folders, on Windows too",
        ),
        _ if written.contains('\\') => {
            Some("write `/` between folders, on Windows too; the path is relative to the folder of espq.toml")
        }
        _ => None,
    }
}

/// Returns the existing path that differs from the written one in the spelling of one name, or only in its ending.
fn similar(project: &Project, written: &str, fits: impl Fn(&Path) -> bool) -> Option<String> {
    let mut before = PathBuf::new();
    let mut components = Path::new(written).components();
    let missing = components.find_map(|component| {
        let is_there = project.folder().join(before.join(component)).exists();
        match component {
            _ if is_there => before.push(component),
            Component::Normal(name) => return name.to_str(),
            _ => {}
        }
        None
    })?;
    let (rest, folder) = (components.as_path(), project.folder());
    // What is a file has nothing within, such as the wildcards of a pattern.
    let with = |name: &str| match rest.as_os_str().is_empty() || folder.join(before.join(name)).is_file() {
        true => before.join(name),
        false => before.join(name).join(rest),
    };
    let is_same_but_ending = |name: &str| Path::new(name).file_stem() == Path::new(missing).file_stem();
    let mut names = names(&folder.join(&before));
    names.retain(|name| {
        digits(name) == digits(missing)
            && (nearest(missing, [name.as_str()]).is_some() || is_same_but_ending(name))
            && fits(&folder.join(with(name)))
    });
    let names = || names.iter().map(String::as_str);
    let near = nearest(missing, names()).or_else(|| names().next())?;
    as_written(&with(near))
}

/// Returns a path as it stands in a configuration, with `/` between folders.
fn as_written(path: &Path) -> Option<String> {
    let path = path.to_str()?;
    Some(if cfg!(windows) { path.replace('\\', "/") } else { path.to_string() })
}

/// Returns the digits of a name: `net2` is no misspelling of `net1`.
fn digits(name: &str) -> String {
    name.chars().filter(char::is_ascii_digit).collect()
}

/// Returns the names in a folder, in order; one that cannot be read has none.
fn names(folder: &Path) -> Vec<String> {
    let Ok(listing) = std::fs::read_dir(folder) else { return Vec::new() };
    let names = listing.take(ENTRIES).flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    names
}

/// Says which samples the folder of a pattern holds instead, with the path or pattern that names them.
fn held(project: &Project, written: &str) -> Option<(String, String)> {
    let (folder, is_named) = folder_of(project, written)?;
    let place = project.folder().join(&folder);
    // The project's own folder may hold anything further down, such as other projects.
    let mut files = match is_named {
        true => glob::files(&place).ok()?.files,
        false => names(&place).into_iter().map(|name| place.join(name)).filter(|file| file.is_file()).collect(),
    };
    files.retain(|file| samples::is_sample(file));
    let endings = endings(&files);
    let (most, _) = endings.first()?;
    let path = match files.as_slice() {
        [one] => folder.join(one.strip_prefix(&place).ok()?),
        _ if is_named && samples::are_of_one_format(&files) => folder.clone(),
        _ if files.iter().all(|file| file.parent() == Some(&place)) => folder.join(format!("*.{most}")),
        _ => folder.join(format!("**/*.{most}")),
    };
    let counts: Vec<String> = endings.iter().map(|(ending, number)| format!("{number} .{ending}")).collect();
    let name = if is_named { folder.display().to_string() } else { "the folder".to_string() };
    let noun = count(files.len(), "file").split_once(' ').map_or("files", |(_, noun)| noun).to_string();
    Some((format!("{name} holds {} {noun}", counts.join(", ")), as_written(&path)?))
}

/// Returns the part of a pattern before its first wildcard, if it is a folder, and whether that has a name of its own.
fn folder_of(project: &Project, written: &str) -> Option<(PathBuf, bool)> {
    let (base, wildcards) = glob::split(&project.folder().join(written));
    let names: Vec<Component> = Path::new(written).components().collect();
    let kept = names.len().checked_sub(wildcards.len())?;
    let is_named = names.iter().take(kept).any(|name| matches!(name, Component::Normal(_)));
    (!wildcards.is_empty() && base.is_dir()).then(|| (names.iter().take(kept).collect(), is_named))
}

/// Returns the endings of files as they are written, the most frequent first.
fn endings(files: &[PathBuf]) -> Vec<(String, usize)> {
    let mut endings: Vec<(String, usize)> = Vec::new();
    for ending in files.iter().filter_map(|file| file.extension()?.to_str()) {
        match endings.iter_mut().find(|(known, _)| known == ending) {
            Some((_, number)) => *number += 1,
            None => endings.push((ending.to_string(), 1)),
        }
    }
    order::sort_by_key(&mut endings, |(_, number)| std::cmp::Reverse(*number));
    endings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(files: &[&str]) -> (tempfile::TempDir, Project) {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let project = Project::parse(folder.path().join("espq.toml"), "");
        (folder, project)
    }

    #[test]
    fn a_file_of_similar_name_is_meant_in_any_folder_of_the_path() {
        let (_folder, project) = project(&["model.onnx", "nets/v1.onnx", "nets/readme/x"]);
        let meant = |written: &str| file(&project, written).meant;
        assert_eq!(meant("modle.onnx").as_deref(), Some("model.onnx"));
        assert_eq!(meant("MODEL.ONNX").as_deref(), Some("model.onnx"));
        assert_eq!(meant("./net/v1.onnx").as_deref(), Some("./nets/v1.onnx"));
        assert_eq!(meant("model.tflite").as_deref(), Some("model.onnx"));
        // Another version, a folder, and nothing of the kind.
        assert_eq!([meant("nets/v2.onnx"), meant("nets/readm"), meant("yolo.onnx")], [None, None, None]);
    }

    #[test]
    fn paths_of_a_shell_and_of_another_system_are_explained() {
        let (_folder, project) = project(&[]);
        let help = |written: &str| file(&project, written).help;
        assert!(help("~/model.onnx").starts_with("`~` is your home only in a shell"));
        assert!(help("nets\\model.onnx").starts_with("write `/`"));
        assert!(help("nets\new.onnx").starts_with("a `\\` in double quotes begins an escape"));
        assert_eq!(help("model.onnx"), RELATIVE);
        #[cfg(not(windows))]
        assert!(help("C:/nets/model.onnx").starts_with("a letter of a drive is of Windows"));
    }

    #[test]
    fn samples_in_the_folder_of_a_pattern_are_named_with_the_line_that_takes_them() {
        let files = ["calib/a.png", "calib/b.jpg", "calib/c.png", "calib/README", "one/x.npz", "deep/in/a.npy"];
        let (_folder, project) = project(&[&files[..], &["deep/b.npz", "deep/in/b.npy", "s.npy", "t.npy"]].concat());
        let help = |written: &str| samples(&project, written, "data").help;
        assert_eq!(help("calib/*.npy"), "calib holds 2 .png, 1 .jpg files: write data = \"calib\"");
        assert_eq!(help("one/*.npy"), "one holds 1 .npz file: write data = \"one/x.npz\"");
        assert_eq!(help("deep/*.png"), "deep holds 2 .npy, 1 .npz files: write data = \"deep/**/*.npy\"");
        assert_eq!(help("./*.png"), "the folder holds 2 .npy files: write data = \"./*.npy\"");
    }

    #[test]
    fn samples_of_the_same_name_with_another_ending_are_meant() {
        let (_folder, project) = project(&["calib.npz", "model.onnx", "samples/a.npy"]);
        assert_eq!(samples(&project, "calib", "data").help, "did you mean data = \"calib.npz\"?");
        assert_eq!(samples(&project, "calib/*.npy", "data").help, "did you mean data = \"calib.npz\"?");
        assert_eq!(samples(&project, "sampels/*.npy", "data").help, "did you mean data = \"samples/*.npy\"?");
        assert!(samples(&project, "sampels/*.png", "data").meant.is_none());
        assert!(samples(&project, "model", "data").help.starts_with("put samples there: .npy, "));
    }
}
