//! Writing of a single file: the old content stands until the new one is complete.

use std::fs::{File, Metadata, metadata};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::{Error, Result};

/// Writes a file, which need not exist. A disk that is full or a process that is killed leaves what was there before, if only
/// nothing. A link is followed, permissions are kept, and a file that is read-only is refused. Errors name the file.
pub fn write(path: &Path, content: &[u8]) -> Result<()> {
    let about = metadata(path).ok();
    if is_stream(path, about.as_ref()) {
        let stream = File::options().append(true).open(path);
        return stream.and_then(|mut stream| stream.write_all(content)).map_err(|e| unwritten(path, &e));
    }
    check_writable(path)?;
    let target = target(path).map_err(|e| unwritten(path, &e))?;
    let new = staged(&target, content).map_err(|e| unwritten(path, &e))?;
    if let Some(about) = about {
        keep_owner(new.path(), &about);
        std::fs::set_permissions(new.path(), about.permissions()).map_err(|e| unwritten(path, &e))?;
    }
    new.persist(&target).map(|_| ()).map_err(|e| unwritten(path, &e.error))
}

/// Writes a file that must not exist yet; returns `false`, and leaves the other as it is, if it does. Errors name the file.
pub fn create_new(path: &Path, content: &[u8]) -> Result<bool> {
    let new = staged(path, content).map_err(|e| unwritten(path, &e))?;
    match new.persist_noclobber(path) {
        Ok(_) => Ok(true),
        Err(e) if e.error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(e) => Err(unwritten(path, &e.error)),
    }
}

/// Refuses a file whose permissions nobody may write to, even if this user could, such as an administrator: editors do as much. A
/// path without a file passes.
pub fn check_writable(path: &Path) -> Result<()> {
    if !metadata(path).is_ok_and(|about: Metadata| about.is_file() && about.permissions().readonly()) {
        return Ok(());
    }
    let help = match cfg!(windows) {
        true => "clear its read-only attribute, if it may be changed".to_string(),
        false => format!("`chmod u+w {}`, if it may be changed", path.display()),
    };
    Err(Error::new("the file is read-only and was left unchanged").in_file(path).with_help(help))
}

/// Gives a new file the owner and the group of the one that it replaces, as far as the system lets this user do so.
#[cfg(unix)]
pub fn keep_owner(new: &Path, about: &Metadata) {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let own = metadata(new).ok().map(|own| (own.uid(), own.gid()));
    if own != Some((about.uid(), about.gid())) && chown(new, Some(about.uid()), Some(about.gid())).is_err() {
        // Only an administrator gives files away, but each user may choose among the own groups.
        let _ = chown(new, None, Some(about.gid()));
    }
}

#[cfg(not(unix))]
pub fn keep_owner(_: &Path, _: &Metadata) {}

/// Returns `true` for pipes and devices, which are written to and not replaced, and for `/dev/stdout`, even if it is a file.
fn is_stream(path: &Path, about: Option<&Metadata>) -> bool {
    about.is_some_and(|about| !about.is_dir() && (!about.is_file() || path.starts_with("/dev")))
}

/// Returns the file that a path stands for, through links; also that of a link to a file that does not exist.
fn target(path: &Path) -> std::io::Result<PathBuf> {
    match path.canonicalize() {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(match std::fs::read_link(path) {
            Ok(link) => path.parent().unwrap_or(Path::new("")).join(link),
            Err(_) => path.to_path_buf(),
        }),
        target => target,
    }
}

/// Writes the content into a new file beside a file, with the permissions of a new file.
fn staged(file: &Path, content: &[u8]) -> std::io::Result<NamedTempFile> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut new = builder().tempfile_in(folder)?;
    new.write_all(content)?;
    new.as_file().sync_all()?;
    Ok(new)
}

#[cfg(unix)]
fn builder() -> tempfile::Builder<'static, 'static> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut builder = tempfile::Builder::new();
    // Of which the user's mask takes its part.
    builder.prefix(".espq-").suffix(".tmp").permissions(std::fs::Permissions::from_mode(0o666));
    builder
}

#[cfg(not(unix))]
fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".espq-").suffix(".tmp");
    builder
}

fn unwritten(path: &Path, error: &std::io::Error) -> Error {
    let help = match error.kind() {
        ErrorKind::NotFound => "its folder does not exist: create it, or name another one",
        ErrorKind::IsADirectory => "this is a folder: name a file in it",
        _ => "check that its folder is writable and has free space",
    };
    // Of a temporary file, the error names the path.
    let error = error.to_string();
    let error = error.split(" at path ").next().unwrap_or_default();
    Error::new(format!("cannot be written: {error}")).in_file(path).with_help(help)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_made_and_replaced_through_a_link_with_its_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        symlink("file", &link).unwrap();
        write(&link, b"first").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        write(&link, b"second").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"second");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(link.is_symlink());
        let owner = || std::os::unix::fs::MetadataExt::uid(&fs::metadata(&file).unwrap());
        // Only an administrator can make a file that is not his own.
        if std::os::unix::fs::chown(&file, Some(1), Some(1)).is_ok() {
            write(&link, b"third").unwrap();
            assert_eq!(owner(), 1);
        }
        assert_eq!(names(folder.path()), ["file", "link"]);
    }

    #[test]
    fn a_read_only_file_is_refused_even_if_this_user_could_write_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("espq.toml");
        fs::write(&file, "mine").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
        let error = write(&file, b"other").unwrap_err();
        assert!(error.what().contains("read-only") && error.help().unwrap().contains("chmod u+w"), "{error}");
        assert_eq!(fs::read(&file).unwrap(), b"mine");
    }

    #[test]
    fn devices_are_written_to_and_their_errors_shown() {
        write(Path::new("/dev/null"), b"content").unwrap();
        if cfg!(target_os = "linux") {
            let error = write(Path::new("/dev/full"), b"content").unwrap_err();
            assert!(error.what().contains("No space left") && error.help().is_some(), "{error}");
        }
    }

    #[test]
    fn a_failure_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().join("none/file"), folder.path().to_path_buf(), "/proc/self/file".into()] {
            let error = write(&path, b"content").unwrap_err();
            assert!(error.file() == Some(&path) && error.help().is_some(), "{error}");
            assert!(!error.what().contains(".tmp"), "{error}");
        }
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn an_existing_file_is_not_overwritten_by_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("espq.toml");
        assert!(create_new(&file, b"first").unwrap());
        assert!(!create_new(&file, b"second").unwrap());
        assert_eq!(
            (fs::read(&file).unwrap(), names(folder.path())),
            (b"first".to_vec(), vec!["espq.toml".to_string()])
        );
    }
}
