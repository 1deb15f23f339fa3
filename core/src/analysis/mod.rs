//! Error of quantization: graphwise and layerwise error, statistics of tensors.
//!
//! Never: text, tables, values of limits.

mod accuracy;
mod changes;
mod clipping;
mod compare;
mod decisive;
mod estimates;
mod figures;
mod float_samples;
mod graphwise;
mod joints;
mod layerwise;
mod limit;
mod mask;
mod on_chip;
mod sample_frontiers;
mod search;
mod simulated_samples;
mod spread;
mod statistics;

use crate::detect::Detector;
use crate::exec::{Program, Samples, Tick};
use crate::graph::Graph;
use crate::quant::Quantized;

/// Network prepared for running, and the samples over which its forms are compared.
pub struct Subject<'a> {
    /// Graph of both programs.
    pub graph: &'a Graph,
    /// Network whose scales `simulated` has.
    pub quantized: &'a Quantized,
    /// Program of the model as it was read: its outputs are the reference.
    pub original: &'a Program,
    /// Float program with the constants of `graph`, insofar as they keep the network's function: values inside the
    /// network are compared with this program's. Equal to `original` if no constant was changed.
    pub float: &'a Program,
    /// Program with every quantized value rounded as on the chip.
    pub simulated: &'a Program,
    /// Samples of the model's inputs.
    pub samples: &'a dyn Samples,
    /// Number of samples to use, from the first; all samples if there are fewer.
    pub count: usize,
    /// Decoder of the outputs, if the network is a detector.
    pub detector: Option<&'a Detector>,
    /// Callback after each sample; an error ends the analysis.
    pub tick: Tick<'a>,
}

impl Subject<'_> {
    /// Returns the float network over the samples, as far as `kept` has it.
    fn resumed<'a>(&'a self, kept: &'a FloatSamples) -> Resumed<'a> {
        Resumed { float: self.float, samples: self.samples, kept }
    }
}

pub use accuracy::{Accuracy, Hits, Judged, Label, Loss, Results, Score, judge};
pub use changes::{Changes, Figures, LayerChange, LayerFigures, OutputChange, Verdict, changes};
pub use clipping::clipping;
pub use compare::{Comparison, floats, is_place};
pub use decisive::{decisive, is_classifier};
pub use estimates::{ESTIMATED, estimates};
pub use figures::{
    Agreement, Alone, Before, Clipping, ErrorFigures, Histogram, Layer, LayerPort, Observers, OutputError, Report,
    Saturation, Seconds, Statistics, TensorStatistics, TriedObserver,
};
pub use float_samples::{FloatSamples, Resumed};
pub use graphwise::{Graphwise, graphwise};
pub use joints::{Joint, JointPart};
pub use layerwise::layerwise;
pub use limit::is_over;
pub use mask::{Mask, mask_of};
pub use on_chip::{Difference, OnChip, Ran};
pub use search::{
    Searched, Sets, SufficientSet, by_worth, completed, most_within_limits, smallest_sufficient_set, usual_sets,
};
pub use simulated_samples::SimulatedSamples;
pub use spread::Spread;
pub use statistics::statistics;
