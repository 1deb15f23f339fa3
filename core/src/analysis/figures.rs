//! Results of an analysis, as plain data.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::chip::{Method, Scheme};
use crate::detect::FoundBoxes;
use crate::note::Note;
use crate::quant::{Port, Settings};
use crate::text::units::percent;

use super::{Accuracy, Joint, OnChip, Spread, is_over};

/// Error figures of a tensor, mean over samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ErrorFigures {
    /// Noise-to-signal power ratio, `sum((q - f)^2) / (sum(f^2) + 1e-7)`.
    pub nsr: f64,
    /// Cosine of the angle between the two, as vectors; 1 if they are parallel.
    pub cosine: f64,
    /// Mean of the squared differences, in the tensor's units.
    pub mse: f64,
}

/// Ratio from which noise is as large as the values.
const LOST: f64 = 0.9;

impl ErrorFigures {
    /// Returns `true` if nothing is left of the float values: noise as large as they are, that does not point their way.
    pub fn is_lost(&self) -> bool {
        /// Cosine below which the two do not point the same way.
        const APART: f64 = 0.1;
        self.cosine < APART && (self.nsr >= LOST || self.is_tiny())
    }

    /// Returns `true` if the values are so small that the ratio's 1e-7 hides their error.
    pub fn is_tiny(&self) -> bool {
        self.mse > 0.0 && self.mse < 1e-6 && self.nsr < LOST
    }
}

/// A layer with its errors and scales.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// Name of the layer, as Netron shows it.
    pub name: String,
    /// Path of the module of the source model that it is from, where the file has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// ONNX operator type.
    pub op: String,
    /// Precision by which the layer is quantized.
    pub scheme: Scheme,
    /// Cumulative error at the layer's first output; computing layers only.
    pub graphwise: Option<ErrorFigures>,
    /// Error at the model's outputs with this layer alone quantized; computing layers only.
    pub layerwise: Option<ErrorFigures>,
    /// Estimate of the layerwise noise-to-signal ratio, where it is not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<f64>,
    /// Input ports; `None` if the port is not quantized.
    pub inputs: Vec<Option<LayerPort>>,
    /// Output ports; `None` if the port is not quantized.
    pub outputs: Vec<Option<LayerPort>>,
    /// Statistics of the first output, for every quantized layer that is not passive.
    pub statistics: Option<TensorStatistics>,
}

/// Noise-to-signal ratio at the outputs with one layer quantized.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alone {
    /// Power of the noise as a share of the signal's.
    pub nsr: f64,
    /// Set if it was estimated from the derivative of the network.
    pub is_estimate: bool,
}

impl fmt::Display for Alone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.is_estimate { "about " } else { "" }, percent(self.nsr))
    }
}

impl Alone {
    /// Returns the measured error, else the estimate.
    pub fn of(measured: Option<f64>, estimate: Option<f64>) -> Option<Alone> {
        match measured {
            Some(nsr) => Some(Alone { nsr, is_estimate: false }),
            None => estimate.map(|nsr| Alone { nsr, is_estimate: true }),
        }
    }
}

impl Layer {
    /// Returns the error of the layer alone, measured or estimated.
    pub fn alone(&self) -> Option<Alone> {
        Alone::of(self.layerwise.map(|figures| figures.nsr), self.estimate)
    }
}

/// Integers at an input or output of a layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerPort {
    /// Name of the value in the graph; empty if it is left out.
    pub name: String,
    /// Its integers.
    #[serde(flatten)]
    pub port: Port,
    /// Loss by a scale that the layer shares and that is too narrow for the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clipping: Option<Clipping>,
}

/// Loss of a value of which a shared scale cuts off what is beyond its range.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Clipping {
    /// Largest magnitude of the value, in the float network.
    pub largest: f64,
    /// Noise-to-signal power ratio of the value cut at the ends of the range, without rounding; mean over samples.
    pub nsr: f64,
}

