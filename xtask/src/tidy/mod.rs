//! Checks of the code's form: imports, places of `unsafe`, words of documentation and messages. Each kind of check has
//! one file.

mod imports;
mod meaning;
mod modules;
mod words;

use std::path::{Path, PathBuf};

use crate::{read, sources};

/// Number of lines above which files are listed: most of them should be split.
const LONG: usize = 500;

/// Source file of `src/`, of `core/src/`, or of `kernels/src/`, which is a module in a crate of its own.
#[derive(Clone)]
pub struct Source {
    /// Path from the root of the repository.
    pub path: PathBuf,
    /// Whole text, unit tests included.
    pub text: String,
}

impl Source {
    /// Returns the top-level module that the file belongs to: `lint` for `src/lint/rule.rs`, `graph` for
    /// `core/src/graph/model.rs`, `kernels` for `kernels/src/tile.rs`.
    fn module(&self) -> String {
        let part = self.within().components().next().map(|part| part.as_os_str().to_string_lossy().into_owned());
        part.unwrap_or_default().trim_end_matches(".rs").to_string()
    }

    /// Returns the path from the folder of the modules.
    fn within(&self) -> &Path {
        let roots = ["src", "core/src"].map(|root| self.path.strip_prefix(root));
        roots.into_iter().flatten().next().unwrap_or(&self.path)
    }

    /// Returns `true` for files of tests, which may use anything.
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

/// Files that the checks read.
pub struct Tree {
    sources: Vec<Source>,
    /// Other Rust files of the repository, whose words are checked, too.
    others: Vec<Source>,
    /// Text of docs/architecture.md.
    architecture: String,
}

impl Tree {
    /// Reads the repository.
    pub fn read() -> Result<Tree, String> {
        let source = |path: PathBuf| Ok(Source { text: read(&path)?, path });
        let of = |folder: &str| sources(Path::new(folder))?.into_iter().map(source).collect::<Result<Vec<_>, String>>();
        let mut others = Vec::new();
        for folder in ["tests", "benches", "fuzz", "xtask"] {
            others.extend(of(folder)?);
        }
        // The list of terms itself.
        others.retain(|source| !source.path.ends_with("tidy/words.rs"));
        let sources = [of("src")?, of("core/src")?, of("kernels/src")?].concat();
        Ok(Tree { sources, others, architecture: read(Path::new("docs/architecture.md"))? })
    }

    /// Returns one line for each violation, with the file and the fix.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = imports::check(&self.architecture, &self.sources);
        faults.extend(modules::check(&self.sources));
        faults.extend(words::check(&self.sources));
        faults.extend(words::check(&self.others));
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
