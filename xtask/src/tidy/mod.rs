//! Checks of the code's form: imports, places of `unsafe`, documentation. One kind of check a file.

mod docs;
mod imports;
mod meaning;
mod modules;

use std::path::{Path, PathBuf};

use crate::{read, sources};

/// Files above this many lines are listed: most of them hold two ideas.
const LONG: usize = 500;

/// A source file of `src/`.
pub struct Source {
    /// From the root of the repository.
    pub path: PathBuf,
    pub text: String,
}

impl Source {
    /// Returns the top-level module that the file belongs to: `graph` for `src/graph/model.rs`.
    fn module(&self) -> String {
        let part = self.path.components().nth(1).map(|part| part.as_os_str().to_string_lossy().into_owned());
        part.unwrap_or_default().trim_end_matches(".rs").to_string()
    }

    /// Tells files of tests, which may use anything.
    fn is_test(&self) -> bool {
        self.path.components().any(|part| part.as_os_str().to_string_lossy().contains("tests"))
    }

    /// Returns the text without the module of unit tests.
    fn code(&self) -> &str {
        self.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default()
    }

    fn fault(&self, line: usize, message: &str) -> String {
        format!("{}:{}: {message}", self.path.display(), line + 1)
    }
}

/// The files that the checks read.
pub struct Tree {
    sources: Vec<Source>,
    /// docs/architecture.md
    architecture: String,
}

impl Tree {
    /// Reads the repository.
    pub fn read() -> Result<Tree, String> {
        let source = |path: PathBuf| Ok(Source { text: read(&path)?, path });
        let sources = sources(Path::new("src"))?.into_iter().map(source).collect::<Result<_, String>>()?;
        Ok(Tree { sources, architecture: read(Path::new("docs/architecture.md"))? })
    }

    /// Returns one line for each place that breaks a rule, with the file and what to do.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = imports::check(&self.architecture, &self.sources);
        faults.extend(modules::check(&self.sources));
        faults.extend(docs::check(&self.sources));
        faults.extend(meaning::check(&self.sources));
        faults
    }

    /// Returns the files of more than 500 lines, the longest first.
    pub fn long_files(&self) -> Vec<(usize, &Path)> {
        let lengths = self.sources.iter().map(|source| (source.text.lines().count(), source.path.as_path()));
        let mut long: Vec<(usize, &Path)> = lengths.filter(|(lines, _)| *lines > LONG).collect();
        long.sort_by(|a, b| b.cmp(a));
        long
    }
}
