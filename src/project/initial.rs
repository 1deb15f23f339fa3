//! The text of a first `espq.toml`, from the declarations of its keys and the values that come from a model.
//!
//! Never: models, files.

use super::declare::{Form, Init, Key};
use super::schema;

/// A value that comes from the model, for a key that is declared with `Init::Model`.
pub struct Initial {
    /// The dotted name; of a table of layers, with the layer's name in quotes behind it.
    pub key: String,
    /// Lines of a comment, instead of the key's doc.
    pub comment: Option<String>,
    /// As TOML.
    pub value: String,
    /// Written as an example, commented out.
    pub is_example: bool,
}

/// The whole text; keys declared with `Init::Model` that have no value here are left out.
pub fn initial(values: &[Initial]) -> String {
    let mut text = "# Configuration of espq. Paths are relative to this file.\n".to_string();
    for (path, key) in schema::every() {
        let lines: Vec<Line> = match (key.form)() {
            Form::Table(keys) => keys.iter().filter_map(|key| line(&path, key, values)).collect(),
            Form::Layers(_) => values.iter().filter_map(|value| layer(&path, value)).collect(),
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

/// The line of a key that has a value, where it belongs into the file.
fn line(table: &str, key: &Key, values: &[Initial]) -> Option<Line> {
    if !matches!((key.form)(), Form::Value { .. }) {
        return None;
    }
    let path = format!("{table}.{}", key.name);
    let (comment, value, is_example) = match key.init {
        Init::Skip => return None,
        Init::Default => (None, key.default?(), false),
        Init::Example => (None, key.example.to_string(), false),
        Init::Model => {
            let own = values.iter().find(|value| value.key == path)?;
            (own.comment.clone(), own.value.clone(), own.is_example)
        }
    };
    let comment = comment.unwrap_or_else(|| key.meaning());
    Some(Line { comment, text: format!("{} = {value}", key.name), is_example })
}

/// A layer's line, where the value is of this table.
fn layer(table: &str, value: &Initial) -> Option<Line> {
    let layer = value.key.strip_prefix(table)?.strip_prefix('.')?;
    let text = format!("{layer} = {}", value.value);
    Some(Line { comment: value.comment.clone().unwrap_or_default(), text, is_example: value.is_example })
}

/// A table with its header; commented out where all of its lines are.
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

/// Longest line of a comment, in characters.
const WIDTH: usize = 100;

/// Lines of a comment, each kept as it is or broken at spaces.
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
