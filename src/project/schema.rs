//! The tables and keys of `espq.toml`, with the words that explain them.
//!
//! One table for whoever names keys: the reader's did-you-mean, completion and hover.

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
