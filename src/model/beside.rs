//! Files that a model names: found in the model's folder and nowhere else.
//!
//! An untrusted model must not read other files: a path must be inside the model's folder, with links resolved.

use std::path::{Component, Path, PathBuf};

use crate::{Error, Result};

const INSIDE: &str = "keep the data file in the model's folder and save the model again with a relative location";

/// Returns the path of `location` under `folder`, fails if it is outside.
pub fn inside(location: &str, folder: &Path) -> Result<PathBuf> {
    let relative = Path::new(location);
    let plain = relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    // Windows paths are not `Component`s elsewhere, but models are moved between systems.
    if !plain || location.is_empty() || location.contains(['\\', '\0']) || location.contains(':') {
        return Err(
            Error::new(format!("external data at '{location}' is outside the model's folder")).with_help(INSIDE)
        );
    }
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let path = folder.join(relative);
    let missing = |e: std::io::Error| {
        Error::new(format!("external data file '{location}' cannot be opened: {e}"))
            .with_help("copy it beside the model; a model with external data is two files")
    };
    let real = path.canonicalize().map_err(missing)?;
    let root = folder.canonicalize().map_err(missing)?;
    if !real.starts_with(&root) {
        return Err(
            Error::new(format!("external data at '{location}' is a link out of the model's folder")).with_help(INSIDE)
        );
    }
    if !real.is_file() {
        return Err(Error::new(format!("external data at '{location}' is not a file")).with_help(INSIDE));
    }
    Ok(real)
}
