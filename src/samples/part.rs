//! Samples on one side of a split: what is calibrated on is not what is judged on.

use std::sync::Arc;

use crate::graph::Tensor;
use crate::{Error, Result};

use super::Samples;

/// Fewer samples than this are not split, and no fewer are kept apart.
const LEAST: usize = 4;

/// Some of the samples, in their order.
pub struct Part {
    samples: Arc<Samples>,
    indices: Vec<usize>,
}

impl Part {
    /// Returns the samples to calibrate with and those to measure on. Every `held_out`-th is kept apart for measuring, more
    /// often where that would be fewer than four; without it, both are all samples.
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
