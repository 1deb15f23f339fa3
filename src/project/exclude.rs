//! `lint.exclude`: globs of projects that a search skips.

use std::path::{Path, PathBuf};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use serde_json::Value as Json;

use super::config::Spanned;
use super::values::{Toml, Value};
use super::{Project, place};

/// Line in the form of `.gitignore`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoreLine(pub String);

impl Value for IgnoreLine {
    fn expected() -> String {
        "a glob in quotes, in the form of .gitignore (\"build/\", \"*.old.espq.toml\")".to_string()
    }

    fn parse(value: &Toml) -> Option<IgnoreLine> {
        let line = IgnoreLine(String::parse(value)?);
        // Comments and blank lines contain no glob.
        compiled([&line]).filter(|globs| !globs.is_empty()).map(|_| line)
    }

    fn write(&self) -> String {
        self.0.write()
    }

    fn json_schema() -> Json {
        String::json_schema()
    }
}

fn compiled<'a>(lines: impl IntoIterator<Item = &'a IgnoreLine>) -> Option<Gitignore> {
    // Without a root, paths are matched relative to the folder of the configuration.
    let mut globs = GitignoreBuilder::new("");
    for line in lines {
        globs.add_line(None, &line.0).ok()?;
    }
    globs.build().ok()
}

/// Globs of one configuration.
pub struct Exclusion {
    /// Folder of the configuration, with links resolved.
    folder: PathBuf,
    globs: Gitignore,
}

impl Exclusion {
    /// Returns the globs of a configuration; `None` if it has none, or if it cannot be read, which linting it reports.
    pub fn of(configuration: &Path) -> Option<Exclusion> {
        let project = Project::load(configuration).ok()?;
        let lines: &[Spanned<IgnoreLine>] = &project.config.lint.exclude;
        if lines.is_empty() {
            return None;
        }
        let globs = compiled(lines.iter().map(|line| &line.value))?;
        Some(Exclusion { folder: place(project.folder()), globs })
    }

    /// Returns `true` if a search that began in `top` skips a file; both have links resolved.
    ///
    /// Folders at or above `top` cannot be excluded, since the user named `top`.
    pub fn covers(&self, file: &Path, top: &Path) -> bool {
        let below_top = |path: &&Path| path.starts_with(top) && *path != top;
        for path in file.ancestors().take_while(below_top) {
            let Ok(relative) = path.strip_prefix(&self.folder) else { return false };
            match self.globs.matched(relative, path != file) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => {}
            }
        }
        false
    }
}
