//! Atomic writing of several files: all appear, or none.
//!
//! New content is written to temporary files, synced, and then renamed; old files are kept until all are renamed. After
//! a kill, the next call finds the leftovers and restores the old files. Two processes that write into one folder take
//! turns.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Writes `files` (name and content) into `folder`.
pub fn write(folder: &Path, files: &[(String, &[u8])]) -> Result<()> {
    let _turn = lock(folder);
    let places: Vec<Place> = files.iter().map(|(name, _)| Place::new(folder, name)).collect();
    recover(&places)?;
    places.iter().try_for_each(|place| super::check_writable(&place.file))?;
    for (place, (_, content)) in places.iter().zip(files) {
        if let Err(error) = stage(&place.new, content) {
            discard(places.iter().map(|p| &p.new));
            return Err(failed("cannot be written", &place.file, &error)
                .with_help(format!("check that {} is writable and has free space", folder.display())));
        }
        if let Ok(about) = fs::metadata(&place.file) {
            super::write::keep_owner(&place.new, &about);
        }
    }
    if let Err(error) = commit(&places) {
        // Files that cannot be restored now are restored by the next call.
        let _ = roll_back(&places);
        // Nothing is kept for files that did not exist before.
        discard(places.iter().filter(|p| !p.had_file && !p.new.exists()).map(|p| &p.file));
        discard(places.iter().map(|p| &p.new));
        return Err(error.with_help("the previous files were restored"));
    }
    discard(places.iter().map(|p| &p.old));
    sync_folder(folder);
    Ok(())
}

/// Waits for the turn to write into a folder, which ends when the handle is dropped, or with the process.
///
/// The lock is on the folder itself, so that no file is left behind. Where a system or a file system has no such lock,
/// writing goes on without one.
fn lock(folder: &Path) -> Option<File> {
    let handle = File::open(folder).ok()?;
    handle.lock().ok()?;
    Some(handle)
}

/// File with its new and its old content.
struct Place {
    file: PathBuf,
    new: PathBuf,
    old: PathBuf,
    had_file: bool,
}

impl Place {
    fn new(folder: &Path, name: &str) -> Place {
        let beside = |end: &str| folder.join(format!(".{name}.{end}"));
        let file = folder.join(name);
        Place { new: beside("new"), old: beside("old"), had_file: file.exists(), file }
    }
}

fn stage(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn commit(places: &[Place]) -> Result<()> {
    for place in places {
        match keep(&place.file, &place.old) {
            Ok(()) => {}
            Err(e) => return Err(failed("cannot be backed up while it is replaced", &place.file, &e)),
        }
    }
    for place in places {
        fs::rename(&place.new, &place.file).map_err(|e| failed("cannot be replaced", &place.file, &e))?;
    }
    Ok(())
}

/// Makes a hard link to the content, or a copy if the file system has no links; does nothing if there is no file.
fn keep(file: &Path, old: &Path) -> std::io::Result<()> {
    match fs::hard_link(file, old) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        Err(_) => fs::copy(file, old).map(|_| ()),
        done => done,
    }
}

/// Recovers after a kill: if some new content is left, the old files are restored. If none is left, all files are
/// complete.
fn recover(places: &[Place]) -> Result<()> {
    let any = |path: fn(&Place) -> &PathBuf| places.iter().any(|p| path(p).exists());
    if any(|p| &p.old) && any(|p| &p.new) {
        roll_back(places)?;
    }
    discard(places.iter().map(|p| &p.new));
    discard(places.iter().map(|p| &p.old));
    Ok(())
}

/// Restores backed-up content.
fn roll_back(places: &[Place]) -> Result<()> {
    for place in places.iter().filter(|p| p.old.exists()) {
        fs::rename(&place.old, &place.file).map_err(|e| failed("cannot be restored", &place.file, &e))?;
    }
    // Renaming one of two hard links of a file to the other has no effect.
    discard(places.iter().map(|p| &p.old));
    Ok(())
}

fn discard<'p>(paths: impl IntoIterator<Item = &'p PathBuf>) {
    for path in paths {
        // Files that cannot be removed are overwritten by the next call.
        let _ = fs::remove_file(path);
    }
}

/// Syncs the names, too, for power failures. Not every system supports syncing a folder.
fn sync_folder(folder: &Path) {
    let _ = File::open(folder).and_then(|f| f.sync_all());
}

