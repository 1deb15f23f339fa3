//! Split of the samples into a set for calibration and a held-out set for measurement.

use std::sync::Arc;

use crate::graph::Tensor;
use crate::{Error, Result};

use super::Samples;

/// Minimum number of samples for a split, and of held-out samples.
const LEAST: usize = 4;

/// Subset of the samples, in their order.
pub struct Part {
    samples: Arc<Samples>,
    indices: Vec<usize>,
}

impl Part {
    /// Returns the samples to calibrate with and those to measure on. Every `held_out`-th is held out for measurement,
    /// or more if that would be fewer than four. Without `held_out`, both parts are all samples.
    pub fn split(samples: &Arc<Samples>, held_out: Option<usize>) -> [Part; 2] {
        let count = crate::exec::Samples::len(&**samples);
        let all: Vec<usize> = (0..count).collect();
        let part = |indices: Vec<usize>| Part { samples: samples.clone(), indices };
        match held_out.filter(|_| count >= 2 * LEAST) {
            None => [Part::all(samples), Part::all(samples)],
            Some(every) => {
                let every = every.min(count / LEAST).max(2);
                let (measured, used) = all.into_iter().partition(|index| index % every == every - 1);
                [part(used), part(measured)]
            }
        }
    }
}

impl Part {
    /// Returns all samples.
    pub fn all(samples: &Arc<Samples>) -> Part {
        Part { samples: samples.clone(), indices: (0..crate::exec::Samples::len(&**samples)).collect() }
    }

    /// Returns the first `count` of them, fewer where there are fewer.
    pub fn first(&self, count: usize) -> Part {
        Part { samples: self.samples.clone(), indices: self.indices.iter().copied().take(count).collect() }
    }
}

impl crate::exec::Samples for Part {
    fn len(&self) -> usize {
        self.indices.len()
    }

    fn sample(&self, index: usize) -> Result<Vec<Tensor>> {
        let own = self.indices.get(index).ok_or_else(|| Error::new(format!("there is no sample {index}")))?;
        self.samples.sample(*own)
    }
}
