//! Types of values with a unit: sizes, times, clocks, and counts of a board.

use serde_json::{Value as Json, json};

use super::values::{Toml, Value, number, quoted};

/// Size in bytes, with units of 1024.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub usize);

impl Bytes {
    /// Parses "300 KB", "1.5 MB" or a number of bytes.
    pub fn of(text: &str) -> Option<Bytes> {
        let (number, unit) = split_unit(text)?;
        let factor = match unit.to_ascii_lowercase().as_str() {
            "b" | "" => 1.0,
            "kb" | "kib" | "k" => 1024.0,
            "mb" | "mib" | "m" => 1024.0 * 1024.0,
            _ => return None,
        };
        let bytes = number * factor;
        (0.0..=1e15).contains(&bytes).then_some(Bytes(bytes.round() as usize))
    }
}

impl Value for Bytes {
    fn expected() -> String {
        "a size (\"300 KB\", \"1.5 MB\") or a number of bytes".to_string()
    }

    fn parse(value: &Toml) -> Option<Bytes> {
        let Some(text) = value.get_ref().as_str() else {
            // A schema takes 1.0 for an integer, too.
            let whole = number(value).filter(|bytes| bytes.fract() == 0.0 && (0.0..=1e15).contains(bytes));
            return whole.map(|bytes| Bytes(bytes as usize));
        };
        Bytes::of(text)
    }

    fn write(&self) -> String {
        match self.0 {
            bytes if bytes > 0 && bytes.is_multiple_of(1 << 20) => quoted(&format!("{} MB", bytes >> 20)),
            bytes if bytes > 0 && bytes.is_multiple_of(1 << 10) => quoted(&format!("{} KB", bytes >> 10)),
            bytes => bytes.to_string(),
        }
    }

    fn json_schema() -> Json {
        json!({ "anyOf": [
            { "type": "integer", "minimum": 0 },
            { "type": "string", "pattern": "^\\s*([0-9]+\\.?[0-9]*|\\.[0-9]+)\\s*([kKmM]([iI]?[bB])?|[bB])?\\s*$" },
        ]})
    }
}

/// Budget of internal RAM, in units of 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget(pub usize);

impl Value for Budget {
    fn expected() -> String {
        "a size that is a multiple of 16 bytes (\"64 KB\"): the planner of ESP-DL loses track of its memory with others"
            .to_string()
    }

    fn parse(value: &Toml) -> Option<Budget> {
        Bytes::parse(value).filter(|bytes| bytes.0.is_multiple_of(16)).map(|bytes| Budget(bytes.0))
    }

    fn write(&self) -> String {
        Bytes(self.0).write()
    }

    fn json_schema() -> Json {
        json!({ "anyOf": [
            { "type": "integer", "minimum": 0, "multipleOf": 16 },
            { "type": "string", "pattern": "^\\s*([0-9]+\\.?[0-9]*|\\.[0-9]+)\\s*[kKmM]([iI]?[bB])?\\s*$" },
        ]})
    }
}

/// Time in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Milliseconds(pub f64);

impl Milliseconds {
    /// Parses "30 ms" or "1.5 s".
    pub fn of(text: &str) -> Option<Milliseconds> {
        let (number, unit) = split_unit(text)?;
        let factor = match unit {
            "ms" => 1.0,
            "s" => 1000.0,
            "us" | "µs" => 0.001,
            _ => return None,
        };
        (number.is_finite() && number > 0.0).then_some(Milliseconds(number * factor))
    }
}

impl Value for Milliseconds {
    fn expected() -> String {
        "a time (\"30 ms\", \"1.5 s\")".to_string()
    }

    fn parse(value: &Toml) -> Option<Milliseconds> {
        Milliseconds::of(value.get_ref().as_str()?)
    }

    fn write(&self) -> String {
        quoted(&format!("{} ms", self.0))
    }

    fn json_schema() -> Json {
        json!({ "type": "string", "pattern": "^\\s*([0-9]+\\.?[0-9]*|\\.[0-9]+)\\s*(ms|s|us|µs)\\s*$" })
    }
}

/// Clock in MHz; 0 for none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Megahertz(pub f64);

impl Value for Megahertz {
    fn expected() -> String {
        "a number of MHz (240)".to_string()
    }

    fn parse(value: &Toml) -> Option<Megahertz> {
        number(value).filter(|n| (0.0..=10_000.0).contains(n)).map(Megahertz)
    }

    fn write(&self) -> String {
        self.0.to_string()
    }

    fn json_schema() -> Json {
        json!({ "type": "number", "minimum": 0, "maximum": 10_000 })
    }
}

/// Cores that share a layer: 1 or 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cores(pub usize);

impl Value for Cores {
    fn expected() -> String {
        "1 or 2".to_string()
    }

    fn parse(value: &Toml) -> Option<Cores> {
        usize::parse(value).filter(|&cores| cores <= 2).map(Cores)
    }

    fn write(&self) -> String {
        self.0.to_string()
    }

    fn json_schema() -> Json {
        json!({ "type": "integer", "minimum": 1, "maximum": 2 })
    }
}

/// Splits "1.5 MB" into a number and a unit.
fn split_unit(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    Some((text[..end].parse().ok()?, text[end..].trim()))
}
