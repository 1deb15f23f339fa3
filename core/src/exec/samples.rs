//! Traits that callers implement: the source of samples, and the check for cancellation.

use crate::Result;
use crate::graph::Tensor;

/// Samples of a model, by index; each has one tensor per model input, in the graph's order.
///
/// Several threads read samples at the same time.
pub trait Samples: Sync {
    /// Number of samples.
    fn len(&self) -> usize;

    /// Returns a sample; fails if it cannot be read, or if `index` is not below `len`.
    fn sample(&self, index: usize) -> Result<Vec<Tensor>>;

    /// Returns `true` if there are no samples.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Samples for [Vec<Tensor>] {
    fn len(&self) -> usize {
        <[_]>::len(self)
    }

    fn sample(&self, index: usize) -> Result<Vec<Tensor>> {
        self.get(index).cloned().ok_or_else(|| crate::Error::new(format!("there is no sample {index}")))
    }
}

/// Callback after every unit of work (a sample, or one layer over one sample); an error ([`crate::Error::cancelled`])
/// stops the work.
pub type Tick<'a> = &'a (dyn Fn() -> Result<()> + Sync);
