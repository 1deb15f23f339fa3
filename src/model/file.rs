//! File of a model. The entries of an archive are listed once, when they are first needed.

use std::io::Cursor;
use std::sync::OnceLock;

use prost::bytes::Bytes;
use zip::ZipArchive;
use zip::read::{ArchiveOffset, Config};

/// List of entries, over the bytes of the file.
pub type Zip = ZipArchive<Cursor<Bytes>>;

/// Bytes of a model's file.
pub struct File {
    /// All of them.
    pub bytes: Bytes,
    zip: OnceLock<Result<Zip, String>>,
}

impl From<Bytes> for File {
    fn from(bytes: Bytes) -> File {
        File { bytes, zip: OnceLock::new() }
    }
}

impl File {
    /// Returns `true` for files that begin as an archive.
    pub fn is_archive(&self) -> bool {
        self.bytes.starts_with(b"PK\x03\x04")
    }

    /// Returns the list of entries, or why there is none.
    pub fn zip(&self) -> Result<&Zip, &str> {
        // Nothing is before the archive. Otherwise its start is searched, and PyTorch's archives are mistaken: behind their
        // list are the records of a large archive, which they are not.
        let config = Config { archive_offset: ArchiveOffset::Known(0) };
        let open = || ZipArchive::with_config(config, Cursor::new(self.bytes.clone())).map_err(|e| e.to_string());
        self.zip.get_or_init(open).as_ref().map_err(String::as_str)
    }

    /// Returns `true` for archives with an entry of this name, at the top or in the folder that holds all entries.
    pub fn has(&self, wanted: &str) -> bool {
        let is_wanted = |name: &[u8]| match name.strip_suffix(wanted.as_bytes()) {
            Some([folder @ .., b'/']) => !folder.contains(&b'/'),
            Some(others) => others.is_empty(),
            None => false,
        };
        self.zip().is_ok_and(|zip| zip.file_names_raw().any(is_wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    use zip::write::{SimpleFileOptions, ZipWriter};

    #[test]
    fn records_of_a_large_archive_behind_the_list_move_no_entry() {
        // The records are as long as the first entry of the list: its 46 bytes and the name.
        let names = ["resnet18/data/weights/weight_0", "resnet18/archive_format"];
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for name in names {
            writer.start_file(name, SimpleFileOptions::default()).unwrap();
            writer.write_all(name.as_bytes()).unwrap();
        }
        let mut bytes = writer.finish().unwrap().into_inner();
        let end = bytes.len() - 22;
        let mut records = b"PK\x06\x06".to_vec();
        records.extend(44u64.to_le_bytes());
        records.resize(56, 0);
        records.extend(b"PK\x06\x07\0\0\0\0");
        records.extend((end as u64).to_le_bytes());
        records.extend(1u32.to_le_bytes());
        bytes.splice(end..end, records);
        let file = File::from(Bytes::from(bytes));
        assert!(names.iter().all(|name| file.zip().unwrap().index_for_name(name).is_some()));
        assert!(file.has("archive_format") && file.has("data/weights/weight_0") && !file.has("weight_0"));
    }
}
