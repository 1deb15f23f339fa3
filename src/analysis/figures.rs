//! The results, as plain data. Serialized as is for `--format json`.

use serde::{Deserialize, Serialize};

use crate::chip::Scheme;
use crate::quant::{Port, Settings};

/// Difference of two tensors, mean over samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Error {
    /// Noise-to-signal power ratio, `sum((q - f)^2) / (sum(f^2) + 1e-7)`.
    pub nsr: f64,
    pub cosine: f64,
    pub mse: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    pub name: String,
    pub op: String,
    pub scheme: Scheme,
    /// Cumulative error at the layer's first output; computing layers only.
    pub graphwise: Option<Error>,
    /// Error at the model's outputs with this layer alone quantized; computing layers only.
    pub layerwise: Option<Error>,
    pub inputs: Vec<Option<Port>>,
    pub outputs: Vec<Option<Port>>,
    /// For every quantized layer that is not passive: of its first output.
    pub statistics: Option<TensorStatistics>,
}

/// Cumulative error of one output of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputError {
    pub name: String,
    pub error: Error,
}

/// Of the elements of one tensor over all samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    pub min: f64,
    pub max: f64,
    pub mean: f64,
    pub std: f64,
    pub skewness: f64,
    /// Excess kurtosis: 0 for a normal distribution.
    pub kurtosis: f64,
    pub histogram: Histogram,
}

/// Counts over equal bins from `min` to `max` of its statistics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Histogram(pub Vec<u64>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TensorStatistics {
    pub name: String,
    pub float: Statistics,
    pub quantized: Statistics,
    pub noise: Statistics,
    /// Cumulative, as in the graphwise table, for operators that table never shows.
    pub error: Error,
    /// Share of the quantized elements that stand at the end of the range.
    pub saturated: f64,
}

/// Wall-clock time by phase.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Seconds {
    pub load: f64,
    pub calibrate: f64,
    pub graphwise: f64,
    pub layerwise: f64,
    /// 0 where they were not asked for.
    pub statistics: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub model: String,
    pub settings: Settings,
    pub calibration_samples: usize,
    pub analysis_samples: usize,
    /// In the graph's order.
    pub layers: Vec<Layer>,
    pub outputs: Vec<OutputError>,
    /// Changes that espq made, and differences from esp-ppq, one sentence each.
    pub notes: Vec<String>,
    pub seconds: Seconds,
}
