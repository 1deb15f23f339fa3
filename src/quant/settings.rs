//! What the user may choose.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A chip, or `c` for ESP-DL's portable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    Esp32p4,
    Esp32s31,
    Esp32s3,
    Esp32,
    Esp32s2,
    Esp32c2,
    Esp32c3,
    Esp32c5,
    Esp32c6,
    C,
}

/// Widths of weights and activations, of the model or of one layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// w8a8
    Int8,
    /// w16a16
    Int16,
    /// 8-bit weights, 16-bit activations
    W8A16,
    Float,
}

/// Calibration observer of activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    Kl,
    MinMax,
    Percentile,
    Mse,
}

/// All that decides the plan and the calibration, beside the graph and the samples.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Settings {
    pub target: Target,
    pub scheme: Scheme,
    /// By layer name, over `scheme`.
    pub layer_schemes: BTreeMap<String, Scheme>,
    /// `None`: esp-ppq's default, kl for int8 models and minmax for 16-bit ones.
    pub method: Option<Method>,
    /// By layer name, over `method`.
    pub layer_methods: BTreeMap<String, Method>,
}
