//! Values of keys in `[optimize]` that take esp-ppq's options: `true`, `false`, or a table of them.

use std::fmt::Debug;

use serde_json::{Map, Value as Json, json};
use toml::de::DeValue;

use crate::quant::{BiasCorrection, ChannelSplit, LayerwiseEqualization, Real, WeightSplit};

use super::values::{Choice, Toml, Value, quoted};

/// Limit of iterations: factors have settled long before.
const MOST_ITERATIONS: usize = 10_000;
/// Limit of the layers of a block.
const MOST_LAYERS: usize = 10_000;

/// Value of a pass with options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Switch<O> {
    /// `false`.
    Off,
    /// `true`, or a table of options.
    On(O),
}

impl<O: Clone> Switch<O> {
    /// Returns the options of a pass that is on.
    pub fn options(&self) -> Option<O> {
        match self {
            Switch::Off => None,
            Switch::On(options) => Some(options.clone()),
        }
    }
}

/// Options of a pass, by their names in the table.
pub trait Options: Default + Debug {
    /// Options that have no default: a pass with one is not switched on by `true`.
    const REQUIRED: &[&str];

    /// Sets an option; `None` if it has another name or type.
    fn set(&mut self, name: &str, value: &Toml) -> Option<()>;

    /// Lists all options, each as TOML.
    fn entries(&self) -> Vec<(&'static str, String)>;

    /// Describes the values of all options.
    fn properties() -> Map<String, Json>;
}

/// Kind of an option's values.
struct Kind<T> {
    read: fn(&Toml) -> Option<T>,
    write: fn(&T) -> String,
    schema: fn() -> Json,
}

/// Declares the options of a pass, each once: name, field, kind.
macro_rules! options {
    ($options:ty, required: $required:expr, $($name:literal => $field:ident: $kind:expr),* $(,)?) => {
        impl Options for $options {
            const REQUIRED: &[&str] = &$required;

            fn set(&mut self, name: &str, value: &Toml) -> Option<()> {
                match name {
                    $($name => self.$field = ($kind.read)(value)?,)*
                    _ => return None,
                }
                Some(())
            }

            fn entries(&self) -> Vec<(&'static str, String)> {
                vec![$(($name, ($kind.write)(&self.$field))),*]
            }

            fn properties() -> Map<String, Json> {
                [$(($name.to_string(), ($kind.schema)())),*].into_iter().collect()
            }
        }
    };
}

options! {
    LayerwiseEqualization, required: [],
    "opt-level" => opt_level: LEVEL,
    "iterations" => iterations: ITERATIONS,
    "value-threshold" => value_threshold: NUMBER,
    "including-bias" => including_bias: SWITCH,
    "bias-multiplier" => bias_multiplier: NUMBER,
    "including-act" => including_act: SWITCH,
    "act-multiplier" => act_multiplier: NUMBER,
    "interested-layers" => interested_layers: LAYERS,
    "relu6-as-relu" => relu6_as_relu: SWITCH,
}

options! {
    BiasCorrection, required: [],
    "block-size" => block_size: BLOCK,
    "interested-layers" => interested_layers: LAYERS,
}

options! {
    ChannelSplit, required: [],
    "opt-level" => opt_level: LEVEL,
    "iterations" => iterations: ITERATIONS,
    "value-threshold" => value_threshold: NUMBER,
    "including-bias" => including_bias: SWITCH,
    "bias-multiplier" => bias_multiplier: NUMBER,
    "interested-layers" => interested_layers: LAYERS,
}

options! {
    WeightSplit, required: ["interested-layers"],
    "interested-layers" => interested_layers: SOME_LAYERS,
    "value-threshold" => value_threshold: NUMBER,
}

const SWITCH: Kind<bool> = Kind { read: bool::parse, write: bool::to_string, schema: bool::json_schema };

const LEVEL: Kind<usize> =
    Kind { read: |value| at_most(value, 2), write: usize::to_string, schema: || json!({ "enum": [1, 2] }) };

const ITERATIONS: Kind<usize> = Kind {
    read: |value| at_most(value, MOST_ITERATIONS),
    write: usize::to_string,
    schema: || json!({ "type": "integer", "minimum": 1, "maximum": MOST_ITERATIONS }),
};

const BLOCK: Kind<usize> = Kind {
    read: |value| at_most(value, MOST_LAYERS),
    write: usize::to_string,
    schema: || json!({ "type": "integer", "minimum": 1, "maximum": MOST_LAYERS }),
};

const NUMBER: Kind<Real> = Kind {
    read: |value| f32::parse(value).filter(|number| number.is_finite() && *number >= 0.0).map(Real::of),
    write: |number| format!("{:?}", number.get()),
    schema: || json!({ "type": "number", "minimum": 0 }),
};

const LAYERS: Kind<Vec<String>> = Kind {
    read: |value| value.get_ref().as_array()?.iter().map(String::parse).collect(),
    write: |layers| format!("[{}]", layers.iter().map(|layer| quoted(layer)).collect::<Vec<_>>().join(", ")),
    schema: || json!({ "type": "array", "items": String::json_schema() }),
};

const SOME_LAYERS: Kind<Vec<String>> = Kind {
    read: |value| (LAYERS.read)(value).filter(|layers| !layers.is_empty()),
    write: LAYERS.write,
    schema: || json!({ "type": "array", "items": String::json_schema(), "minItems": 1 }),
};

fn at_most(value: &Toml, most: usize) -> Option<usize> {
    usize::parse(value).filter(|&count| count <= most)
}

impl<O: Options> Value for Switch<O> {
    fn expected() -> String {
        let names = O::default().entries().into_iter().map(|(name, _)| format!("`{name}`"));
        let table = format!("a table of {}", names.collect::<Vec<_>>().join(", "));
        match O::REQUIRED.is_empty() {
            true => format!("`true`, `false` or {table}"),
            false => format!("`false` or {table}"),
        }
    }

