//! Location of configurations: the one that a path refers to, and all in a folder.

use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

use crate::{Error, Result};

use super::exclude::Exclusion;
use super::{folders_above, glob, place};

/// Returns the configuration that a path names, or that its folder contains.
pub fn configuration(path: &Path) -> Result<PathBuf> {
    if !path.is_dir() {
        return match exists(path) {
            true => Ok(path.to_path_buf()),
            false => Err(Error::new("there is no such file or folder").in_file(path)),
        };
    }
    // Shown as "espq.toml", without the working folder.
    let within = |name: &str| if path == Path::new(".") { PathBuf::from(name) } else { path.join(name) };
    let named = within("espq.toml");
    if exists(&named) {
        return Ok(named);
    }
    let found: Vec<String> =
        names(path)?.into_iter().filter(|n| n.ends_with(".espq.toml") && !within(n).is_dir()).collect();
    match found.as_slice() {
        [one] => Ok(within(one)),
        [] => Err(Error::new("no espq.toml and no *.espq.toml in this folder")
            .in_file(path)
            .with_help("`espq init MODEL.onnx` writes one")),
        [first, ..] => Err(Error::new(format!("{} configurations in this folder: {}", found.len(), found.join(", ")))
            .in_file(path)
            .with_help(format!("name one of them, such as {}", within(first).display()))),
    }
}

/// Returns `true` if something has this name: reading it says why it is no configuration, such as a folder, a pipe or a broken link.
fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Result of a search.
#[derive(Debug, Default)]
pub struct Search {
    /// Configurations in byte order of their names.
    pub files: Vec<PathBuf>,
    /// Folders that could not be read; the search went on beside them.
    pub unreadable: Vec<Error>,
}

/// Finds every configuration at or under a path: `espq.toml` and `*.espq.toml`, in byte order of names.
///
/// A search in a folder skips hidden folders, links to folders, paths ignored by git, folders such as `node_modules`, and
/// paths in `lint.exclude` of a configuration in the folder, below or above it.
pub fn configurations(path: &Path) -> Search {
    if !path.is_dir() {
        let files = if is_configuration(path) { vec![path.to_path_buf()] } else { Vec::new() };
        return Search { files, unreadable: Vec::new() };
    }
    let mut walk = WalkBuilder::new(path);
    walk.sort_by_file_name(Ord::cmp);
    walk.filter_entry(|entry| entry.depth() == 0 || !is_of_others(entry.path()));
    let (found, unreadable) = glob::readable(&walk);
    let mut found = found.files;
    found.retain(|file| is_configuration(file));

    let top = place(path);
    let below_top = |file: &Path| top.join(file.strip_prefix(path).unwrap_or(file));
    let own = top.join("espq.toml");
    let above = folders_above(&own).skip(1).flat_map(|folder| in_folder(folder).unwrap_or_default());
    let exclusions: Vec<Exclusion> =
        above.chain(found.iter().cloned()).filter_map(|file| Exclusion::of(&file)).collect();
    found.retain(|file| !exclusions.iter().any(|exclusion| exclusion.covers(&below_top(file), &top)));

    let shown = |file: PathBuf| file.strip_prefix(".").map(Path::to_path_buf).unwrap_or(file);
    Search { files: found.into_iter().map(shown).collect(), unreadable }
}

/// Folders of packages and of what builds make, in which a project is not the user's own.
const OTHERS: [&str; 9] = [
    "__pypackages__",
    "_build",
    "buck-out",
    "build",
    "dist",
    "managed_components",
    "node_modules",
    "site-packages",
    "venv",
];

/// Returns `true` for such folders, and for virtual environments of Python by any name.
fn is_of_others(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    path.is_dir() && (OTHERS.contains(&name) || path.join("pyvenv.cfg").exists())
}

/// Returns `true` for names of configurations: `espq.toml` and `NAME.espq.toml`.
pub fn is_configuration(file: &Path) -> bool {
    let name = file.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    name == "espq.toml" || name.ends_with(".espq.toml")
}

/// Returns the configurations directly in a folder.
pub fn in_folder(folder: &Path) -> Result<Vec<PathBuf>> {
    let found = names(folder)?.into_iter().map(|name| folder.join(name));
    Ok(found.filter(|file| is_configuration(file) && file.is_file()).collect())
}

/// Returns the configurations in a folder, and directly in the folders in it.
pub fn in_folders_of(folder: &Path) -> Vec<PathBuf> {
    /// Most entries that are looked at: the folder may be any.
    const ENTRIES: usize = 500;
    let entries = std::fs::read_dir(folder).into_iter().flatten().take(ENTRIES).flatten();
    let folders = entries.map(|entry| entry.path()).filter(|path| path.is_dir());
    // What cannot be read has none.
    folders.chain([folder.to_path_buf()]).flat_map(|folder| in_folder(&folder).unwrap_or_default()).collect()
}

