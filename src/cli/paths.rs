//! Paths relative to a folder.

use std::path::{Component, Path};

use crate::project::Project;
use crate::{Error, Result};

/// Returns the folder of a file: `.` for a bare name.
pub fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Refuses an output over a configuration or a file that it reads: a slip would lose it.
pub fn check_output(output: &Path, projects: &[Project]) -> Result<()> {
    let Ok(wanted) = output.canonicalize() else { return Ok(()) };
    let is_wanted = |file: &Path| file.canonicalize().is_ok_and(|file| file == wanted);
    let reads = |project: &&Project| is_wanted(&project.file) || project.files().iter().any(|file| is_wanted(file));
    let Some(project) = projects.iter().find(reads) else { return Ok(()) };
    let what = match is_wanted(&project.file) {
        true => "is the configuration itself, and was left unchanged".to_string(),
        false => format!("is read by {}, and was left unchanged", project.file.display()),
    };
    Err(Error::new(what).in_file(output).with_help("write to another file"))
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
