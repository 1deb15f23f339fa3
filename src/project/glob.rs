//! Files matched by a path, a folder or a glob, and the search through folders that finds them.

use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use ignore::{DirEntry, WalkBuilder};

use crate::order;
use crate::{Error, Result};

/// Matched files, and links that were not followed.
#[derive(Debug, Default)]
pub struct Found {
    /// Files in byte order of their paths.
    pub files: Vec<PathBuf>,
    /// Links to folders, below the folder where the search began.
    pub links: Vec<PathBuf>,
}

/// Finds the files that match `pattern`, which is absolute or relative to the working folder.
///
/// In globs, `*`, `?` and `[ab]` do not cross `/`; `**` does; `{a,b}` matches either. A folder, named or matched,
/// includes all files in it, at any depth. Hidden files and folders are skipped unless the pattern names them.
pub fn files(pattern: &Path) -> Result<Found> {
    // Pipes and devices, too: reading them says what is wrong.
    if pattern.exists() && !pattern.is_dir() {
        return Ok(Found { files: vec![pattern.to_path_buf()], links: Vec::new() });
    }
    let (base, rest) = split(pattern);
    let glob = Glob::new(&rest)?;
    if !base.is_dir() {
        return Ok(Found::default());
    }
    let mut walk = WalkBuilder::new(&base);
    // Datasets are often ignored by git, but are searched anyway.
    walk.standard_filters(false);
    let root = base.clone();
    walk.filter_entry(move |entry| glob.admits(entry, &root));
    let mut found = walked(&walk)?;
    order::sort_by(&mut found.files, |a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
    Ok(found)
}

/// Returns the folder that a pattern's files are in, at any depth.
pub fn folder_of(pattern: &Path) -> PathBuf {
    let (base, _) = split(pattern);
    match base.parent() {
        Some(folder) if !base.is_dir() => folder.to_path_buf(),
        _ => base,
    }
}

/// Returns `true` for globs and existing folders, which stand for any number of files.
pub fn is_pattern_of_many(pattern: &Path) -> bool {
    pattern.is_dir() || pattern.to_str().is_some_and(is_glob)
}

/// Returns `true` for globs, `false` for plain paths.
pub fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// Collects the files that a search finds, including links to files.
pub fn walked(walk: &WalkBuilder) -> Result<Found> {
    match readable(walk) {
        (found, errors) if errors.is_empty() => Ok(found),
        (found, errors) => Error::of_all(errors).map_or(Ok(found), Err),
    }
}

/// Collects the files that a search finds, and the errors of folders that it cannot read.
pub fn readable(walk: &WalkBuilder) -> (Found, Vec<Error>) {
    let mut found = Found::default();
    let mut errors = Vec::new();
    for entry in walk.build() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                errors.push(unreadable(error));
                continue;
            }
        };
        let kind = entry.file_type();
        if kind.is_some_and(|kind| kind.is_dir()) {
            continue;
        }
        let is_link = kind.is_some_and(|kind| kind.is_symlink());
        let path = entry.into_path();
        let list = if is_link && path.is_dir() { &mut found.links } else { &mut found.files };
        list.push(path);
    }
    (found, errors)
}

fn unreadable(error: ignore::Error) -> Error {
    // As other paths are shown; the working folder itself stays a dot.
    let plain =
        |path: &Path| path.strip_prefix(".").ok().filter(|path| !path.as_os_str().is_empty()).map(Path::to_path_buf);
    let file = path_of(&error).map(|path| plain(path).unwrap_or_else(|| path.to_path_buf()));
    let shown = match error.io_error() {
        // The cause alone: the path is named separately.
        Some(error) => {
            let cause = error.get_ref().and_then(|inner| inner.source());
            cause.map_or_else(|| error.to_string(), ToString::to_string)
        }
        None => error.to_string(),
    };
    let error = Error::new(format!("the folder cannot be read: {shown}"));
    match file {
        Some(file) => error.in_file(file),
        None => error,
    }
}

fn path_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => path_of(err),
        _ => None,
    }
}

