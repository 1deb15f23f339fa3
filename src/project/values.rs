//! Types of values in `espq.toml`: reading, writing, allowed words, JSON Schema.
//!
//! Never: names of keys, rules between keys.

use std::fmt::Debug;

use serde_json::{Value as Json, json};
use toml::de::DeValue;

use crate::chip::Runtime;
use crate::samples::Resize;
use crate::text::Span;

use super::config::{Data, LayerChoice, Spanned};
use super::declare::{Field, Form, Key, Stage};
use super::problem::ProblemKind;
use super::reader::{Place, Reader};

/// Value in the text.
pub type Toml<'a> = toml::Spanned<DeValue<'a>>;

/// Word that a key accepts, as TOML.
pub struct Choice {
    /// Word with its quotes.
    pub text: String,
    /// Meaning of the word, for completion.
    pub doc: &'static str,
}

/// Type of a value in `espq.toml`.
pub trait Value: Sized + Debug {
    /// Completes "`model.path` must be ...".
    fn expected() -> String;

    /// Parses the value; `None` if it is invalid.
    fn parse(value: &Toml) -> Option<Self>;

    /// Writes the value as TOML.
    fn write(&self) -> String;

    /// Describes the values that `parse` accepts.
    fn json_schema() -> Json;

    /// Lists the words that the value can be; empty if it is not a word.
    fn choices() -> Vec<Choice> {
        Vec::new()
    }

    /// Returns `true` for the value `true`.
    fn is_on(&self) -> bool {
        false
    }

    /// Parses the value, or adds a problem.
    fn read(reader: &mut Reader, place: &Place, value: &Toml) -> Option<Self> {
        let parsed = Self::parse(value);
        if parsed.is_none() {
            reader.invalid(place, value.span(), &Self::expected());
        }
        parsed
    }

    /// Returns the span of a part of the value.
    fn span_within(&self, _path: &str) -> Option<Span> {
        None
    }
}

/// Name of a file without folder and ending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStem(pub String);

impl Value for FileStem {
    fn expected() -> String {
        "the name of a file, without a folder".to_string()
    }

    fn parse(value: &Toml) -> Option<FileStem> {
        let name = String::parse(value)?;
        let is_plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0', ':']);
        is_plain.then_some(FileStem(name))
    }

    fn write(&self) -> String {
        self.0.write()
    }

    fn json_schema() -> Json {
        json!({ "type": "string", "pattern": r"^[^./\\:][^/\\:]*$" })
    }
}

impl Value for String {
    fn expected() -> String {
        "a non-empty string in quotes".to_string()
    }

    fn parse(value: &Toml) -> Option<String> {
        value.get_ref().as_str().filter(|text| !text.is_empty()).map(str::to_string)
    }

    fn write(&self) -> String {
        quoted(self)
    }

    fn json_schema() -> Json {
        json!({ "type": "string", "minLength": 1 })
    }
}

impl Value for bool {
    fn expected() -> String {
        "`true` or `false`".to_string()
    }

    fn parse(value: &Toml) -> Option<bool> {
        value.get_ref().as_bool()
    }

    fn is_on(&self) -> bool {
        *self
    }

    fn write(&self) -> String {
        self.to_string()
    }

    fn json_schema() -> Json {
        json!({ "type": "boolean" })
    }

    fn choices() -> Vec<Choice> {
        ["true", "false"].map(|text| Choice { text: text.to_string(), doc: "" }).into()
    }
}

impl Value for usize {
    fn expected() -> String {
        "an integer of at least 1".to_string()
    }

    fn parse(value: &Toml) -> Option<usize> {
        integer(value).and_then(|n| usize::try_from(n).ok()).filter(|&n| n > 0)
    }

    fn write(&self) -> String {
        self.to_string()
    }

    fn json_schema() -> Json {
        json!({ "type": "integer", "minimum": 1 })
    }
}

/// Share of a signal's power: 0.1 is 10%.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(pub f64);

impl Value for Share {
    fn expected() -> String {
        "a percentage (\"1%\") or a fraction from 0 to 1 (0.01)".to_string()
    }

    fn parse(value: &Toml) -> Option<Share> {
        let share = match value.get_ref() {
            DeValue::String(text) => text.trim().strip_suffix('%')?.trim().parse::<f64>().ok()? / 100.0,
            _ => number(value).filter(|n| *n <= 1.0)?,
        };
        (share.is_finite() && share >= 0.0).then_some(Share(share))
    }

    fn write(&self) -> String {
        quoted(&format!("{}%", self.0 * 100.0))
    }

    fn json_schema() -> Json {
        json!({ "anyOf": [
            { "type": "number", "minimum": 0, "maximum": 1 },
            { "type": "string", "pattern": "^\\s*\\+?[0-9.]+([eE][+-]?[0-9]+)?\\s*%\\s*$" },
        ]})
    }
}

