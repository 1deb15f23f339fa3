//! Reader of `espq.toml`: makes a [`Config`] and all problems of the text.
//!
//! Reading continues after a problem. Never: names of keys, which belong to `keys.rs`.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use crate::order;
use crate::text::{Edit, Encoding, LineIndex, Span, list, nearest};

use super::declare::{Field, Form, Key, Required, Table};
use super::keys::Config;
use super::problem::{Problem, ProblemKind};

type Value<'i> = toml::Spanned<DeValue<'i>>;

/// Key in the text.
pub struct Place<'t> {
    /// Last part of the name, without quotes.
    pub text: &'t str,
    /// Bytes of the name.
    pub span: Span,
    /// Dotted name: "model.path".
    pub path: String,
}

/// Reads a text; parts that cannot be read become problems.
pub fn read(text: &str) -> (Config, Vec<Problem>) {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader { text, headers: BTreeMap::new(), problems: Vec::new() };
    reader.problems.extend(errors.iter().map(|e| syntax(text, e)));
    // One stray character can cause several errors of the parser.
    let lines = LineIndex::new(text);
    let line = |problem: &Problem| lines.position(problem.span.start, Encoding::Utf8).line;
    reader.problems.dedup_by(|a, b| a.message == b.message && line(a) == line(b));
    let mut config = Config::default();
    let root = Place { text: "", span: 0..0, path: String::new() };
    let whole = toml::Spanned::new(document.span(), DeValue::Table(document.into_inner()));
    config.read(&mut reader, &root, &whole);
    reader.missing(&config, "", Config::KEYS);
    if !errors.is_empty() {
        // Keys on lines that are not TOML are not missing.
        reader.problems.retain(|p| p.kind == ProblemKind::Syntax || p.kind == ProblemKind::UnknownKey);
    }
    order::sort_by_key(&mut reader.problems, |p| p.span.start);
    (config, reader.problems)
}

/// Reads values without a place over those of a configuration, and returns the problems of the values.
pub fn read_into(config: &mut Config, values: &Value) -> Vec<Problem> {
    let mut reader = Reader { text: "", headers: BTreeMap::new(), problems: Vec::new() };
    config.read(&mut reader, &Place { text: "", span: 0..0, path: String::new() }, values);
    reader.problems
}

fn syntax(text: &str, error: &toml::de::Error) -> Problem {
    let span = error.span().unwrap_or(0..0);
    let span = span.start.min(text.len())..span.end.min(text.len());
    let before = text.get(..span.start).and_then(|t| t.rsplit('\n').next()).unwrap_or_default();
    let rest = text.get(span.start..).and_then(|t| t.lines().next()).unwrap_or_default();
    let problem = Problem::new(ProblemKind::Syntax, "", span.clone(), error.message().trim_end_matches('.'));
    if format!("{before}{rest}").trim_start().starts_with('/') {
        return problem.with_help("names of layers must be in quotes: \"/features/0/Conv\" = \"int16\"");
    }
    // Words of the parser for `\m` and `\Users`.
    if ["escape", "unicode value"].iter().any(|word| error.message().contains(word)) {
        let what = "a `\\` in double quotes begins an escape, and this is none";
        return Problem::new(ProblemKind::Syntax, "", span, what)
            .with_help("write `/` between folders, on Windows too, or put the text in single quotes");
    }
    let written = text.get(span.clone()).unwrap_or_default();
    match before.trim_end().ends_with('=') && written.starts_with(|c: char| c.is_alphabetic() || c == '.') {
        true => {
            let mut unquoted =
                Problem::new(ProblemKind::Syntax, "", span.clone(), format!("`{written}` is not in quotes"));
            unquoted.suggestion = Some(Edit { span, text: format!("\"{written}\"") });
            unquoted.with_help(format!("{}\"{written}\"", before.trim_start()))
        }
        false => problem,
    }
}

