//! Formats of sample files, told by the ends of their names.

use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Formats of sample files, as listed in messages.
pub const FORMATS: &str = ".npy, .npz, .png, .jpg or .bmp files";

/// Format of a sample file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Npy,
    Npz,
    Image,
}

impl Format {
    pub fn of(file: &Path) -> Option<Format> {
        match file.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "npy" => Some(Format::Npy),
            "npz" => Some(Format::Npz),
            "png" | "jpg" | "jpeg" | "bmp" => Some(Format::Image),
            _ => None,
        }
    }

    /// Returns the common format of several files.
    pub fn of_all(files: &[PathBuf]) -> Result<Format> {
        let mut first = None;
        for file in files {
            let Some(format) = Format::of(file) else {
                return Err(Error::new("is not a sample file")
                    .in_file(file)
                    .with_help(format!("samples are {FORMATS}")));
            };
            match first {
                None => first = Some((format, file)),
                Some((other, other_file)) if other != format => {
                    return Err(Error::new(format!(
                        "{} and {} are of different formats",
                        other_file.display(),
                        file.display()
                    ))
                    .with_help("select files of one format, as in data = \"calib/*.npy\""));
                }
                Some(_) => {}
            }
        }
        first.map(|(format, _)| format).ok_or_else(|| Error::new("there are no files"))
    }
}
