//! Paths relative to a folder.

use std::path::{Component, Path};

use crate::{Error, Result};

/// Returns the folder of a file: `.` for a bare name.
pub fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Returns the path from a folder to a file, with forward slashes.
pub fn relative(file: &Path, folder: &Path) -> Result<String> {
    let real = |path: &Path| path.canonicalize().map_err(|e| Error::new(format!("cannot be found: {e}")).in_file(path));
    let (file, folder) = (real(file)?, real(folder)?);
    let (mut to, mut from) = (file.components().peekable(), folder.components().peekable());
    while to.peek().is_some() && to.peek() == from.peek() {
        to.next();
        from.next();
    }
    let up = from.map(|_| "..".to_string());
    let down = to.map(|c| match c {
        Component::Normal(name) => name.to_string_lossy().into_owned(),
        other => other.as_os_str().to_string_lossy().into_owned(),
    });
    Ok(up.chain(down).collect::<Vec<_>>().join("/"))
}