/// Loss of a value beyond the range of its integers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saturation {
    /// Layer that computes the value, or that reads it from the model's input.
    pub layer: String,
    /// Name of the model's input, if the value is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// Upper end of the range.
    pub end: f64,
    /// Largest magnitude, and the loss by what is cut off.
    #[serde(flatten)]
    pub clipping: Clipping,
}

/// Cumulative error of one output of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputError {
    /// Name of the output.
    pub name: String,
    /// Mean over samples, with the whole model quantized.
    pub error: ErrorFigures,
    /// Standard error of the noise-to-signal ratio, from its spread over samples.
    #[serde(default)]
    pub standard_error: f64,
    /// Error before the Softmax or Sigmoid that ends in this output: after it, even a small error can be as large as
    /// the signal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Before>,
    /// Share of the elements that are equal, if the output has places or truth values, to which no ratio and no limit
    /// applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equal: Option<f64>,
    /// Decisions of a classifier that the quantized network shares with the float one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<Agreement>,
}

/// Samples whose largest output element is the same as in float.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// Samples that keep their decision.
    pub kept: usize,
    /// All samples.
    pub of: usize,
}

impl Agreement {
    /// Returns the 95% interval of the share in all data.
    pub fn interval(&self) -> [f64; 2] {
        share_interval(self.kept, self.of)
    }
}

/// Standard deviations within which 95% of a normal distribution lie.
pub(super) const Z: f64 = 1.96;

/// Returns the 95% interval of a share in all data, by Wilson's score: few samples say little.
pub(super) fn share_interval(kept: usize, of: usize) -> [f64; 2] {
    if of == 0 {
        return [0.0, 1.0];
    }
    let (n, share) = (of as f64, kept as f64 / of as f64);
    let centre = share + Z * Z / (2.0 * n);
    let spread = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let bound = |value: f64| (value / (1.0 + Z * Z / n)).clamp(0.0, 1.0);
    let [low, high] = [bound(centre - spread), bound(centre + spread)];
    [if kept == 0 { 0.0 } else { low }, if kept == of { 1.0 } else { high }]
}

impl OutputError {
    /// Returns `true` if a limit on the error applies to the output and is exceeded.
    pub fn is_over(&self, limit: f64) -> bool {
        self.is_judged() && is_over(self.error.nsr, limit)
    }

    /// Returns `true` if nothing is left of the float network's output, or its error exceeds the limit.
    pub fn fails(&self, limit: f64) -> bool {
        self.is_over(limit) || (self.is_judged() && self.error.is_lost())
    }

    /// Says by how much the output exceeds a limit; `None` if it does not.
    pub fn excess(&self, limit: f64) -> Option<String> {
        let name = &self.name;
        self.is_over(limit).then(|| match self.error.nsr.is_finite() {
            true => {
                let (nsr, limit) = (percent(self.error.nsr), percent(limit));
                format!("output `{name}`: quantization error {nsr} NSR exceeds the limit of {limit}")
            }
            false => format!("the error of output `{name}` is not finite: it overflows"),
        })
    }

    /// Returns whether the output has quantities, whose error is a ratio.
    pub fn is_judged(&self) -> bool {
        self.equal.is_none()
    }
}

/// Error of the values before a Softmax or Sigmoid at the model's end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Before {
    /// Layer that makes the values.
    pub layer: String,
    /// The Softmax or Sigmoid behind it.
    #[serde(default)]
    pub op: String,
    /// Cumulative error of these values, mean over samples.
    pub error: ErrorFigures,
    /// Standard error of the noise-to-signal ratio, from its spread over samples.
    #[serde(default)]
    pub standard_error: f64,
}

/// Errors of the values that decide the outputs, by observer, with all else as the settings have it; means over samples
/// and outputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observers {
    /// Observer of the settings; esp-ppq's where they name none.
    pub set: Method,
    /// The one with the least error; `set` unless it is better by more than the standard error.
    pub best: Method,
    /// Every observer, measured on the same samples.
    pub tried: Vec<TriedObserver>,
}

/// One measured observer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TriedObserver {
    /// Observer of all layers without one of their own.
    pub method: Method,
    /// Noise-to-signal power ratio of the values that decide the outputs.
    pub error: Spread,
}