/// Splits a pattern into the folder where the search begins and the names from the first wildcard on.
///
/// An existing name with brackets is not a glob: folders have names like "run[3]".
pub fn split(pattern: &Path) -> (PathBuf, Vec<String>) {
    let mut base = PathBuf::new();
    let mut rest = Vec::new();
    for component in pattern.components() {
        match component {
            Component::Normal(name)
                if !rest.is_empty() || (is_glob(&name.to_string_lossy()) && !base.join(name).exists()) =>
            {
                rest.push(name.to_string_lossy().into_owned())
            }
            other => base.push(other),
        }
    }
    if base.as_os_str().is_empty() {
        base.push(".");
    }
    (base, rest)
}

/// Names of a pattern from its first wildcard on; without wildcards, everything matches.
struct Glob {
    whole: Option<GlobMatcher>,
    /// Depth of the deepest folders that can contain a match, without `**`.
    depth: usize,
    /// Names that the pattern writes with a leading dot.
    hidden: Vec<GlobMatcher>,
}

impl Glob {
    fn new(names: &[String]) -> Result<Glob> {
        if names.is_empty() {
            return Ok(Glob { whole: None, depth: 0, hidden: Vec::new() });
        }
        let depth = if names.iter().any(|name| name == "**") { usize::MAX } else { names.len() };
        let hidden = names.iter().filter(|name| name.starts_with('.')).map(|name| compiled(name));
        Ok(Glob { whole: Some(compiled(&names.join("/"))?), depth, hidden: hidden.collect::<Result<_>>()? })
    }

    /// Returns `true` for files that match the pattern, and for folders that may contain such files.
    fn admits(&self, entry: &DirEntry, base: &Path) -> bool {
        // Names that are not UTF-8 cannot be written in a configuration.
        let Some(name) = entry.file_name().to_str() else { return false };
        if name.starts_with('.') && !self.hidden.iter().any(|hidden| hidden.is_match(name)) {
            return false;
        }
        let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
        (is_folder && entry.depth() < self.depth)
            || entry.path().strip_prefix(base).is_ok_and(|path| self.matches(path))
    }

    fn matches(&self, path: &Path) -> bool {
        // Matches files in a matched folder, too.
        self.whole.as_ref().is_none_or(|glob| path.ancestors().any(|path| glob.is_match(path)))
    }
}