impl Value for Runtime {
    fn expected() -> String {
        "an ESP-DL release (\"3.3.9\")".to_string()
    }

    fn parse(value: &Toml) -> Option<Runtime> {
        let parts: Option<Vec<u32>> = value.get_ref().as_str()?.split('.').map(|part| part.parse().ok()).collect();
        parts?.try_into().ok().map(Runtime)
    }

    fn write(&self) -> String {
        quoted(&self.to_string())
    }

    fn json_schema() -> Json {
        json!({ "type": "string", "pattern": "^[0-9]+\\.[0-9]+\\.[0-9]+$" })
    }
}

/// Maximum side of an image.
const LONGEST: u32 = 16384;

fn side(value: &Toml) -> Option<u32> {
    integer(value).and_then(|n| u32::try_from(n).ok()).filter(|n| (1..=LONGEST).contains(n))
}

fn side_schema() -> Json {
    json!({ "type": "integer", "minimum": 1, "maximum": LONGEST })
}

/// Height and width; one number means both.
impl Value for [u32; 2] {
    fn expected() -> String {
        format!("height and width, each from 1 to {LONGEST} ([224, 224])")
    }

    fn parse(value: &Toml) -> Option<[u32; 2]> {
        match value.get_ref() {
            DeValue::Array(items) => items.iter().map(side).collect::<Option<Vec<u32>>>()?.try_into().ok(),
            _ => side(value).map(|side| [side; 2]),
        }
    }

    fn write(&self) -> String {
        format!("{self:?}")
    }

    fn json_schema() -> Json {
        let both = json!({ "type": "array", "items": side_schema(), "minItems": 2, "maxItems": 2 });
        json!({ "anyOf": [side_schema(), both] })
    }
}

impl Value for Resize {
    fn expected() -> String {
        format!("`\"stretch\"`, `\"crop\"`, or the length of the shorter side, from 1 to {LONGEST}")
    }

    fn parse(value: &Toml) -> Option<Resize> {
        match value.get_ref().as_str() {
            Some("stretch") => Some(Resize::Stretch),
            Some("crop") => Some(Resize::Crop),
            Some(_) => None,
            None => side(value).map(Resize::ShorterSide),
        }
    }

    fn write(&self) -> String {
        match self {
            Resize::Stretch => quoted("stretch"),
            Resize::Crop => quoted("crop"),
            // Written as `fit`.
            Resize::Letterbox => quoted("letterbox"),
            Resize::ShorterSide(side) => side.to_string(),
        }
    }

    fn json_schema() -> Json {
        json!({ "anyOf": [{ "type": "string", "enum": ["stretch", "crop"] }, side_schema()] })
    }

    fn choices() -> Vec<Choice> {
        vec![
            Choice { text: quoted("stretch"), doc: "Resize both sides to the size, ignoring proportions." },
            Choice {
                text: quoted("crop"),
                doc: "Resize to the smallest size that covers the input, then crop the centre.",
            },
        ]
    }
}

impl Value for f32 {
    fn expected() -> String {
        "a finite number".to_string()
    }

    fn parse(value: &Toml) -> Option<f32> {
        number(value).filter(|n| n.is_finite()).map(|n| n as f32)
    }

    fn write(&self) -> String {
        format!("{self:?}")
    }

    fn json_schema() -> Json {
        json!({ "type": "number" })
    }
}

/// One number for all channels, or one for each.
impl Value for Vec<f32> {
    fn expected() -> String {
        "one number, or a list with one per channel ([0.485, 0.456, 0.406])".to_string()
    }

    fn parse(value: &Toml) -> Option<Vec<f32>> {
        match value.get_ref() {
            DeValue::Array(items) => {
                items.iter().map(f32::parse).collect::<Option<Vec<f32>>>().filter(|v| !v.is_empty())
            }
            _ => f32::parse(value).map(|one| vec![one]),
        }
    }

    fn write(&self) -> String {
        format!("{self:?}")
    }

    fn json_schema() -> Json {
        let list = json!({ "type": "array", "items": f32::json_schema(), "minItems": 1 });
        json!({ "anyOf": [f32::json_schema(), list] })
    }
}

/// Divisors: one for all channels or one for each.
#[derive(Debug, Clone, PartialEq)]
pub struct Divisors(pub Vec<f32>);

impl Value for Divisors {
    fn expected() -> String {
        "one number other than 0, or a list with one per channel ([0.229, 0.224, 0.225])".to_string()
    }

    fn parse(value: &Toml) -> Option<Divisors> {
        Vec::<f32>::parse(value).filter(|numbers| numbers.iter().all(|&n| n != 0.0)).map(Divisors)
    }

    fn write(&self) -> String {
        self.0.write()
    }

    fn json_schema() -> Json {
        let number = json!({ "type": "number", "not": { "const": 0 } });
        json!({ "anyOf": [number, { "type": "array", "items": number, "minItems": 1 }] })
    }
}

