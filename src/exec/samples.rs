//! Traits of callers: the source of samples, and the check for cancellation.

use crate::Result;
use crate::graph::Tensor;

/// Samples of a model, by index; each is one tensor a model input, in the graph's order.
///
/// Asked from several threads at once.
pub trait Samples: Sync {
    fn len(&self) -> usize;

    fn sample(&self, index: usize) -> Result<Vec<Tensor>>;

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

/// Called after every unit of work (a sample, or one layer over one sample);
/// an error ([`crate::Error::cancelled`]) stops the work.
pub type Tick<'a> = &'a (dyn Fn() -> Result<()> + Sync);
