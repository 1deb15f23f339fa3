//! File of a model. The entries of an archive are listed once, when they are first needed.

use std::cell::OnceCell;
use std::io::Cursor;

use prost::bytes::Bytes;
use zip::ZipArchive;

/// List of entries, over the bytes of the file.
pub type Zip = ZipArchive<Cursor<Bytes>>;

/// Bytes of a model's file.
pub struct File {
    /// All of them.
    pub bytes: Bytes,
    zip: OnceCell<Result<Zip, String>>,
}

impl From<Bytes> for File {
    fn from(bytes: Bytes) -> File {
        File { bytes, zip: OnceCell::new() }
    }
}

impl File {
    /// Returns `true` for files that begin as an archive.
    pub fn is_archive(&self) -> bool {
        self.bytes.starts_with(b"PK\x03\x04")
    }

    /// Returns the list of entries, or why there is none.
    pub fn zip(&self) -> Result<&Zip, &str> {
        let open = || ZipArchive::new(Cursor::new(self.bytes.clone())).map_err(|e| e.to_string());
        self.zip.get_or_init(open).as_ref().map_err(String::as_str)
    }

    /// Returns `true` for archives with an entry of this name, at the top or in the folder that holds all entries.
    pub fn has(&self, wanted: &str) -> bool {
        let is_wanted = |name: &str| name == wanted || name.split_once('/').is_some_and(|(_, rest)| rest == wanted);
        self.zip().is_ok_and(|zip| zip.file_names().flatten().any(|name| is_wanted(&name)))
    }
}
