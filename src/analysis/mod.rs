//! What quantization costs: graphwise and layerwise error, statistics of tensors.
//!
//! Never: text, tables, thresholds.

mod figures;

pub use figures::{Error, Histogram, Layer, OutputError, Port, Report, Seconds, Statistics, TensorStatistics};