    fn parse(value: &Toml) -> Option<Switch<O>> {
        let mut options = O::default();
        let DeValue::Table(table) = value.get_ref() else {
            let is_on = bool::parse(value).filter(|on| !*on || O::REQUIRED.is_empty())?;
            return Some(if is_on { Switch::On(options) } else { Switch::Off });
        };
        for (name, value) in table {
            options.set(name.get_ref(), value)?;
        }
        O::REQUIRED.iter().all(|name| table.contains_key(*name)).then_some(Switch::On(options))
    }

    fn is_on(&self) -> bool {
        matches!(self, Switch::On(_))
    }

    fn write(&self) -> String {
        let Switch::On(options) = self else { return "false".to_string() };
        let defaults = O::default().entries();
        let changed = options.entries().into_iter().zip(defaults).filter(|((_, value), (_, default))| value != default);
        let changed: Vec<String> = changed.map(|((name, value), _)| format!("{name} = {value}")).collect();
        if changed.is_empty() { "true".to_string() } else { format!("{{ {} }}", changed.join(", ")) }
    }

    fn json_schema() -> Json {
        let properties = O::properties();
        let mut table = json!({ "type": "object", "additionalProperties": false, "properties": properties });
        if O::REQUIRED.is_empty() {
            return json!({ "anyOf": [bool::json_schema(), table] });
        }
        table["required"] = json!(O::REQUIRED);
        json!({ "anyOf": [{ "const": false }, table] })
    }

    fn choices() -> Vec<Choice> {
        bool::choices().into_iter().filter(|choice| O::REQUIRED.is_empty() || choice.text != "true").collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Project;

    fn read(key: &str, value: &str) -> Result<String, String> {
        use super::Value;
        let text = format!(
            "[model]\npath = \"m.onnx\"\ntarget = \"esp32p4\"\n[calibration]\ndata = \"c.npy\"\n[optimize]\n{key} = {value}\n"
        );
        let project = Project::parse("espq.toml", text);
        if let Some(problem) = project.problems.first() {
            return Err(format!("{problem:?}"));
        }
        let optimize = project.config.optimize;
        let written = [
            optimize.layerwise_equalization.map(|v| v.value.write()),
            optimize.bias_correction.map(|v| v.value.write()),
            optimize.weight_split.map(|v| v.value.write()),
            optimize.channel_split.map(|v| v.value.write()),
        ];
        Ok(written.into_iter().flatten().collect())
    }

    #[test]
    fn options_are_written_as_they_are_read() {
        let all = "{ opt-level = 2, iterations = 4, value-threshold = 0.4, including-bias = true, bias-multiplier = 0.25, \
                   including-act = true, act-multiplier = 1.5, interested-layers = [\"/a/Conv\"], relu6-as-relu = true }";
        for value in [all, "true", "false", "{ iterations = 4 }"] {
            assert_eq!(read("layerwise-equalization", value).as_deref(), Ok(value));
        }
        assert_eq!(read("layerwise-equalization", "{ iterations = 10 }").as_deref(), Ok("true"));
        for (key, value) in [
            ("bias-correction", "{ block-size = 1, interested-layers = [\"/a/Conv\"] }"),
            ("channel-split", "{ iterations = 1, including-bias = true }"),
            ("weight-split", "{ interested-layers = [\"/a/Conv\"], value-threshold = 0.5 }"),
            ("weight-split", "false"),
        ] {
            assert_eq!(read(key, value).as_deref(), Ok(value));
        }
    }

    #[test]
    fn other_options_are_problems() {
        for (key, value) in [
            ("layerwise-equalization", "1"),
            ("layerwise-equalization", "{ level = 2 }"),
            ("layerwise-equalization", "{ opt-level = 3 }"),
            ("layerwise-equalization", "{ iterations = 0 }"),
            ("layerwise-equalization", "{ iterations = 100_000 }"),
            ("layerwise-equalization", "{ value-threshold = -1 }"),
            ("layerwise-equalization", "{ act-multiplier = 1e300 }"),
            ("bias-correction", "{ steps = 8 }"),
            ("weight-split", "true"),
            ("weight-split", "{ value-threshold = 1 }"),
            ("channel-split", "{ including-act = true }"),
        ] {
            let problem = read(key, value).unwrap_err();
            assert!(problem.contains(key), "{problem}");
        }
    }
}