/// Returns names in byte order, without those that are not UTF-8, which cannot be written in a configuration.
fn names(folder: &Path) -> Result<Vec<String>> {
    let unreadable = |e: std::io::Error| Error::new(format!("the folder cannot be read: {e}")).in_file(folder);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        if let Ok(name) = entry.map_err(unreadable)?.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    #[test]
    fn the_configuration_of_a_folder() {
        let one = folder(&["net.espq.toml"]);
        assert_eq!(configuration(one.path()).unwrap(), one.path().join("net.espq.toml"));
        let both = folder(&["net.espq.toml", "espq.toml"]);
        assert_eq!(configuration(both.path()).unwrap(), both.path().join("espq.toml"));
        let several = configuration(folder(&["a.espq.toml", "b.espq.toml"]).path()).unwrap_err();
        assert_eq!(several.what(), "2 configurations in this folder: a.espq.toml, b.espq.toml");
        let none = configuration(folder(&["a.onnx"]).path()).unwrap_err();
        assert_eq!(none.help(), Some("`espq init MODEL.onnx` writes one"));
    }

    /// Returns configurations in a folder of `top`, relative to it.
    fn found(top: &tempfile::TempDir, inner: &str) -> Vec<String> {
        let folder = top.path().join(inner);
        let name = |f: PathBuf| f.strip_prefix(&folder).unwrap().to_string_lossy().into_owned();
        configurations(&folder).files.into_iter().map(name).collect()
    }

    #[test]
    fn hidden_folders_and_paths_ignored_by_git_are_skipped() {
        let top = folder(&["a/espq.toml", "b/net.espq.toml", ".h/espq.toml", "made/x/espq.toml", "b/net.toml"]);
        fs::write(top.path().join(".gitignore"), "made/\n").unwrap();
        assert_eq!(found(&top, ""), ["a/espq.toml", "b/net.espq.toml", "made/x/espq.toml"]);
        fs::create_dir(top.path().join(".git")).unwrap();
        assert_eq!(found(&top, ""), ["a/espq.toml", "b/net.espq.toml"]);
        assert_eq!(found(&top, "made"), ["x/espq.toml"]);
        assert_eq!(found(&top, ".h"), ["espq.toml"]);
    }

    #[test]
    fn packages_and_builds_are_searched_only_if_they_are_named() {
        let others = ["node_modules/x/espq.toml", "a/venv/lib/espq.toml", "python/pyvenv.cfg", "python/lib/espq.toml"];
        let top = folder(&[&others[..], &["a/espq.toml", "builds/espq.toml"]].concat());
        assert_eq!(found(&top, ""), ["a/espq.toml", "builds/espq.toml"]);
        assert_eq!(found(&top, "node_modules"), ["x/espq.toml"]);
    }

    #[test]
    fn exclude_names_files_and_folders_below_its_configuration() {
        let top = folder(&["old/espq.toml", "nets/a/espq.toml", "nets/a/b.espq.toml", "nets/c/old/espq.toml"]);
        let exclude = |file: &str, globs: &str| {
            let text = format!("[lint]\nexclude = {globs}\n");
            fs::write(top.path().join(file), text).unwrap();
        };
        exclude("espq.toml", "['old/', '/nets/a/b.*']");
        assert_eq!(found(&top, ""), ["espq.toml", "nets/a/espq.toml"]);
        assert_eq!(found(&top, "nets"), ["a/espq.toml"]);
        // A folder given as an argument is searched.
        assert_eq!(found(&top, "old"), ["espq.toml"]);
        exclude("espq.toml", "['nets/*', '!nets/c']");
        assert_eq!(found(&top, ""), ["espq.toml", "nets/c/old/espq.toml", "old/espq.toml"]);
        exclude("nets/c/espq.toml", "['old']");
        assert_eq!(found(&top, ""), ["espq.toml", "nets/c/espq.toml", "old/espq.toml"]);
        exclude("espq.toml", "['[z-a]']");
        assert_eq!(found(&top, "nets/c"), ["espq.toml"]);
    }

    #[test]
    fn a_configuration_above_the_repository_excludes_nothing() {
        let top = folder(&["repository/net/espq.toml", "repository/.git/HEAD"]);
        fs::write(top.path().join("espq.toml"), "[lint]\nexclude = ['net']\n").unwrap();
        assert_eq!(found(&top, "repository"), ["net/espq.toml"]);
        assert_eq!(found(&top, ""), ["espq.toml"]);
    }

    #[test]
    #[cfg(unix)]
    fn links_to_folders_are_not_followed() {
        let top = folder(&["a/espq.toml"]);
        std::os::unix::fs::symlink(top.path(), top.path().join("a/loop")).unwrap();
        std::os::unix::fs::symlink(top.path().join("a/espq.toml"), top.path().join("b.espq.toml")).unwrap();
        std::os::unix::fs::symlink(top.path().join("a"), top.path().join("linked")).unwrap();
        assert_eq!(found(&top, ""), ["a/espq.toml", "b.espq.toml"]);
        assert_eq!(found(&top, "linked"), ["espq.toml"]);
    }
}
