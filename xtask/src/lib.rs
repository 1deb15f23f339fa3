//! Chores of the repository as functions, for `cargo xtask` and for the tests of the root package.
//!
//! Never: code of espq, which takes minutes to compile; a chore that needs it runs `cargo`.

pub mod cases;
pub mod judge;
pub mod new;
pub mod parity;
pub mod tidy;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Returns the root of the repository.
pub fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// Returns the `cargo` that runs this program.
pub fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Makes an error that names the file.
pub fn at(file: &Path) -> impl Fn(std::io::Error) -> String {
    move |error| format!("{}: {error}", file.display())
}

/// Reads a text file of the repository; `file` is relative to its root.
pub fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(root().join(file)).map_err(at(file))
}

/// Returns the Rust files in a folder of the repository, at any depth, in byte order; paths are relative to its root.
pub fn sources(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    let entries = std::fs::read_dir(root().join(folder)).map_err(at(folder))?;
    for entry in entries {
        let entry = entry.map_err(at(folder))?;
        let path = folder.join(entry.file_name());
        match entry.path().is_dir() {
            true => files.extend(sources(&path)?),
            false if path.extension().is_some_and(|e| e == "rs") => files.push(path),
            false => {}
        }
    }
    files.sort();
    Ok(files)
}
