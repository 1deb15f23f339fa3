//! The tables and keys of `espq.toml`, with the words that explain them.
//!
//! One table for whoever names keys: the reader's did-you-mean, completion and hover.

use crate::chip::{Family, Method, Scheme, Target};

pub struct Key {
    pub name: &'static str,
    pub doc: &'static str,
}

pub struct Table {
    /// Dotted, as in the header.
    pub name: &'static str,
    pub doc: &'static str,
    /// Empty where the keys are names of layers.
    pub keys: &'static [Key],
}

const fn key(name: &'static str, doc: &'static str) -> Key {
    Key { name, doc }
}

pub const TABLES: &[Table] = &[
    Table {
        name: "model",
        doc: "What is quantized, and for which chip.",
        keys: &[
            key("path", "The ONNX file, relative to this file. It is never written."),
            key("target", "The chip, or `c` for ESP-DL's portable code."),
            key("precision", "Of the whole model: `int8` (default), `int16`, `w8a16` or `float`."),
            key(
                "quantization",
                "The `.json` of an export, by espq or esp-ppq: its exponents and precisions take the place of calibration.",
            ),
        ],
    },
    Table {
        name: "calibration",
        doc: "The samples from which ranges of activations are measured.",
        keys: &[
            key("data", "`.npy`, `.npz` or image files, a folder or a glob of them; or one such text per model input."),
            key("samples", "How many samples to use, from the first. 32 by default."),
            key(
                "method",
                "Observer of activations: `kl`, `minmax`, `percentile` or `mse`. By default `kl` at int8, `minmax` at 16 bits.",
            ),
            key("image", "How images become tensors."),
            key("methods", "Observers of single layers, over `method`."),
        ],
    },
    Table {
        name: "calibration.image",
        doc: "How images become tensors: resized, then (pixel * scale - mean) / std.",
        keys: &[
            key("size", "Height and width. The model input's by default."),
            key(
                "resize",
                "`\"stretch\"` to the size (default), `\"crop\"` the centre after covering it, or the shorter side's length before the crop.",
            ),
            key("channels", "`\"rgb\"`, `\"bgr\"` or `\"gray\"`. By the model input's channels by default."),
            key("layout", "`\"nchw\"` or `\"nhwc\"`. By the model input's shape by default."),
            key("scale", "Factor for pixels of 0 to 255. 1/255 by default."),
            key("mean", "Subtracted after scaling: one number, or one per channel. 0 by default."),
            key("std", "Divided by at last: one number, or one per channel. 1 by default."),
        ],
    },
    Table { name: "calibration.methods", doc: "Observers of single layers, over `calibration.method`.", keys: &[] },
    Table {
        name: "analysis",
        doc: "What error is measured on.",
        keys: &[key(
            "samples",
            "How many samples the error tables look at, from the first. 9 by default, as in esp-ppq.",
        )],
    },
    Table { name: "precision", doc: "Precision of single layers, over `model.precision`.", keys: &[] },
    Table {
        name: "limits",
        doc: "From which error on a layer or an output is a finding.",
        keys: &[
            key("output-nsr", "Noise-to-signal power ratio of an output. \"10%\" by default."),
            key("layer-nsr", "Noise-to-signal power ratio of one layer, layerwise. \"1%\" by default."),
        ],
    },
    Table {
        name: "lint",
        doc: "Which rules report findings; `espq explain` lists them.",
        keys: &[
            key("select", "Codes of rules, or beginnings of codes: only these report. All by default."),
            key("ignore", "Codes of rules, or beginnings of codes, that do not report."),
        ],
    },
    Table {
        name: "export",
        doc: "What is written for the chip.",
        keys: &[
            key("esp-dl", "Version of the ESP-DL runtime that the file is for, \"3.3.9\"."),
            key("test-values", "Whether the file carries a test input and its outputs."),
        ],
    },
];

/// A table by its dotted name.
pub fn table(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|t| t.name == name)
}

/// One of the values that a key may have, in the quotes that it is written with.
pub struct Choice {
    pub text: String,
    pub doc: &'static str,
}

/// The values of a key that has only so many; empty for all others. Layers' precisions and observers too.
pub fn choices(table: &str, key: &str) -> Vec<Choice> {
    let quoted = |name: &str, doc| Choice { text: format!("\"{name}\""), doc };
    let words = |words: &[(&str, &'static str)]| words.iter().map(|(name, doc)| quoted(name, doc)).collect();
    match (table, key) {
        ("model", "target") => Target::ALL.iter().map(|t| quoted(t.name(), target(*t))).collect(),
        ("model", "precision") | ("precision", _) => Scheme::ALL.iter().map(|s| quoted(s.name(), scheme(*s))).collect(),
        ("calibration", "method") | ("calibration.methods", _) => {
            Method::ALL.iter().map(|m| quoted(m.name(), method(*m))).collect()
        }
        ("calibration.image", "resize") => words(&[
            ("stretch", "Both sides to the size, whatever the proportions."),
            ("crop", "The smallest size that covers the wanted one, then its centre."),
        ]),
        ("calibration.image", "channels") => {
            words(&[("rgb", "Red first."), ("bgr", "Blue first."), ("gray", "One channel.")])
        }
        ("calibration.image", "layout") => {
            words(&[("nchw", "Channels before height and width."), ("nhwc", "Channels behind height and width.")])
        }
        ("export", "test-values") => ["true", "false"].map(|text| Choice { text: text.to_string(), doc: "" }).into(),
        _ => Vec::new(),
    }
}

fn target(target: Target) -> &'static str {
    match (target, target.family()) {
        (Target::C, _) => "ESP-DL's portable code: scales per tensor, half rounds up.",
        (_, Family::P4) => "Weight scales per channel, half rounds to even.",
        (_, Family::S3) => "Scales per tensor, half rounds up; biases of 20 bits at int8.",
        (_, Family::C) => "ESP-DL's portable code: scales per tensor, half rounds up.",
    }
}

fn scheme(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Int8 => "Weights and activations of 8 bits.",
        Scheme::Int16 => "Weights and activations of 16 bits: twice the flash, about twice the time.",
        Scheme::W8A16 => "Weights of 8 bits, activations of 16. The runtime has no kernels for it yet.",
        Scheme::Float => "Not quantized.",
    }
}

fn method(method: Method) -> &'static str {
    match method {
        Method::Kl => "The range that keeps the most of the distribution's information; esp-ppq's choice at int8.",
        Method::MinMax => "The whole range that was seen; esp-ppq's choice at 16 bits.",
        Method::Percentile => "Without the outermost values.",
        Method::Mse => "The range with the least squared error.",
    }
}
