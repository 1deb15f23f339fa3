//! Which files are meant: the configuration, and those that a glob or a folder stands for.

use std::path::{Component, Path, PathBuf};

use crate::{Error, Result};

/// The configuration that a path names, or that a folder holds.
pub fn configuration(path: &Path) -> Result<PathBuf> {
    if path.is_file() {
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("onnx")) {
            return Err(Error::new("this is a model, not a configuration")
                .in_file(path)
                .with_help(format!("`espq init {}` writes an espq.toml for it", path.display())));
        }
        return Ok(path.to_path_buf());
    }
    if !path.is_dir() {
        return Err(Error::new("there is no such file or folder").in_file(path));
    }
    // Shown as "espq.toml": the working folder needs no mention.
    let within = |name: &str| if path == Path::new(".") { PathBuf::from(name) } else { path.join(name) };
    let named = within("espq.toml");
    if named.is_file() {
        return Ok(named);
    }
    let found: Vec<String> =
        names(path)?.into_iter().filter(|n| n.ends_with(".espq.toml") && within(n).is_file()).collect();
    match found.as_slice() {
        [one] => Ok(within(one)),
        [] => Err(Error::new("no espq.toml and no *.espq.toml in this folder")
            .in_file(path)
            .with_help("`espq init MODEL.onnx` writes one")),
        [first, ..] => Err(Error::new(format!("{} configurations in this folder: {}", found.len(), found.join(", ")))
            .in_file(path)
            .with_help(format!("name one: `espq report {}`", within(first).display()))),
    }
}

/// Every configuration at or under a path: `espq.toml` and `*.espq.toml`, hidden folders left out.
pub fn configurations(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(if is_configuration(path) { vec![path.to_path_buf()] } else { Vec::new() });
    }
    let mut found = Vec::new();
    let shown = |file: PathBuf| file.strip_prefix(".").map(Path::to_path_buf).unwrap_or(file);
    walk(path, 0, &mut |file| {
        if is_configuration(&file) {
            found.push(shown(file));
        }
    })?;
    Ok(found)
}

pub fn is_configuration(file: &Path) -> bool {
    let name = file.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    name == "espq.toml" || name.ends_with(".espq.toml")
}

/// The configurations in a folder itself.
pub fn in_folder(folder: &Path) -> Result<Vec<PathBuf>> {
    let found = names(folder)?.into_iter().map(|name| folder.join(name));
    Ok(found.filter(|file| is_configuration(file) && file.is_file()).collect())
}

