//! Error of quantization: graphwise and layerwise error, statistics of tensors.
//!
//! Never: text, tables, the value of a limit.

mod compare;
mod figures;
mod graphwise;
mod layerwise;
mod limit;
mod originals;
mod search;
mod statistics;

use crate::exec::{Program, Samples, Tick};
use crate::graph::Graph;

/// One graph twice prepared, and the samples to compare the two over.
pub struct Subject<'a> {
    /// Graph of both programs.
    pub graph: &'a Graph,
    /// Program in float32: the reference.
    pub float: &'a Program,
    /// Program with every quantized value rounded as on the chip.
    pub simulated: &'a Program,
    /// Samples of the model's inputs.
    pub samples: &'a dyn Samples,
    /// The first so many samples are looked at, fewer where there are fewer.
    pub count: usize,
    /// Called after each sample; an error ends the analysis.
    pub tick: Tick<'a>,
}

pub use crate::quant::Port;
pub use figures::{Error, Histogram, Layer, OutputError, Report, Seconds, Statistics, TensorStatistics};
pub use graphwise::{Graphwise, graphwise};
pub use layerwise::layerwise;
pub use limit::is_over;
pub use originals::Originals;
pub use search::{Enough, enough};
pub use statistics::statistics;