/// Collector of problems while a text is read.
pub struct Reader<'t> {
    text: &'t str,
    /// Span of each table's header, by its dotted name.
    headers: BTreeMap<String, Span>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    /// Returns the entries of a table in the order of the text; adds a problem if the value is not a table.
    pub fn table<'v>(&mut self, place: &Place, value: &'v Value) -> Vec<(Place<'v>, &'v Value<'v>)> {
        let DeValue::Table(table) = value.get_ref() else {
            self.invalid(place, value.span(), &format!("a table ([{}])", place.path));
            return Vec::new();
        };
        self.headers.insert(place.path.clone(), self.header(value.span(), place));
        entries(&place.path, table)
    }

    /// Returns the span to show for a table: its header, or its key if it is inline.
    fn header(&self, span: Span, place: &Place) -> Span {
        match self.text.get(span.clone()).is_some_and(|t| t.starts_with('[')) {
            true => span,
            false => place.span.clone(),
        }
    }

    /// Adds a problem, and returns it so that help can be added.
    pub fn add(&mut self, kind: ProblemKind, place: &Place, span: Span, message: String) -> &mut Problem {
        self.problems.push(Problem::new(kind, &place.path, span, message));
        let last = self.problems.len() - 1;
        &mut self.problems[last]
    }

    /// Adds the problem "`key` must be `expected`".
    pub fn invalid(&mut self, place: &Place, span: Span, expected: &str) {
        let written = self.text.get(span.clone()).unwrap_or_default();
        let is_whole = !written.is_empty() && written.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
        let message = match is_whole && written.replace('_', "").parse::<i64>().is_err() {
            true => format!("`{}` is out of range: no number above {} is read", place.path, i64::MAX),
            false => format!("`{}` must be {expected}", place.path),
        };
        self.add(ProblemKind::InvalidValue, place, span, message);
    }

    /// Adds the problem of a word that is not allowed.
    pub fn unknown_word<'w>(&mut self, place: &Place, span: Span, word: &str, known: impl Iterator<Item = &'w str>) {
        let known: Vec<&str> = known.collect();
        let near = nearest(word, known.iter().copied());
        let message = format!("`{}` cannot be `{word}`", place.path);
        let problem = self.add(ProblemKind::InvalidValue, place, span.clone(), message);
        problem.help = Some(match near {
            Some(near) => format!("did you mean `{near}`? It can be {}", list(known)),
            None => format!("it can be {}", list(known)),
        });
        problem.suggestion = near.map(|near| Edit { span, text: format!("\"{near}\"") });
    }

    /// Adds the problem of a key that the table does not have.
    pub fn unknown(&mut self, place: &Place, table: &Place, known: &[Key]) {
        let message = match table.path.as_str() {
            "" => format!("unknown table `{}`", place.text),
            table => format!("unknown key `{}` in [{table}]", place.text),
        };
        let names = known.iter().map(|key| key.name);
        let near = nearest(place.text, names.clone());
        let span = place.span.clone();
        let problem = self.add(ProblemKind::UnknownKey, place, span.clone(), message);
        problem.help = Some(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
                let kind = if table.path.is_empty() { "tables" } else { "keys" };
                format!("known {kind}: {}", names.join(", "))
            }
        });
        if let Some(near) = near {
            problem.key = joined(&table.path, near);
            problem.suggestion = Some(Edit { span, text: near.to_string() });
        }
    }

    /// Adds a problem for each required key that is missing, unless a misspelt key means it.
    fn missing(&mut self, config: &Config, table: &str, keys: &'static [Key]) {
        for key in keys {
            let path = joined(table, key.name);
            if let Form::Table(inner) = (key.form)() {
                self.missing(config, &path, inner);
            }
            let required = match key.required {
                Required::No => false,
                Required::Yes => true,
                Required::Unless(other) => !self.is_meant(config, other),
            };
            if required && !self.is_meant(config, &path) {
                let span = self.headers.get(table).filter(|_| !table.is_empty()).cloned().unwrap_or(0..0);
                let problem = Problem::new(ProblemKind::MissingKey, &path, span, format!("`{path}` is missing"));
                self.problems.push(problem.with_help(format!("add {} = {} to [{table}]", key.name, key.example)));
            }
        }
    }

    /// Returns `true` if the key was read, or if there already is a problem with its value or with its spelling or that
    /// of its table.
    fn is_meant(&self, config: &Config, path: &str) -> bool {
        let is_within = |key: &str| path.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        config.span_of(path).is_some() || self.problems.iter().any(|p| !p.key.is_empty() && is_within(&p.key))
    }
}

fn joined(table: &str, key: &str) -> String {
    if table.is_empty() { key.to_string() } else { format!("{table}.{key}") }
}

fn entries<'t>(table: &str, entries: &'t DeTable<'t>) -> Vec<(Place<'t>, &'t Value<'t>)> {
    let place = |key: &'t toml::Spanned<std::borrow::Cow<'t, str>>| {
        let text: &str = key.get_ref();
        Place { text, span: key.span(), path: joined(table, text) }
    };
    let mut entries: Vec<(Place, &Value)> = entries.iter().map(|(key, value)| (place(key), value)).collect();
    order::sort_by_key(&mut entries, |(place, _)| place.span.start);
    entries
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
