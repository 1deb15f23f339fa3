//! File of a model: in memory, or open and read where its bytes are needed. The entries of an archive are listed once, when they
//! are first needed.

use std::io::{self, Read, Seek};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use prost::bytes::Bytes;
use zip::ZipArchive;
use zip::read::{ArchiveOffset, Config};

use super::source::{Reader, Source};
use crate::{Error, Result, file};

/// Protobuf's own limit; larger models store their weights as external data.
const MAX_BYTES: u64 = 2 << 30;
/// Bytes by which formats are recognized.
const START: usize = 64;
/// Bytes of a part that are read at once where they are converted.
const CHUNK: usize = 128 << 10;

const CHECK: &str = "check the path and its permissions";

/// List of entries, over the bytes of the file.
pub type Zip = ZipArchive<Reader>;

/// A model's file.
pub struct File {
    source: Source,
    /// Bytes of the file.
    pub size: usize,
    /// First bytes of the file.
    start: Bytes,
    whole: OnceLock<Result<Bytes>>,
    zip: OnceLock<Result<Zip, String>>,
}

impl From<Bytes> for File {
    fn from(bytes: Bytes) -> File {
        let start = bytes.slice(..bytes.len().min(START));
        File { size: bytes.len(), start, source: Source::Memory(bytes), whole: OnceLock::new(), zip: OnceLock::new() }
    }
}

impl File {
    /// Opens a model's file. Errors name the file.
    pub fn open(path: &Path) -> Result<File> {
        if path.is_dir() {
            return Err(super::folder(path).in_file(path));
        }
        let opened = file::open(path).map_err(|e| e.with_help(CHECK))?;
        let size = opened.metadata().map_err(|e| unreadable(&e).in_file(path))?.len();
        if size > MAX_BYTES {
            return Err(too_large().in_file(path));
        }
        let mut start = vec![0; START.min(size as usize)];
        file::read_at(&opened, 0, &mut start).map_err(|e| unreadable(&e).in_file(path))?;
        Ok(File {
            source: Source::Disk(Arc::new(opened)),
            size: size as usize,
            start: start.into(),
            whole: OnceLock::new(),
            zip: OnceLock::new(),
        })
    }

    /// Returns the first bytes, at most 64.
    pub fn start(&self) -> &[u8] {
        &self.start
    }

    /// Returns all bytes, which are read at the first call.
    pub fn bytes(&self) -> Result<Bytes> {
        match &self.source {
            Source::Memory(bytes) => Ok(bytes.clone()),
            Source::Disk(file) => self.whole.get_or_init(|| whole(file, self.size)).clone(),
        }
    }

    /// Returns a part of the file; `None` if it reaches beyond its end.
    pub fn part(&self, range: Range<usize>) -> Option<Part<'_>> {
        (range.start <= range.end && range.end <= self.size)
            .then_some(Part { file: self, range: (range.start, range.end) })
    }

    /// Returns `true` for files that begin as an archive.
    pub fn is_archive(&self) -> bool {
        self.start.starts_with(b"PK\x03\x04")
    }

    /// Returns the list of entries, or why there is none.
    pub fn zip(&self) -> Result<&Zip, &str> {
        // Nothing is before the archive. Otherwise its start is searched, and PyTorch's archives are mistaken: behind their
        // list are the records of a large archive, which they are not.
        let config = Config { archive_offset: ArchiveOffset::Known(0) };
        let reader = || Reader::of(self.source.clone(), self.size);
        let open = || ZipArchive::with_config(config, reader()).map_err(|e| e.to_string());
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

/// Part of a file, of which nothing has been read yet.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    file: &'a File,
    /// First byte, and the one behind the last.
    range: (usize, usize),
}

impl<'a> Part<'a> {
    /// Counts the bytes.
    pub fn size(&self) -> usize {
        self.range.1 - self.range.0
    }

