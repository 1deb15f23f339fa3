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
    pub graph: &'a Graph,
    pub float: &'a Program,
    pub simulated: &'a Program,
    pub samples: &'a dyn Samples,
    /// The first so many samples are looked at, fewer where there are fewer.
    pub count: usize,
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