/// Files that `pattern` (absolute, or relative to the working folder) stands for, in byte order of their paths.
///
/// `*` and `?` stand for characters of one name, `**` for any folders. A folder stands for all files in it,
/// at any depth. Hidden files are left out unless the pattern names them.
pub fn files(pattern: &Path) -> Result<Vec<PathBuf>> {
    if pattern.is_file() {
        return Ok(vec![pattern.to_path_buf()]);
    }
    let mut found = Vec::new();
    if pattern.is_dir() {
        walk(pattern, 0, &mut |file| found.push(file))?;
    } else {
        let (base, rest) = split(pattern);
        expand(&base, &rest, 0, &mut found)?;
    }
    found.sort_by(|a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
    found.dedup();
    Ok(found)
}

/// The folder that a pattern's files are in, at any depth.
pub fn folder_of(pattern: &Path) -> PathBuf {
    let (base, _) = split(pattern);
    match base.parent() {
        Some(folder) if !base.is_dir() => folder.to_path_buf(),
        _ => base,
    }
}

pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Folders deeper than this are a loop of links.
const DEEPEST: usize = 32;

/// The part without wildcards, and the names after it.
fn split(pattern: &Path) -> (PathBuf, Vec<String>) {
    let mut base = PathBuf::new();
    let mut rest = Vec::new();
    for component in pattern.components() {
        match component {
            Component::Normal(name) if !rest.is_empty() || is_pattern(&name.to_string_lossy()) => {
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

fn expand(folder: &Path, pattern: &[String], depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    let Some((first, rest)) = pattern.split_first() else { return Ok(()) };
    if !folder.is_dir() || depth > DEEPEST {
        return Ok(());
    }
    if first == "**" {
        expand(folder, rest, depth + 1, found)?;
    }
    for name in names(folder)? {
        let path = folder.join(&name);
        let is_folder = path.is_dir();
        if first == "**" {
            if is_folder && !name.starts_with('.') {
                expand(&path, pattern, depth + 1, found)?;
            } else if !is_folder && rest.is_empty() && !name.starts_with('.') {
                found.push(path);
            }
        } else if matches(first, &name) {
            match rest.is_empty() {
                true if !is_folder => found.push(path),
                true => walk(&path, depth + 1, &mut |file| found.push(file))?,
                false => expand(&path, rest, depth + 1, found)?,
            }
        }
    }
    Ok(())
}

fn walk(folder: &Path, depth: usize, visit: &mut dyn FnMut(PathBuf)) -> Result<()> {
    if depth > DEEPEST {
        return Ok(());
    }
    for name in names(folder)?.into_iter().filter(|n| !n.starts_with('.')) {
        let path = folder.join(&name);
        match path.is_dir() {
            true => walk(&path, depth + 1, visit)?,
            false => visit(path),
        }
    }
    Ok(())
}

/// In byte order. Names that are not UTF-8 cannot be written in a configuration, and are left out.
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

/// `*` any characters, `?` one; a leading dot must be written.
fn matches(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    // By prefix of the pattern: whether it matches each prefix of the name.
    let mut row: Vec<bool> = (0..=name.len()).map(|n| n == 0).collect();
    for &p in &pattern {
        let mut next = vec![p == '*' && row[0]; name.len() + 1];
        for (i, &c) in name.iter().enumerate() {
            next[i + 1] = match p {
                '*' => row[i + 1] || next[i],
                '?' => row[i],
                _ => row[i] && p == c,
            };
        }
        row = next;
    }
    row[name.len()]
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

    fn found(folder: &tempfile::TempDir, pattern: &str) -> Vec<String> {
        let name = |f: PathBuf| f.strip_prefix(folder.path()).unwrap().to_string_lossy().into_owned();
        files(&folder.path().join(pattern)).unwrap().into_iter().map(name).collect()
    }

    #[test]
    fn a_star_stands_within_one_name() {
        let folder = folder(&["calib/b.npy", "calib/a.npy", "calib/a.txt", "calib/deep/c.npy", "calib/.d.npy"]);
        assert_eq!(found(&folder, "calib/*.npy"), ["calib/a.npy", "calib/b.npy"]);
        assert_eq!(found(&folder, "calib/?.txt"), ["calib/a.txt"]);
        assert_eq!(found(&folder, "*/deep/*.npy"), ["calib/deep/c.npy"]);
        assert_eq!(found(&folder, "calib/**/*.npy"), ["calib/a.npy", "calib/b.npy", "calib/deep/c.npy"]);
    }

    #[test]
    fn a_folder_stands_for_all_in_it() {
        let folder = folder(&["images/1/b.png", "images/0/a.png", "images/.cache/x"]);
        assert_eq!(found(&folder, "images"), ["images/0/a.png", "images/1/b.png"]);
    }

    #[test]
    fn order_is_that_of_bytes() {
        let folder = folder(&["c/10.npy", "c/9.npy", "c/B.npy", "c/a.npy"]);
        assert_eq!(found(&folder, "c/*"), ["c/10.npy", "c/9.npy", "c/B.npy", "c/a.npy"]);
    }

    #[test]
    fn nothing_is_no_error_here() {
        assert!(found(&folder(&[]), "calib/*.npy").is_empty());
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

    proptest::proptest! {
        #[test]
        fn a_name_matches_itself_and_a_star(name in "[a-z][a-z0-9.]{0,12}") {
            let longer = format!("{name}*");
            proptest::prop_assert!(matches(&name, &name) && matches("*", &name) && matches(&longer, &name));
        }
    }
}
