//! Bytes of a file: in memory or on disk, and a reader of few of them at a time, as the list of an archive is read.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::sync::Arc;

use prost::bytes::Bytes;

use crate::file;

/// Bytes that are read at once.
const BLOCK: usize = 1024;

/// Place of a file's bytes.
#[derive(Clone)]
pub enum Source {
    Memory(Bytes),
    Disk(Arc<std::fs::File>),
}

/// Reader of an archive's list.
#[derive(Clone)]
pub struct Reader {
    source: Source,
    size: usize,
    at: usize,
    /// Bytes of the file from `from` on.
    block: Vec<u8>,
    from: usize,
}

impl Reader {
    /// Begins at the first byte of a file of so many bytes.
    pub fn of(source: Source, size: usize) -> Reader {
        Reader { source, size, at: 0, block: Vec::new(), from: 0 }
    }
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = into.len().min(self.size.saturating_sub(self.at));
        if count == 0 {
            return Ok(0);
        }
        let range = self.at..self.at + count;
        match &self.source {
            Source::Memory(bytes) => into[..count].copy_from_slice(&bytes[range]),
            Source::Disk(file) if count > BLOCK => file::read_at(file, self.at as u64, &mut into[..count])?,
            Source::Disk(file) => {
                if range.start < self.from || range.end > self.from + self.block.len() {
                    self.block.resize(BLOCK.min(self.size - self.at), 0);
                    self.from = self.at;
                    if let Err(error) = file::read_at(file, self.from as u64, &mut self.block) {
                        self.block.clear();
                        return Err(error);
                    }
                }
                into[..count].copy_from_slice(&self.block[self.at - self.from..][..count]);
            }
        }
        self.at += count;
        Ok(count)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => i64::try_from(at).ok(),
            SeekFrom::End(by) => (self.size as i64).checked_add(by),
            SeekFrom::Current(by) => (self.at as i64).checked_add(by),
        };
        let at = at.and_then(|at| usize::try_from(at).ok()).ok_or(ErrorKind::InvalidInput)?;
        self.at = at;
        Ok(at as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_the_end_is_nothing_to_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"0123456789").unwrap();
        let disk = Source::Disk(Arc::new(file::open(&path).unwrap()));
        for source in [disk, Source::Memory(Bytes::from_static(b"0123456789"))] {
            let mut reader = Reader::of(source, 10);
            let mut read = |to| {
                reader.seek(to).unwrap();
                let mut text = String::new();
                reader.read_to_string(&mut text).unwrap();
                text
            };
            assert_eq!([SeekFrom::Start(7), SeekFrom::End(-2), SeekFrom::Start(99)].map(&mut read), ["789", "89", ""]);
            assert!(reader.seek(SeekFrom::Current(-100)).is_err());
        }
    }
}