impl Value for Data {
    fn expected() -> String {
        "a path or glob in quotes, or a table with one for each model input".to_string()
    }

    fn parse(value: &Toml) -> Option<Data> {
        String::parse(value).map(Data::One)
    }

    fn read(reader: &mut Reader, place: &Place, value: &Toml) -> Option<Data> {
        if !value.get_ref().is_table() {
            let parsed = Data::parse(value);
            if parsed.is_none() {
                reader.invalid(place, value.span(), &Data::expected());
            }
            return parsed;
        }
        let mut inputs = Vec::new();
        for (inner, value) in reader.table(place, value) {
            if let Some(path) = String::read(reader, &inner, value) {
                let name = Spanned { value: inner.text.to_string(), span: inner.span };
                inputs.push((name, Spanned { value: path, span: value.span() }));
            }
        }
        Some(Data::PerInput(inputs))
    }

    fn write(&self) -> String {
        match self {
            Data::One(path) => quoted(path),
            Data::PerInput(inputs) => {
                let entry = |(input, path): &(Spanned<String>, Spanned<String>)| {
                    format!("{} = {}", quoted(&input.value), quoted(&path.value))
                };
                format!("{{ {} }}", inputs.iter().map(entry).collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn json_schema() -> Json {
        json!({ "anyOf": [
            String::json_schema(),
            { "type": "object", "additionalProperties": String::json_schema() },
        ]})
    }

    fn span_within(&self, path: &str) -> Option<Span> {
        let Data::PerInput(inputs) = self else { return None };
        let name = path.trim_matches('"');
        inputs.iter().find(|(input, _)| input.value == name).map(|(_, path)| path.span.clone())
    }
}

/// Table of layers with a value for each.
impl<T: Value> Field for Vec<LayerChoice<T>> {
    fn form() -> Form {
        Form::Layers { json_schema: T::json_schema(), choices: T::choices() }
    }

    fn read(&mut self, reader: &mut Reader, place: &Place, value: &Toml) {
        for (inner, value) in reader.table(place, value) {
            if value.get_ref().is_table() {
                let message = format!("`{}` must be the name of a layer in quotes, but is a table", inner.path);
                let value = T::choices().into_iter().next().map_or("...".to_string(), |choice| choice.text);
                let help = format!("a dot outside quotes opens a table: \"features.0.conv\" = {value}");
                reader.add(ProblemKind::InvalidValue, &inner, inner.span.clone(), message).help = Some(help);
            } else if let Some(choice) = T::read(reader, &inner, value) {
                let layer = Spanned { value: inner.text.to_string(), span: inner.span };
                self.push(LayerChoice { layer, choice: Spanned { value: choice, span: value.span() } });
            }
        }
    }

    fn span_of(&self, path: &str) -> Option<Span> {
        let name = path.trim_matches('"');
        self.iter().find(|line| line.layer.value == name).map(|line| line.layer.span.clone())
    }

    fn identity(&self, key: &Key, stage: Stage, text: &mut String) {
        for line in self.iter().filter(|_| key.stage == stage) {
            text.push_str(&format!("{} {:?} = {:?}\n", key.name, line.layer.value, line.choice.value));
        }
    }
}

/// List; a single value is a list of one.
impl<T: Value> Field for Vec<Spanned<T>> {
    fn form() -> Form {
        let one = T::json_schema();
        let json_schema = json!({ "anyOf": [one, { "type": "array", "items": one }] });
        Form::Value { json_schema, choices: Vec::new() }
    }

    fn read(&mut self, reader: &mut Reader, place: &Place, value: &Toml) {
        let mut take = |item: &Toml| match T::parse(item) {
            Some(value) => self.push(Spanned { value, span: item.span() }),
            None => reader.invalid(place, item.span(), &format!("a list; each entry must be {}", T::expected())),
        };
        match value.get_ref() {
            DeValue::Array(items) => items.iter().for_each(take),
            _ => take(value),
        }
    }

    fn span_of(&self, _path: &str) -> Option<Span> {
        // Entries from the command line have no span.
        let mut placed = self.iter().filter(|entry| !entry.span.is_empty());
        let first = placed.next()?;
        Some(first.span.start..placed.next_back().unwrap_or(first).span.end)
    }

    fn identity(&self, key: &Key, stage: Stage, text: &mut String) {
        for entry in self.iter().filter(|_| key.stage == stage) {
            text.push_str(&format!("{} {:?}\n", key.name, entry.value));
        }
    }
}

pub(super) fn integer(value: &Toml) -> Option<i64> {
    match value.get_ref() {
        DeValue::Integer(i) => i64::from_str_radix(i.as_str(), i.radix()).ok(),
        _ => None,
    }
}

pub(super) fn number(value: &Toml) -> Option<f64> {
    match value.get_ref() {
        DeValue::Float(f) => f.as_str().parse().ok(),
        _ => integer(value).map(|n| n as f64),
    }
}

/// Formats a string as TOML, with escapes.
pub fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
