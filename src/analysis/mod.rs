//! Error of quantization: graphwise and layerwise error, statistics of tensors.
//!
//! Never: text, tables, the value of a limit.

mod compare;
mod decisive;
mod figures;
mod graphwise;
mod layerwise;
mod limit;
mod originals;
mod search;
mod spread;
mod statistics;

use crate::Result;
use crate::exec::{Program, Samples, Tick};
use crate::graph::{Graph, Tensor, ValueId};

/// One network prepared for running, and the samples to compare its forms over.
pub struct Subject<'a> {
    /// Graph of both programs.
    pub graph: &'a Graph,
    /// As it was read: its outputs are the reference.
    pub original: &'a Program,
    /// In float, with the constants of `graph` as far as they keep the network's function: values inside the network are
    /// compared with its. The same as `original` where there are none.
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

impl Subject<'_> {
    /// The model's outputs of one sample in the original, which `float` has just given as `outputs`. Where the two differ,
    /// `on_value` is shown the original's `wanted` values.
    fn reference(
        &self,
        inputs: &[Tensor],
        outputs: Vec<Tensor>,
        wanted: &[bool],
        on_value: &mut dyn FnMut(ValueId, &Tensor),
    ) -> Result<Vec<Tensor>> {
        match std::ptr::eq(self.original, self.float) {
            true => Ok(outputs),
            false => self.original.run(inputs, wanted, &mut |value, tensor| {
                on_value(value, tensor);
                Ok(())
            }),
        }
    }
}

pub use crate::quant::Port;
pub use decisive::decisive;
pub use figures::{
    Before, Error, Histogram, Layer, Observers, OutputError, Report, Seconds, Statistics, TensorStatistics,
    TriedObserver,
};
pub use graphwise::{Graphwise, graphwise};
pub use layerwise::layerwise;
pub use limit::is_over;
pub use originals::Originals;
pub use search::{Enough, enough};
pub use spread::Spread;
pub use statistics::statistics;
