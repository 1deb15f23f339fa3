//! Text of a first `espq.toml`, from the declarations of its keys and the values that come from a model.
//!
//! Never: models, files.

use super::declare::{Form, Init, Key};
use super::schema;

/// Value from the model, for a key that is declared with `Init::Model`.
pub struct Initial {
    /// Dotted name; for a table of layers, followed by the layer's name in quotes.
    pub key: String,
    /// Lines of a comment, instead of the key's doc.
    pub comment: Option<String>,
    /// Value as TOML.
    pub value: String,
    /// Set for examples, which are commented out.
    pub is_example: bool,
}

/// Returns the whole text; keys declared with `Init::Model` that have no value here are left out.
pub fn initial(values: &[Initial]) -> String {
    let mut text = "# Configuration of espq. Paths are relative to this file.\n".to_string();
    for (path, key) in schema::every() {
        let lines: Vec<Line> = match (key.form)() {
            Form::Table(keys) => keys.iter().filter_map(|key| line(&path, key, values)).collect(),
            Form::Layers { .. } => values.iter().filter_map(|value| layer(&path, value)).collect(),
            Form::Value { .. } => continue,
        };
        section(&path, key, &lines, &mut text);
    }
    text
}

struct Line {
    comment: String,
    text: String,
    is_example: bool,
}

/// Returns the line of a key, if the file contains it.
fn line(table: &str, key: &Key, values: &[Initial]) -> Option<Line> {
    if !matches!((key.form)(), Form::Value { .. }) {
        return None;
    }
    let path = format!("{table}.{}", key.name);
    let (comment, value, is_example) = match key.init {
        Init::Skip => return None,
        Init::Default => match values.iter().find(|value| value.key == path) {
            Some(own) => (own.comment.clone(), own.value.clone(), own.is_example),
            None => (None, key.default?(), false),
        },
        Init::Example => (None, key.example.to_string(), false),
        Init::Model => {
            let own = values.iter().find(|value| value.key == path)?;
            (own.comment.clone(), own.value.clone(), own.is_example)
        }
    };
    let comment = comment.unwrap_or_else(|| key.meaning());
    Some(Line { comment, text: format!("{} = {value}", key.name), is_example })
}

/// Returns a layer's line, if the value belongs to this table.
fn layer(table: &str, value: &Initial) -> Option<Line> {
    let layer = value.key.strip_prefix(table)?.strip_prefix('.')?;
    let text = format!("{layer} = {}", value.value);
    Some(Line { comment: value.comment.clone().unwrap_or_default(), text, is_example: value.is_example })
}

/// Writes a table with its header, commented out if all of its lines are.
fn section(path: &str, key: &Key, lines: &[Line], text: &mut String) {
    if lines.is_empty() {
        return;
    }
    let mark = if lines.iter().all(|line| line.is_example) { "# " } else { "" };
    text.push_str(&format!("\n{}{mark}[{path}]\n", comment(key.doc())));
    for line in lines {
        let mark = if line.is_example { "# " } else { "" };
        text.push_str(&format!("{}{mark}{}\n", comment(&line.comment), line.text));
    }
}

/// Maximum length of a comment line, in characters.
const WIDTH: usize = 100;

/// Formats lines of a comment, each broken at spaces if it is too long.
fn comment(text: &str) -> String {
    let mut comment = String::new();
    for line in text.lines() {
        let mut length = 0;
        for word in line.split(' ') {
            let count = word.chars().count() + 1;
            if length == 0 || length + count > WIDTH {
                comment.push_str(if length == 0 { "#" } else { "\n#" });
                length = 1;
            }
            comment.push(' ');
            comment.push_str(word);
            length += count;
        }
        comment.push('\n');
    }
    comment
}
