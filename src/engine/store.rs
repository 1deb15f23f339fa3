//! Results on disk, shared by an editor's server and a commit hook.
//!
//! An entry is a file named by its key. It is written to a temporary file and renamed, so readers see a complete entry
//! or none. Damaged entries, those of other versions and foreign files are ignored. A lost entry only costs time, so
//! errors of the store never fail the work.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::content::Key;

/// Name of the format; entries of other formats are in other folders.
const FORMAT: &str = "espq-1";
/// Number of writes between two checks of the store's size.
const PATROL: u64 = 32;
/// Bytes that a new entry needs at least, as most have.
const ROOM: usize = 1 << 16;
/// Age of temporary files that a killed process has left.
const STALE: std::time::Duration = std::time::Duration::from_secs(3600);

pub struct Store {
    folder: PathBuf,
    /// Size limit in bytes.
    limit: u64,
    written: AtomicU64,
}

impl Store {
    /// Makes a store in `folder`, which is created when the first entry is written.
    pub fn new(folder: &Path, limit: u64) -> Store {
        Store { folder: folder.join(FORMAT), limit, written: AtomicU64::new(0) }
    }

    pub fn get<T: DeserializeOwned>(&self, key: &Key) -> Option<T> {
        let path = self.path(key);
        let bytes = fs::read(&path).ok()?;
        let (seal, payload) = bytes.split_at_checked(32)?;
        if seal != self.seal(key, payload).as_bytes() {
            return None;
        }
        let value = serde_json::from_slice(payload).ok()?;
        // Marks the entry as recently used; if the time cannot be set, it is deleted earlier.
        let _ = File::options().append(true).open(&path).and_then(|f| f.set_modified(SystemTime::now()));
        Some(value)
    }

    pub fn put<T: Serialize>(&self, key: &Key, value: &T) {
        let Ok(payload) = serde_json::to_vec(value) else { return };
        let count = self.written.fetch_add(1, Ordering::Relaxed);
        let temporary = self.folder.join(format!("{}-{:p}-{count}.tmp", std::process::id(), self));
        let bytes = [self.seal(key, &payload).as_bytes(), payload.as_slice()].concat();
        let written = fs::create_dir_all(&self.folder)
            .and_then(|()| fs::write(&temporary, bytes))
            .and_then(|()| fs::rename(&temporary, self.path(key)));
        if written.is_err() {
            // The disk may be full or read-only: the next request computes again. Partial files are removed.
            let _ = fs::remove_file(&temporary);
        }
        if count.is_multiple_of(PATROL) {
            self.shrink();
        }
    }

    /// Fails if no entry can be written into a store's folder, which is created.
    pub fn check(folder: &Path) -> std::io::Result<()> {
        let folder = folder.join(FORMAT);
        fs::create_dir_all(&folder)?;
        // On a full disk, a file can be made, and nothing written into it.
        tempfile::Builder::new().suffix(".tmp").tempfile_in(folder)?.write_all(&[0; ROOM])
    }

    /// Deletes every entry, of all formats, and returns their number and size. Foreign files are kept.
    pub fn clean(folder: &Path) -> std::io::Result<(usize, u64)> {
        let (mut entries, mut bytes) = (0, 0);
        let formats = match fs::read_dir(folder) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok((0, 0)),
            formats => formats?,
        };
        for format in formats {
            let format = format?.path();
            if !format.file_name().is_some_and(|name| name.to_string_lossy().starts_with("espq-")) || !format.is_dir() {
                continue;
            }
            for entry in fs::read_dir(&format)? {
                let path = entry?.path();
                let is_entry = path.extension().is_some_and(|e| e == "espq" || e == "tmp");
                let about = fs::symlink_metadata(&path)?;
                if is_entry && about.is_file() {
                    fs::remove_file(&path)?;
                    entries += 1;
                    bytes += about.len();
                }
            }
            // It stays where a foreign file is in it.
            let _ = fs::remove_dir(&format);
        }
        Ok((entries, bytes))
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.folder.join(format!("{}.espq", key.hex()))
    }

    /// Computes the checksum of a payload with its key, so that an entry under another name is invalid.
    fn seal(&self, key: &Key, payload: &[u8]) -> blake3::Hash {
        blake3::Hasher::new().update(key.bytes()).update(payload).finalize()
    }

    /// Deletes the least recently used entries until there is room to grow.
    fn shrink(&self) {
        let Ok(listing) = fs::read_dir(&self.folder) else { return };
        let mut entries: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in listing.flatten() {
            let path = entry.path();
            let Ok(about) = entry.metadata() else { continue };
            let used = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            let key = path.file_stem().and_then(|stem| Key::from_hex(stem.to_str()?));
            match path.extension().and_then(|e| e.to_str()) {
                Some("espq") if about.is_file() && key.is_some() => entries.push((used, about.len(), path)),
                Some("tmp") if used.elapsed().is_ok_and(|age| age > STALE) => drop(fs::remove_file(path)),
                // Foreign files are kept.
                _ => {}
            }
        }
        let mut total: u64 = entries.iter().map(|(_, bytes, _)| bytes).sum();
        if total <= self.limit {
            return;
        }
        entries.sort();
        for (_, bytes, path) in entries {
            if total <= self.limit / 4 * 3 {
                break;
            }
            // Another process may already have deleted it.
            let _ = fs::remove_file(path);
            total -= bytes;
        }
    }
}

