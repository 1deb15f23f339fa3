//! Projects that the arguments refer to.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::Arguments;
use crate::project::{LONGEST, Project, Search};
use crate::{Error, Result};

/// Loads the projects, each once. Files that cannot be read become projects with that problem.
pub fn projects(arguments: &Arguments) -> Result<Vec<Project>> {
    if arguments.is_stdin() {
        return Ok(vec![from_stdin(arguments)?]);
    }
    if arguments.stdin_filename.is_some() {
        return Err(
            Error::new("`--stdin-filename` is only used with `-`").with_help("espq lint - --stdin-filename FILE")
        );
    }
    let Search { files, unreadable } = files(&arguments.paths)?;
    let folders = unreadable.iter().map(|error| Project::unreadable(error.file().unwrap_or(Path::new(".")), error));
    Ok(files.iter().map(|file| Project::load_or_problem(file)).chain(folders).collect())
}

fn from_stdin(arguments: &Arguments) -> Result<Project> {
    if arguments.paths.len() > 1 {
        return Err(Error::new("`-` cannot be checked together with other paths"));
    }
    let file = arguments.stdin_filename.clone().unwrap_or_else(|| PathBuf::from("espq.toml"));
    let mut bytes = Vec::new();
    // One byte more tells a text that is too long from one that is not.
    let read = std::io::stdin().lock().take(LONGEST + 1).read_to_end(&mut bytes);
    read.map_err(|e| Error::new(format!("stdin cannot be read: {e}")))?;
    if bytes.len() as u64 > LONGEST {
        return Err(Error::new(format!("the configuration on stdin is longer than {LONGEST} bytes")));
    }
    let text = String::from_utf8(bytes)
        .map_err(|e| Error::new(format!("stdin: byte {} is not UTF-8", e.utf8_error().valid_up_to())))?;
    Ok(Project::parse(file, text))
}

/// Returns the configurations that the paths refer to, each once.
fn files(paths: &[PathBuf]) -> Result<Search> {
    let mut search = Search::default();
    let mut folders = false;
    for path in paths {
        folders |= path.is_dir();
        let mut found = if path.exists() { Project::find(path) } else { Search::default() };
        if found.files.is_empty() && !path.is_dir() {
            found.files = Project::owners(path)?.into_iter().map(relative).collect();
        }
        if found.files.is_empty() && !path.exists() {
            return Err(Error::new("there is no such file or folder").in_file(path));
        }
        found.files.retain(|f| !search.files.contains(f));
        search.files.extend(found.files);
        search.unreadable.extend(found.unreadable);
    }
    if search.files.is_empty() && search.unreadable.is_empty() && folders {
        return Err(Error::new("found no espq.toml and no *.espq.toml here or in any folder below").with_help(
            "`espq init MODEL.onnx` writes one; a project that .gitignore or `lint.exclude` excludes, or that is \
                 in a hidden folder, is checked if its path is given",
        ));
    }
    Ok(search)
}

/// Shortens a path below the working folder to a relative one, which hooks and editors link to.
fn relative(path: PathBuf) -> PathBuf {
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    here.ok().and_then(|here| path.strip_prefix(here).ok().map(PathBuf::from)).unwrap_or(path)
}
