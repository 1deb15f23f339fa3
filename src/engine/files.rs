//! Digests of files, computed again only if a file has changed.
//!
//! A file is identified by its stamp: length, times and inode. As long as none of them changes, it is not opened again,
//! so that an edit of a text reads no file. A file written within the resolution of its time stamp may change without a
//! new one, so its digest is not kept.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use prost::bytes::Bytes;

use crate::{Error, Result};

/// Delay that exceeds the resolution of time stamps: at most 10 ms on Linux.
const STEP: Duration = Duration::from_millis(100);
/// Maximum number of files, enough for several workspaces; above it, all are dropped and read again.
const MOST: usize = 1 << 16;

/// Digests by path.
#[derive(Default)]
pub struct Files {
    known: Mutex<Digests>,
    heads: Mutex<Digests>,
}

type Digests = HashMap<PathBuf, (Stamp, blake3::Hash)>;

/// State of a file according to the file system, without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    identity: Identity,
}

/// Device, inode and the time of the inode's last change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Identity {
    device: u64,
    inode: u64,
    changed: (i64, i64),
}

impl Stamp {
    /// Returns the stamp of an existing file. Errors name the file.
    pub fn of(path: &Path) -> Result<Stamp> {
        let metadata = std::fs::metadata(path).map_err(|e| unreadable(path, &e))?;
        if !metadata.is_file() && !metadata.is_dir() {
            return Err(Error::not_a_file().in_file(path));
        }
        Ok(Stamp::from(&metadata))
    }

    /// Returns `true` if a later change would give another stamp.
    fn is_settled(&self) -> bool {
        let is_old = |time: SystemTime| time.elapsed().is_ok_and(|age| age > STEP);
        let (seconds, nanoseconds) = self.identity.changed;
        let changed = u64::try_from(seconds).map(Duration::from_secs).unwrap_or_default()
            + u64::try_from(nanoseconds).map(Duration::from_nanos).unwrap_or_default();
        self.modified.is_some_and(is_old) && is_old(SystemTime::UNIX_EPOCH + changed)
    }
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Stamp {
        Stamp { length: metadata.len(), modified: metadata.modified().ok(), identity: identity(metadata) }
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt as _;
    Identity { device: metadata.dev(), inode: metadata.ino(), changed: (metadata.ctime(), metadata.ctime_nsec()) }
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Identity {
    Identity::default()
}

impl Files {
    /// Returns a file's digest; opens the file if its stamp has changed. Errors name the file.
    pub fn digest(&self, path: &Path) -> Result<blake3::Hash> {
        let stamp = Stamp::of(path)?;
        if let Some(known) = known_at(&self.known, path, &stamp) {
            return Ok(known);
        }
        let file = File::open(path).map_err(|e| unreadable(path, &e))?;
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(file).map_err(|e| unreadable(path, &e))?;
        let digest = hasher.finalize();
        remember(&self.known, path, stamp, digest)?;
        Ok(digest)
    }

    /// Returns the digest of a file's first bytes, at most `length`; opens it where its stamp is another than before. Errors
    /// name the file.
    pub fn head(&self, path: &Path, length: usize) -> Result<blake3::Hash> {
        let stamp = Stamp::of(path)?;
        if let Some(known) = known_at(&self.heads, path, &stamp) {
            return Ok(known);
        }
        let file = File::open(path).map_err(|e| unreadable(path, &e))?;
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(file.take(length as u64)).map_err(|e| unreadable(path, &e))?;
        let digest = hasher.finalize();
        remember(&self.heads, path, stamp, digest)?;
        Ok(digest)
    }

    /// Returns a file's digest, and its bytes if it had to be read. `read` limits the reading.
    pub fn digest_or_bytes(
        &self,
        path: &Path,
        read: impl FnOnce(&Path) -> Result<Bytes>,
    ) -> Result<(blake3::Hash, Option<Bytes>)> {
        let stamp = Stamp::of(path)?;
        if let Some(known) = known_at(&self.known, path, &stamp) {
            return Ok((known, None));
        }
        let bytes = read(path)?;
        let digest = blake3::hash(&bytes);
        remember(&self.known, path, stamp, digest)?;
        Ok((digest, Some(bytes)))
    }
}

fn known_at(known: &Mutex<Digests>, path: &Path, stamp: &Stamp) -> Option<blake3::Hash> {
    lock(known).get(path).filter(|(known, _)| known == stamp).map(|(_, digest)| *digest)
}

/// Keeps a digest, unless the file may have changed while it was read, or may still change without a new stamp.
fn remember(known: &Mutex<Digests>, path: &Path, before: Stamp, digest: blake3::Hash) -> Result<()> {
    if before.is_settled() && Stamp::of(path)? == before {
        let mut known = lock(known);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(path.to_path_buf(), (before, digest));
    }
    Ok(())
}

fn lock(known: &Mutex<Digests>) -> MutexGuard<'_, Digests> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::new(format!("cannot be read: {error}")).in_file(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str, age: Duration) {
        std::fs::write(path, text).unwrap();
        File::options().append(true).open(path).unwrap().set_modified(SystemTime::now() - age).unwrap();
    }

    fn files_know(files: &Files, path: &Path) -> bool {
        known_at(&files.known, path, &Stamp::of(path).unwrap()).is_some()
    }

    #[test]
    fn a_digest_is_kept_once_the_file_has_settled() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        let files = Files::default();
        write(&path, "one", Duration::from_secs(9));
        files.digest(&path).unwrap();
        std::thread::sleep(2 * STEP);
        let digest = files.digest(&path).unwrap();
        assert!(files_know(&files, &path));
        assert_eq!(digest, blake3::hash(b"one"));
    }

    #[test]
    fn a_new_file_of_equal_length_and_time_is_detected() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        let files = Files::default();
        for text in ["one", "two", "six"] {
            write(&path, text, Duration::from_secs(9));
            assert_eq!(files.digest(&path).unwrap(), blake3::hash(text.as_bytes()));
        }
    }

    #[test]
    fn bytes_are_read_only_if_the_digest_is_unknown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        write(&path, "one", Duration::from_secs(9));
        std::thread::sleep(2 * STEP);
        let files = Files::default();
        let read = |path: &Path| Ok(std::fs::read(path).unwrap().into());
        let (first, bytes) = files.digest_or_bytes(&path, read).unwrap();
        assert_eq!(bytes.as_deref(), Some(b"one".as_slice()));
        let (second, bytes) = files.digest_or_bytes(&path, |_| panic!("opened again")).unwrap();
        assert_eq!((second, bytes), (first, None));
    }
}
