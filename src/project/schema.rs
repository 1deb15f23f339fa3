//! Lookup of tables and keys of `espq.toml`, the JSON Schema, and the README's table.

use serde_json::{Map, Value as Json, json};

use super::declare::{Form, Key, Required, Table};
use super::keys::Config;
use super::values::Choice;

/// Returns the keys of a table by its dotted name; for an empty name, the tables.
///
/// Returns `None` for a table that does not exist, and for one whose keys are names of layers.
pub fn keys(table: &str) -> Option<&'static [Key]> {
    let mut keys = Config::KEYS;
    for name in table.split('.').filter(|name| !name.is_empty()) {
        match (keys.iter().find(|key| key.name == name)?.form)() {
            Form::Table(inner) => keys = inner,
            _ => return None,
        }
    }
    Some(keys)
}

/// Finds a table or key by its dotted name.
pub fn find(path: &str) -> Option<&'static Key> {
    let (table, name) = path.rsplit_once('.').unwrap_or(("", path));
    keys(table)?.iter().find(|key| key.name == name)
}

/// Returns `true` if the keys of the table are names of layers.
pub fn is_of_layers(table: &str) -> bool {
    find(table).is_some_and(|key| matches!((key.form)(), Form::Layers { .. }))
}

/// Lists every table with its dotted name, including those whose keys are names of layers.
pub fn tables() -> Vec<(String, &'static Key)> {
    let is_table = |key: &Key| !matches!((key.form)(), Form::Value { .. });
    every().into_iter().filter(|(_, key)| is_table(key)).collect()
}

/// Lists every key that has a value, with its dotted name.
pub fn values() -> Vec<(String, &'static Key)> {
    every().into_iter().filter(|(_, key)| matches!((key.form)(), Form::Value { .. })).collect()
}

/// Lists every table and key in the order of their declaration, a table before its keys.
pub(super) fn every() -> Vec<(String, &'static Key)> {
    fn add(above: &str, keys: &'static [Key], all: &mut Vec<(String, &'static Key)>) {
        for key in keys {
            let path = if above.is_empty() { key.name.to_string() } else { format!("{above}.{}", key.name) };
            all.push((path.clone(), key));
            if let Form::Table(inner) = (key.form)() {
                add(&path, inner, all);
            }
        }
    }
    let mut all = Vec::new();
    add("", Config::KEYS, &mut all);
    all
}

/// Lists the words that a key accepts, or a layer's line in `[precision]`; empty if there are none.
pub fn choices(table: &str, key: &str) -> Vec<Choice> {
    match find(table).map(|key| (key.form)()) {
        Some(Form::Layers { choices, .. }) => choices,
        _ => match keys(table).and_then(|keys| keys.iter().find(|k| k.name == key)).map(|key| (key.form)()) {
            Some(Form::Value { choices, .. }) => choices,
            _ => Vec::new(),
        },
    }
}

/// Returns the JSON Schema of `espq.toml` (draft 7, which editors support) as text.
pub fn json_schema() -> String {
    let mut schema = object(Config::KEYS);
    schema.insert("$schema".to_string(), json!("http://json-schema.org/draft-07/schema#"));
    schema.insert("title".to_string(), json!("espq.toml"));
    schema.insert(
        "description".to_string(),
        json!("Quantization of an ONNX or TensorFlow Lite model for an Espressif chip."),
    );
    let (present, conditional) = required_tables();
    schema.insert("required".to_string(), json!(present));
    if !conditional.is_empty() {
        schema.insert("allOf".to_string(), json!(conditional));
    }
    format!("{:#}\n", Json::Object(schema))
}

fn object(keys: &[Key]) -> Map<String, Json> {
    let properties: Map<String, Json> = keys.iter().map(|key| (key.name.to_string(), property(key))).collect();
    let required: Vec<&str> = keys.iter().filter(|k| k.required == Required::Yes).map(|k| k.name).collect();
    let mut object = Map::new();
    object.insert("type".to_string(), json!("object"));
    object.insert("properties".to_string(), Json::Object(properties));
    object.insert("additionalProperties".to_string(), json!(false));
    if !required.is_empty() {
        object.insert("required".to_string(), json!(required));
    }
    object
}

fn property(key: &Key) -> Json {
    let mut property = match (key.form)() {
        Form::Table(keys) => object(keys),
        Form::Layers { json_schema, .. } => {
            let mut object = Map::new();
            object.insert("type".to_string(), json!("object"));
            object.insert("additionalProperties".to_string(), json_schema);
            object
        }
        Form::Value { json_schema: Json::Object(schema), .. } => schema,
        Form::Value { .. } => Map::new(),
    };
    property.insert("description".to_string(), json!(key.doc()));
    if let Some(default) = key.default.and_then(|default| json_of(&default())) {
        property.insert("default".to_string(), default);
    }
    property.into()
}

/// Converts a value from TOML; strings, numbers, booleans and lists are written in the same way in JSON.
fn json_of(toml: &str) -> Option<Json> {
    serde_json::from_str(toml).ok()
}

/// Returns the required tables, and an alternative for each key that another key replaces.
fn required_tables() -> (Vec<String>, Vec<Json>) {
    let (mut present, mut conditional) = (Vec::new(), Vec::new());
    for (path, key) in every() {
        let table = path.split('.').next().unwrap_or_default().to_string();
        match key.required {
            Required::Yes if !present.contains(&table) => present.push(table),
            Required::Unless(other) => conditional.push(json!({ "anyOf": [requires(other), requires(&path)] })),
            _ => {}
        }
    }
    (present, conditional)
}

/// Returns a schema that requires a dotted key.
fn requires(path: &str) -> Json {
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    match rest {
        "" => json!({ "required": [name] }),
        _ => json!({ "required": [name], "properties": { name: requires(rest) } }),
    }
}

/// Renders the README's table of keys, in Markdown.
pub fn key_table() -> String {
    let mut text = "| key | meaning | default |\n| --- | --- | --- |\n".to_string();
    for (path, key) in every() {
        let name = match (key.form)() {
            Form::Table(_) => continue,
            Form::Layers { .. } => format!("{path}.\"LAYER\""),
            Form::Value { .. } => path,
        };
        let default = match (key.default, key.required) {
            (Some(default), _) => format!("`{}`", default()),
            (None, Required::Yes) => "required".to_string(),
            (None, Required::Unless(other)) => format!("required without `{other}`"),
            (None, Required::No) => String::new(),
        };
        text.push_str(&format!("| `{name}` | {} | {default} |\n", key.meaning()));
    }
    text
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
