//! Opening of files that a user names.

use std::fs::{File, metadata};
use std::io::{ErrorKind, Read};
use std::path::Path;

use crate::{Error, Kind, Result};

/// Opens a file. Pipes and devices are refused: the one would be waited for, the other has no end. Errors name the file.
pub fn open(path: &Path) -> Result<File> {
    let about = metadata(path).map_err(|e| unreadable(path, &e))?;
    if about.is_dir() {
        let error = Error::new("this is a folder, not a file").with_help("give the path of a file");
        return Err(error.in_file(path));
    }
    // A pipe is waited for when it is opened.
    if !about.is_file() {
        return Err(Error::not_a_file().in_file(path));
    }
    File::open(path).map_err(|e| unreadable(path, &e))
}

/// Fills `bytes` from a place of a file. Threads may read at several places at once.
pub fn read_at(file: &File, place: u64, bytes: &mut [u8]) -> std::io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_exact_at(file, bytes, place);
    #[cfg(windows)]
    {
        let mut done = 0;
        while done < bytes.len() {
            match std::os::windows::fs::FileExt::seek_read(file, &mut bytes[done..], place + done as u64)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                count => done += count,
            }
        }
        Ok(())
    }
}

/// Reads a file of at most `longest` bytes. Errors name the file.
pub fn read(path: &Path, longest: u64) -> Result<Vec<u8>> {
    let file = open(path)?;
    let length = file.metadata().map_or(0, |about| about.len()).min(longest);
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1);
    // One byte more tells a file that is too long from one that is not.
    file.take(longest.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| unreadable(path, &e))?;
    if bytes.len() as u64 > longest {
        let error = Error::new(format!("the file is longer than {longest} bytes"));
        return Err(error.with_help("check that this is the right file").in_file(path));
    }
    Ok(bytes)
}

/// Reads a text of at most `longest` bytes. Errors name the file.
pub fn text(path: &Path, longest: u64) -> Result<String> {
    let bytes = read(path, longest)?;
    if is_lfs_pointer(&bytes) {
        return Err(lfs_pointer("the file").in_file(path));
    }
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        Error::new(format!("byte {at} is not UTF-8")).in_file(path).with_help("save the file as UTF-8")
    })
}

/// Returns `true` for the first bytes of what Git LFS leaves in place of a file that was not fetched.
/// <https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>
pub fn is_lfs_pointer(start: &[u8]) -> bool {
    start.starts_with(b"version https://git-lfs")
}

/// Makes the error of a file that changes while it is read.
pub fn changed() -> Error {
    let error = Error::new("the file was written while espq read it").of_kind(Kind::Changed);
    error.with_help("run again once it is complete")
}

/// Makes the error of a pointer in place of something.
pub fn lfs_pointer(expected: &str) -> Error {
    Error::new(format!("this is a Git LFS pointer instead of {expected}"))
        .with_help("fetch it: `git lfs pull` in its repository")
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    let kind = if error.kind() == ErrorKind::NotFound { Kind::Missing } else { Kind::Other };
    Error::new(format!("cannot be read: {error}")).in_file(path).of_kind(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_pipes_and_devices_are_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        assert!(text(folder.path(), 9).unwrap_err().what().contains("a folder"));
        if cfg!(unix) {
            let pipe = folder.path().join("pipe");
            assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
            for path in [pipe.as_path(), Path::new("/dev/zero")] {
                let error = read(path, 9).unwrap_err();
                assert!(error.what().contains("a pipe or a device") && error.file() == Some(path), "{error}");
            }
        }
    }

    #[test]
    fn what_is_too_long_missing_or_no_text_is_refused_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        assert_eq!(read(&file, 9).unwrap_err().kind(), Kind::Missing);
        for (bytes, reason) in
            [(&b"0123456789"[..], "longer than 9 bytes"), (b"ok\xff", "byte 2 is not UTF-8"), (b"ok", "")]
        {
            std::fs::write(&file, bytes).unwrap();
            match text(&file, 9) {
                Ok(text) => assert!(reason.is_empty() && text == "ok"),
                Err(error) => assert!(error.what().contains(reason) && error.file() == Some(&file), "{error}"),
            }
        }
    }

    #[test]
    fn a_place_of_a_file_is_read_and_none_beyond_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"0123456789").unwrap();
        let file = open(&path).unwrap();
        let mut bytes = [0; 4];
        read_at(&file, 6, &mut bytes).unwrap();
        assert_eq!(&bytes, b"6789");
        assert_eq!(read_at(&file, 7, &mut bytes).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }

    #[test]
    fn pointers_of_git_lfs_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("labels.csv");
        std::fs::write(&file, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n").unwrap();
        let error = text(&file, 1000).unwrap_err();
        assert!(error.what().contains("Git LFS pointer") && error.help().unwrap().contains("git lfs pull"), "{error}");
    }
}
