//! Way of samples of the file's inputs to the inputs of a network that begins behind them.

use std::sync::{Arc, OnceLock};

use crate::Result;
use crate::exec::Program;
use crate::graph::Tensor;

use super::no_sample;

/// Memory for samples that were run, in bytes. If all need more, they are run each time.
const KEPT: usize = 256 << 20;

/// Sources of a network's inputs.
#[derive(Clone)]
pub struct Way {
    /// Names of the inputs of the part before the network.
    pub first: Vec<String>,
    /// The part before the network; `None` where it begins at inputs of the file.
    pub program: Option<Arc<Program>>,
    /// Name in the file of each input of the network; `None` for those that are outputs of the part before, in their order.
    pub fed: Vec<Option<String>>,
}

/// Way with the places of the inputs in a sample.
pub struct Passage {
    /// Places of the inputs of the part before.
    first: Vec<usize>,
    program: Option<Arc<Program>>,
    /// Place of each input of the network; `None` for outputs of the part before.
    fed: Vec<Option<usize>>,
    /// Sample at the network's inputs, by index.
    kept: Vec<OnceLock<Vec<Tensor>>>,
}

impl Passage {
    /// Takes `count` samples that have inputs of these names.
    pub fn new(way: Way, names: &[&str], count: usize) -> Passage {
        let place = |name: &String| names.iter().position(|known| known == name);
        Passage {
            first: way.first.iter().filter_map(place).collect(),
            program: way.program,
            fed: way.fed.iter().map(|name| name.as_ref().and_then(place)).collect(),
            kept: (0..count).map(|_| OnceLock::new()).collect(),
        }
    }

    /// Returns one sample at the network's inputs.
    pub fn sample(&self, index: usize, of_file: impl FnOnce() -> Result<Vec<Tensor>>) -> Result<Vec<Tensor>> {
        let kept = self.kept.get(index).ok_or_else(|| no_sample(index))?;
        if let Some(tensors) = kept.get() {
            return Ok(tensors.clone());
        }
        let given = of_file()?;
        let made = match &self.program {
            None => Vec::new(),
            Some(program) => {
                let first: Vec<Tensor> = self.first.iter().filter_map(|&at| given.get(at).cloned()).collect();
                program.run(&first, &[], &mut |_, _| Ok(()))?
            }
        };
        let bytes: usize = made.iter().map(|tensor| tensor.shape().iter().product::<usize>() * 4).sum();
        let mut made = made.into_iter();
        let fed = self.fed.iter().filter_map(|place| match place {
            Some(at) => given.get(*at).cloned(),
            None => made.next(),
        });
        let sample: Vec<Tensor> = fed.collect();
        Ok(match self.program.is_some() && bytes.saturating_mul(self.kept.len()) <= KEPT {
            true => kept.get_or_init(|| sample).clone(),
            false => sample,
        })
    }
}