/// Returns the default folder: `ESPQ_CACHE_DIR`, or espq's folder in the user's cache.
pub fn default_folder() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    if let Some(folder) = variable("ESPQ_CACHE_DIR") {
        return Some(folder);
    }
    let home = std::env::home_dir();
    let caches = match std::env::consts::OS {
        "windows" => variable("LOCALAPPDATA"),
        "macos" => home.map(|home| home.join("Library/Caches")),
        // The XDG base directory specification ignores relative paths.
        _ => variable("XDG_CACHE_HOME").filter(|p| p.is_absolute()).or_else(|| home.map(|home| home.join(".cache"))),
    };
    caches.map(|caches| caches.join("espq"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::content::KeyBuilder;

    fn key(n: usize) -> Key {
        KeyBuilder::new("test").number(n).finish()
    }

    #[test]
    fn an_entry_is_found_by_another_process() {
        let folder = tempfile::tempdir().unwrap();
        Store::new(folder.path(), 1 << 20).put(&key(1), &vec![1, 2, 3]);
        assert_eq!(Store::new(folder.path(), 1 << 20).get(&key(1)), Some(vec![1, 2, 3]));
        assert_eq!(Store::new(folder.path(), 1 << 20).get::<Vec<i32>>(&key(2)), None);
    }

    #[test]
    fn damaged_and_foreign_entries_are_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path(), 1 << 20);
        store.put(&key(1), &"whole".to_string());
        let whole = fs::read(store.path(&key(1))).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(store.path(&key(1)), &damaged).unwrap();
            assert_eq!(store.get::<String>(&key(1)), None, "byte {at}");
            fs::write(store.path(&key(1)), &whole[..at]).unwrap();
            assert_eq!(store.get::<String>(&key(1)), None, "cut at {at}");
        }
        fs::write(store.path(&key(2)), &whole).unwrap();
        assert_eq!(store.get::<String>(&key(2)), None, "under another name");
        store.put(&key(3), &7);
        assert_eq!(store.get::<String>(&key(3)), None, "of another type");
    }

    #[test]
    fn the_oldest_entries_are_deleted_and_foreign_files_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path(), 4000);
        let strangers = ["notes.txt", "notes.espq"].map(|name| store.folder.join(name));
        for n in 0..8 {
            store.put(&key(n), &"x".repeat(1000));
            let age = std::time::Duration::from_secs(100 - n as u64);
            let file = File::options().append(true).open(store.path(&key(n))).unwrap();
            file.set_modified(SystemTime::now() - age).unwrap();
        }
        for stranger in &strangers {
            fs::write(stranger, "mine").unwrap();
            File::options().append(true).open(stranger).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        }
        store.shrink();
        let there: Vec<usize> = (0..8).filter(|&n| store.path(&key(n)).exists()).collect();
        assert_eq!(there, [6, 7]);
        assert!(strangers.iter().all(|stranger| stranger.exists()));
    }

    #[test]
    fn cleaning_deletes_all_entries_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path(), 1 << 20);
        (0..3).for_each(|n| store.put(&key(n), &n));
        fs::write(folder.path().join("notes.espq"), "mine").unwrap();
        let (entries, bytes) = Store::clean(folder.path()).unwrap();
        assert!(entries == 3 && bytes > 96);
        assert_eq!(store.get::<usize>(&key(1)), None);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(Store::clean(&folder.path().join("none")).unwrap(), (0, 0));
    }

    #[test]
    fn a_folder_that_cannot_be_created_only_loses_the_entry() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let store = Store::new(&file, 1 << 20);
        store.put(&key(1), &1);
        assert_eq!(store.get::<i32>(&key(1)), None);
        Store::check(&file).unwrap_err();
        Store::check(folder.path()).unwrap();
    }

    #[test]
    fn concurrent_writes_leave_a_complete_entry() {
        let folder = tempfile::tempdir().unwrap();
        let stores = [Store::new(folder.path(), 1 << 20), Store::new(folder.path(), 1 << 20)];
        std::thread::scope(|scope| {
            for (n, store) in stores.iter().enumerate() {
                scope.spawn(move || {
                    for _ in 0..200 {
                        store.put(&key(1), &n.to_string().repeat(5000));
                        let read: Option<String> = store.get(&key(1));
                        assert!(read.is_none_or(|r| r.len() == 5000 && (r.starts_with('0') || r.starts_with('1'))));
                    }
                });
            }
        });
    }
}
