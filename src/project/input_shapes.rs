//! Value of `model.input-shape`: lengths of axes, of the only input or by input.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use toml::de::DeValue;

use super::config::InputShapes;
use super::values::{Toml, Value, quoted};

/// Parses lengths of axes, each at least 1.
fn shape(value: &Toml) -> Option<Vec<usize>> {
    value.get_ref().as_array()?.iter().map(usize::parse).collect::<Option<Vec<usize>>>().filter(|s| !s.is_empty())
}

fn shape_schema() -> Json {
    json!({ "type": "array", "items": usize::json_schema(), "minItems": 1 })
}

impl Value for InputShapes {
    fn expected() -> String {
        "a list of lengths, each at least 1 ([1, 3, 224, 224]), or a table with one for each model input".to_string()
    }

    fn parse(value: &Toml) -> Option<InputShapes> {
        let DeValue::Table(table) = value.get_ref() else { return shape(value).map(InputShapes::One) };
        let shapes = table.iter().map(|(name, value)| Some((name.get_ref().to_string(), shape(value)?)));
        shapes.collect::<Option<BTreeMap<_, _>>>().filter(|shapes| !shapes.is_empty()).map(InputShapes::PerInput)
    }

    fn write(&self) -> String {
        match self {
            InputShapes::One(shape) => format!("{shape:?}"),
            InputShapes::PerInput(shapes) => {
                let entry = |(name, shape): (&String, &Vec<usize>)| format!("{} = {shape:?}", quoted(name));
                format!("{{ {} }}", shapes.iter().map(entry).collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn json_schema() -> Json {
        json!({ "anyOf": [shape_schema(), { "type": "object", "additionalProperties": shape_schema(), "minProperties": 1 }] })
    }
}
