//! Values that a command line gives over those of the text: `--config "limits.output-nsr = '5%'"`.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::{Error, Result, file};

use super::problem::ProblemKind;
use super::{LONGEST, Project, reader};

/// Returns the text of an argument: `KEY = VALUE`, or the content of a file of such lines.
pub fn text_of(argument: &str) -> Result<String> {
    let path = Path::new(argument);
    match path.exists() {
        true => file::text(path, LONGEST),
        false if argument.contains('=') => Ok(argument.to_string()),
        false => {
            let help = "write `--config \"limits.output-nsr = '5%'\"`, or name a file with keys of espq.toml";
            Err(Error::new(format!("`{argument}` is neither a file nor `KEY = VALUE`")).with_help(help))
        }
    }
}

impl Project {
    /// Reads values over those of the project's own text. They have no place in it. Lists and tables of layers are
    /// extended.
    ///
    /// Fails at the first value that espq.toml could not have.
    pub fn overlay(&mut self, text: &str) -> Result<()> {
        let refused = |what: &str| Error::new(format!("`--config`: {what}"));
        let table = DeTable::parse(text).map_err(|e| refused(e.message().trim_end_matches('.')))?;
        let values = toml::Spanned::new(0..0, DeValue::Table(without_places(table.into_inner())));
        let mut config = self.config.clone();
        if let Some(problem) = reader::read_into(&mut config, &values).into_iter().next() {
            let error = refused(&problem.message);
            return Err(match problem.help {
                Some(help) => error.with_help(help),
                None => error,
            });
        }
        self.config = config;
        self.problems.retain(|p| p.kind != ProblemKind::MissingKey || !has(&values, &p.key));
        Ok(())
    }
}

/// Returns `true` if a table has a value at a dotted key.
fn has(table: &toml::Spanned<DeValue>, key: &str) -> bool {
    let mut value = table.get_ref();
    for name in key.split('.') {
        match value.get(name) {
            Some(inner) => value = inner.get_ref(),
            None => return false,
        }
    }
    true
}

/// Sets every span to the empty one.
fn without_places(table: DeTable<'_>) -> DeTable<'_> {
    let entries = table.into_iter().map(|(key, value)| (toml::Spanned::new(0..0, key.into_inner()), placeless(value)));
    entries.collect()
}

fn placeless(value: toml::Spanned<DeValue<'_>>) -> toml::Spanned<DeValue<'_>> {
    let bare = match value.into_inner() {
        DeValue::Table(table) => DeValue::Table(without_places(table)),
        DeValue::Array(items) => DeValue::Array(items.into_iter().map(placeless).collect()),
        other => other,
    };
    toml::Spanned::new(0..0, bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_replace_those_of_the_text_and_lists_grow() {
        let mut project = Project::parse("espq.toml", "[model]\ntarget = 'c'\n[lint]\nignore = ['E001']\n");
        project.overlay("model.path = 'm.onnx'\nlimits.output-nsr = '5%'\nlint.ignore = ['E002']").unwrap();
        assert_eq!(project.config.output_limit(), 0.05);
        assert_eq!(project.config.lint.ignore.len(), 2);
        let missing: Vec<&str> = project.problems.iter().map(|p| p.key.as_str()).collect();
        assert_eq!(missing, ["calibration.data"]);
    }

    #[test]
    fn values_that_a_configuration_cannot_have_are_refused() {
        let mut project = Project::parse("espq.toml", "");
        for (text, what) in [("limits.output-nsr = 'x'", "must be"), ("limit.x = 1", "unknown table"), ("a =", "")] {
            let error = project.overlay(text).unwrap_err();
            assert!(error.what().starts_with("`--config`: ") && error.what().contains(what), "{error}");
        }
        assert_eq!(project, Project::parse("espq.toml", ""));
        assert!(text_of("nowhere").is_err() && text_of("a = 1").is_ok());
    }
}