impl Observers {
    /// Returns the error with an observer.
    pub fn error(&self, method: Method) -> Spread {
        self.tried.iter().find(|tried| tried.method == method).map_or(Spread::default(), |tried| tried.error)
    }

    /// Returns the observer with the least error, however small its gain.
    pub fn least(&self) -> Method {
        let least = self.tried.iter().min_by(|a, b| a.error.mean.total_cmp(&b.error.mean));
        least.map_or(self.best, |tried| tried.method)
    }

    /// Returns the better observer, where there is one.
    pub fn better(&self) -> Option<Method> {
        (self.best != self.set).then_some(self.best)
    }
}

impl OutputError {
    /// Returns the error that decides: before the Softmax or Sigmoid at the end, where there is one.
    pub fn decisive(&self) -> Spread {
        match &self.before {
            None => Spread { mean: self.error.nsr, standard_error: self.standard_error },
            Some(before) => Spread { mean: before.error.nsr, standard_error: before.standard_error },
        }
    }
}

/// Statistics of the elements of one tensor over all samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// Smallest element.
    pub min: f64,
    /// Largest element.
    pub max: f64,
    /// Mean of the elements.
    pub mean: f64,
    /// Standard deviation of the elements.
    pub std: f64,
    /// Third standardized moment: 0 for a symmetric distribution.
    pub skewness: f64,
    /// Excess kurtosis: 0 for a normal distribution.
    pub kurtosis: f64,
    /// Distribution of the elements.
    pub histogram: Histogram,
}

/// Counts over equal bins from `min` to `max` of its statistics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Histogram(pub Vec<u64>);

/// Statistics of a tensor in float, after quantization, and of the difference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TensorStatistics {
    /// Name of the value.
    pub name: String,
    /// Statistics in float.
    pub float: Statistics,
    /// Statistics in the simulation of the chip.
    pub quantized: Statistics,
    /// Statistics of quantized minus float.
    pub noise: Statistics,
    /// Cumulative error, as in the graphwise table, including operators that the table leaves out.
    pub error: ErrorFigures,
    /// Share of the quantized elements at an end of the range.
    pub saturated: f64,
}

/// Wall-clock time by phase.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Seconds {
    /// Reading and simplifying the model, reading the samples.
    pub load: f64,
    /// Observing ranges and choosing scales.
    pub calibrate: f64,
    /// Measuring the graphwise errors.
    pub graphwise: f64,
    /// Measuring the layerwise errors.
    pub layerwise: f64,
    /// Time for statistics; 0 if they were not requested.
    pub statistics: f64,
    /// Exporting in memory, and running the file in the chip's integers.
    #[serde(default)]
    pub chip: f64,
    /// Measuring every observer; 0 where their figures were known.
    #[serde(default)]
    pub observers: f64,
    /// Running labelled samples; 0 without labels.
    #[serde(default)]
    pub accuracy: f64,
}

/// Result of an analysis: the errors of every layer and output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Path of the model, as the configuration has it.
    pub model: String,
    /// Target, precisions and observers.
    pub settings: Settings,
    /// Samples from which the ranges were observed.
    pub calibration_samples: usize,
    /// Samples over which the errors are means.
    pub analysis_samples: usize,
    /// Layers in the graph's order.
    pub layers: Vec<Layer>,
    /// Outputs of the model.
    pub outputs: Vec<OutputError>,
    /// Concats that join values of very different ranges, with the error of each part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joints: Vec<Joint>,
    /// Losses by saturation, measured where an output is over its limit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub saturation: Vec<Saturation>,
    /// Boxes of the float network beside those of the quantized one, if the network is a detector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detection: Option<FoundBoxes>,
    /// Errors by observer, if they were measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observers: Option<Observers>,
    /// Notes on changes that espq made, and on differences from esp-ppq.
    pub notes: Vec<Note>,
    /// Time that the phases took.
    pub seconds: Seconds,
    /// Result of the exported file on the chip; `None` if it was not requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_chip: Option<OnChip>,
    /// Accuracy on labelled samples, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<Accuracy>,
}