fn failed(what: &str, file: &Path, error: &std::io::Error) -> Error {
    Error::new(format!("{what}: {error}")).in_file(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 3] = ["m.espdl", "m.info", "m.json"];

    fn files(content: &str) -> Vec<(String, &[u8])> {
        NAMES.iter().map(|n| (n.to_string(), content.as_bytes())).collect()
    }

    /// Returns the contents of a folder by name, sorted.
    fn found(folder: &Path) -> Vec<(String, String)> {
        let mut found: Vec<(String, String)> = fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().path())
            .filter(|p| p.is_file())
            .map(|p| (p.file_name().unwrap().to_str().unwrap().to_string(), fs::read_to_string(&p).unwrap()))
            .collect();
        found.sort();
        found
    }

    fn all(content: &str) -> Vec<(String, String)> {
        NAMES.iter().map(|n| (n.to_string(), content.to_string())).collect()
    }

    #[test]
    fn fifty_pairs_at_once_each_end_in_one_whole_set() {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..50 {
            std::thread::scope(|scope| {
                let writers = ["first", "second"].map(|content| scope.spawn(|| write(folder.path(), &files(content))));
                writers.into_iter().for_each(|writer| writer.join().unwrap().unwrap());
            });
            let found = found(folder.path());
            assert!(found == all("first") || found == all("second"), "{found:?}");
        }
    }

    #[test]
    fn three_files_appear_and_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        for content in ["first", "second"] {
            write(folder.path(), &files(content)).unwrap();
            assert_eq!(found(folder.path()), all(content));
        }
    }

    #[test]
    fn if_the_second_file_fails_the_old_ones_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &files("first")).unwrap();
        fs::remove_file(folder.path().join("m.info")).unwrap();
        fs::create_dir(folder.path().join("m.info")).unwrap();
        let error = write(folder.path(), &files("second")).unwrap_err();
        assert!(error.file().unwrap().ends_with("m.info"), "{error}");
        let kept = vec![("m.espdl".to_string(), "first".to_string()), ("m.json".to_string(), "first".to_string())];
        assert_eq!(found(folder.path()), kept);
    }

    #[test]
    fn if_the_second_file_is_read_only_no_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &files("first")).unwrap();
        let second = folder.path().join("m.info");
        let mut permissions = fs::metadata(&second).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&second, permissions).unwrap();
        let error = write(folder.path(), &files("second")).unwrap_err();
        assert!(error.what().contains("read-only") && error.file() == Some(&second), "{error}");
        assert_eq!(found(folder.path()), all("first"));
    }

    #[test]
    fn if_the_second_file_fails_a_first_export_leaves_no_files() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("m.info")).unwrap();
        write(folder.path(), &files("first")).unwrap_err();
        assert_eq!(found(folder.path()), []);
    }

    #[test]
    fn if_the_second_name_is_a_folder_no_file_is_written() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".m.info.new")).unwrap();
        write(folder.path(), &files("first")).unwrap_err();
        assert_eq!(found(folder.path()), []);
    }

    #[test]
    fn a_folder_that_is_not_writable_is_named() {
        let error = write(Path::new("/proc/self"), &files("first")).unwrap_err();
        assert!(error.help().unwrap().contains("/proc/self"), "{error}");
    }

    #[test]
    fn leftovers_of_a_kill_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".m.espdl.new"), "half").unwrap();
        write(folder.path(), &files("first")).unwrap();
        assert_eq!(found(folder.path()), all("first"));
    }

    /// Simulates a kill after `renamed` of the three files were renamed.
    fn killed(renamed: usize) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: String| folder.path().join(name);
        for (i, name) in NAMES.iter().enumerate() {
            fs::write(at(format!(".{name}.old")), "first").unwrap();
            fs::write(at(name.to_string()), if i < renamed { "second" } else { "first" }).unwrap();
            if i >= renamed {
                fs::write(at(format!(".{name}.new")), "second").unwrap();
            }
        }
        folder
    }

    #[test]
    fn a_kill_between_two_files_is_undone() {
        for renamed in 0..3 {
            let folder = killed(renamed);
            let places: Vec<Place> = NAMES.iter().map(|n| Place::new(folder.path(), n)).collect();
            recover(&places).unwrap();
            assert_eq!(found(folder.path()), all("first"), "{renamed}");
        }
        let folder = killed(3);
        let places: Vec<Place> = NAMES.iter().map(|n| Place::new(folder.path(), n)).collect();
        recover(&places).unwrap();
        assert_eq!(found(folder.path()), all("second"));
    }
}