    /// Returns a part of the part; `None` if it reaches beyond its end.
    pub fn part(&self, range: Range<usize>) -> Option<Part<'a>> {
        let (start, end) = (self.range.0.checked_add(range.start)?, self.range.0.checked_add(range.end)?);
        (end <= self.range.1).then(|| self.file.part(start..end)).flatten()
    }

    /// Returns the bytes.
    pub fn read(&self) -> Result<Bytes> {
        let Part { file, range: (start, end) } = *self;
        match &file.source {
            Source::Memory(bytes) => Ok(bytes.slice(start..end)),
            Source::Disk(file) => {
                let mut bytes = vec![0; end - start];
                file::read_at(file, start as u64, &mut bytes).map_err(|e| unreadable(&e))?;
                Ok(bytes.into())
            }
        }
    }

    /// Reads the bytes in chunks, in which numbers of 4 bytes are whole: there is no second place for all of them.
    pub fn chunks(&self, mut each: impl FnMut(&[u8])) -> Result<()> {
        let Part { file, range: (start, end) } = *self;
        match &file.source {
            Source::Memory(bytes) => each(&bytes[start..end]),
            Source::Disk(file) => {
                let mut chunk = vec![0; CHUNK.min(end - start)];
                for from in (start..end).step_by(CHUNK) {
                    let chunk = &mut chunk[..CHUNK.min(end - from)];
                    file::read_at(file, from as u64, chunk).map_err(|e| unreadable(&e))?;
                    each(chunk);
                }
            }
        }
        Ok(())
    }
}

fn whole(mut file: &std::fs::File, size: usize) -> Result<Bytes> {
    // Room for the read that finds the end: a file that has grown would be copied.
    let mut bytes = Vec::with_capacity(size + 1);
    file.rewind().and_then(|()| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).map_err(|e| unreadable(&e))?;
    match bytes.len() as u64 > MAX_BYTES {
        true => Err(too_large()),
        false => Ok(bytes.into()),
    }
}

fn unreadable(error: &io::Error) -> Error {
    // Parts lie within the size that the file had.
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return file::changed();
    }
    Error::new(format!("the model cannot be read: {error}")).with_help(CHECK)
}

fn too_large() -> Error {
    Error::new("the model is larger than 2 GiB")
        .with_help("no ESP32 has memory for such a model; if it is the right file, store its weights as external data")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;
    use std::io::{Cursor, Write};

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

    #[test]
    fn a_file_on_disk_has_the_bytes_and_the_entries_of_one_in_memory() {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        for at in 0..300 {
            writer.start_file(format!("net/data/{at}"), stored).unwrap();
            writer.write_all(&vec![at as u8; at * at]).unwrap();
        }
        let bytes = Bytes::from(writer.finish().unwrap().into_inner());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.pt2");
        std::fs::write(&path, &bytes).unwrap();
        let (disk, memory) = (File::open(&path).unwrap(), File::from(bytes.clone()));
        let starts = |file: &File| {
            let mut zip = file.zip().unwrap().clone();
            (0..zip.len()).map(|at| zip.by_index_raw(at).unwrap().data_start()).collect::<Vec<_>>()
        };
        assert_eq!(starts(&disk), starts(&memory));
        for range in [0..0, 5..70, 1000..300_000, 0..bytes.len()] {
            let part = |file: &File| {
                let mut chunks = Vec::new();
                let part = file.part(range.clone()).unwrap();
                part.chunks(|chunk| chunks.extend_from_slice(chunk)).unwrap();
                assert_eq!(part.read().unwrap(), chunks);
                chunks
            };
            assert_eq!(part(&disk), bytes[range.clone()]);
            assert_eq!(part(&memory), bytes[range.clone()]);
        }
        assert!(disk.part(0..bytes.len() + 1).is_none());
        assert!(disk.part(4..9).unwrap().part(0..6).is_none());
        assert_eq!((disk.start(), disk.bytes().unwrap()), (&bytes[..64], bytes.clone()));
    }

    #[test]
    fn a_file_that_becomes_shorter_is_reported_as_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.pt2");
        std::fs::write(&path, [0; 100]).unwrap();
        let file = File::open(&path).unwrap();
        std::fs::write(&path, [0; 50]).unwrap();
        let part = file.part(40..60).unwrap();
        for error in [part.read().unwrap_err(), part.chunks(|_| ()).unwrap_err()] {
            assert_eq!((error.kind(), error.help()), (Kind::Changed, Some("run again once it is complete")));
        }
    }
}