fn compiled(glob: &str) -> Result<GlobMatcher> {
    let built = GlobBuilder::new(glob).literal_separator(true).backslash_escape(false).build();
    built.map(|glob| glob.compile_matcher()).map_err(|error| {
        Error::new(format!("`{glob}` is not a valid glob: {}", error.kind()))
            .with_help("`*`, `?` and `[ab]` do not cross `/`; `**` does; `{a,b}` matches either text")
    })
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

    fn names(folder: &tempfile::TempDir, files: Vec<PathBuf>) -> Vec<String> {
        let name = |f: PathBuf| f.strip_prefix(folder.path()).unwrap().to_string_lossy().into_owned();
        files.into_iter().map(name).collect()
    }

    fn found(folder: &tempfile::TempDir, pattern: &str) -> Vec<String> {
        names(folder, files(&folder.path().join(pattern)).unwrap().files)
    }

    #[test]
    fn a_star_does_not_cross_a_slash() {
        let folder = folder(&["calib/b.npy", "calib/a.npy", "calib/a.txt", "calib/deep/c.npy", "calib/.d.npy"]);
        assert_eq!(found(&folder, "calib/*.npy"), ["calib/a.npy", "calib/b.npy"]);
        assert_eq!(found(&folder, "calib/?.txt"), ["calib/a.txt"]);
        assert_eq!(found(&folder, "*/deep/*.npy"), ["calib/deep/c.npy"]);
        assert_eq!(found(&folder, "calib/**/*.npy"), ["calib/a.npy", "calib/b.npy", "calib/deep/c.npy"]);
    }

    #[test]
    fn brackets_and_braces_are_alternatives() {
        let folder = folder(&["a1.npy", "a2.npy", "a3.npy", "b1.npz"]);
        assert_eq!(found(&folder, "a[12].npy"), ["a1.npy", "a2.npy"]);
        assert_eq!(found(&folder, "{a3,b1}.np?"), ["a3.npy", "b1.npz"]);
    }

    #[test]
    fn an_existing_name_with_brackets_is_not_a_glob() {
        let folder = folder(&["run[3]/a.npy", "run3/b.npy", "{x}.npy"]);
        assert_eq!(found(&folder, "run[3]/*.npy"), ["run[3]/a.npy"]);
        assert_eq!(found(&folder, "run[3]"), ["run[3]/a.npy"]);
        assert_eq!(found(&folder, "{x}.npy"), ["{x}.npy"]);
    }

    #[test]
    fn a_folder_includes_all_files_in_it() {
        let folder = folder(&["images/1/b.png", "images/0/a.png", "images/.cache/x", "other/c.png"]);
        assert_eq!(found(&folder, "images"), ["images/0/a.png", "images/1/b.png"]);
        assert_eq!(found(&folder, "images/[0]"), ["images/0/a.png"]);
        assert_eq!(found(&folder, "im*"), ["images/0/a.png", "images/1/b.png"]);
    }

    #[test]
    fn hidden_names_match_only_if_the_pattern_names_them() {
        let folder = folder(&["a/.x/b.npy", "a/.y/b.npy", "a/.z.npy"]);
        assert_eq!(found(&folder, "*/.x/*.npy"), ["a/.x/b.npy"]);
        assert_eq!(found(&folder, "a/.x"), ["a/.x/b.npy"]);
        assert_eq!(found(&folder, "**/.*.npy"), ["a/.z.npy"]);
    }

    #[test]
    fn order_is_that_of_bytes() {
        let folder = folder(&["c/10.npy", "c/9.npy", "c/B.npy", "c/a.npy"]);
        assert_eq!(found(&folder, "c/*"), ["c/10.npy", "c/9.npy", "c/B.npy", "c/a.npy"]);
    }

    #[test]
    fn no_match_is_not_an_error() {
        assert!(found(&folder(&[]), "calib/*.npy").is_empty());
    }

    #[test]
    fn samples_that_git_ignores_are_found() {
        let folder = folder(&[".git/HEAD", "calib/a.npy"]);
        fs::write(folder.path().join(".gitignore"), "calib/\n").unwrap();
        assert_eq!(found(&folder, "calib/*.npy"), ["calib/a.npy"]);
    }

    #[test]
    fn a_broken_glob_is_explained() {
        let error = files(Path::new("calib/[a.npy")).unwrap_err();
        assert_eq!(error.what(), "`[a.npy` is not a valid glob: unclosed character class; missing ']'");
    }

    #[test]
    #[cfg(unix)]
    fn links_to_folders_are_named_and_not_followed() {
        use std::os::unix::fs::symlink;
        let folder = folder(&["calib/a.npy", "far/b.npy"]);
        let calib = folder.path().join("calib");
        symlink(folder.path().join("far"), calib.join("linked")).unwrap();
        symlink(&calib, calib.join("loop")).unwrap();
        symlink(folder.path().join("far/b.npy"), calib.join("c.npy")).unwrap();
        for pattern in ["calib", "cal*", "**/*.npy"] {
            assert!(!found(&folder, pattern).iter().any(|file| file.contains("linked") || file.contains("loop")));
        }
        let all = files(&calib).unwrap();
        assert_eq!(names(&folder, all.files), ["calib/a.npy", "calib/c.npy"]);
        assert_eq!(all.links.len(), 2);
        assert_eq!(found(&folder, "calib/linked"), ["calib/linked/b.npy"]);
        assert_eq!(found(&folder, "calib/linked/*.npy"), ["calib/linked/b.npy"]);
    }

    proptest::proptest! {
        #[test]
        fn a_name_matches_itself_and_a_star(name in "[a-z][a-z0-9.]{0,12}") {
            let is_match = |glob: &str| compiled(glob).unwrap().is_match(&name);
            let longer = format!("{name}*");
            proptest::prop_assert!(is_match(&name) && is_match("*") && is_match(&longer));
        }
    }
}
