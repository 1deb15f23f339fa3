//! Node ready to run: the facts of its outputs, and the function that computes them.
//!
//! Never: implementations of operators.

use std::sync::Arc;

use crate::{Result, bail};

use super::value::{Data, Fact, QuantizedInteger};

/// Inputs of a node when it runs, by port.
pub struct Inputs<'a>(pub &'a [Option<Arc<Data>>]);

impl Inputs<'_> {
    pub fn get(&self, index: usize) -> Result<&Arc<Data>> {
        match self.0.get(index) {
            Some(Some(data)) => Ok(data),
            _ => bail!("input {index} is missing"),
        }
    }

    pub fn quantized<T: QuantizedInteger>(&self, index: usize) -> Result<&[T]> {
        self.get(index)?.quantized()
    }

    pub fn floats(&self, index: usize) -> Result<&[f32]> {
        self.get(index)?.floats()
    }
}

type Run = dyn Fn(&Inputs) -> Result<Vec<Arc<Data>>> + Send + Sync;

pub struct Kernel {
    /// Facts of the outputs.
    pub facts: Vec<Fact>,
    run: Box<Run>,
}

impl Kernel {
    /// Makes a kernel of one output, which `run` allocates.
    pub fn new(fact: Fact, run: impl Fn(&Inputs) -> Result<Data> + Send + Sync + 'static) -> Kernel {
        Kernel::shared(fact, move |inputs| run(inputs).map(Arc::new))
    }

    /// Makes a kernel of one output, which may be an unchanged input.
    pub fn shared(fact: Fact, run: impl Fn(&Inputs) -> Result<Arc<Data>> + Send + Sync + 'static) -> Kernel {
        Kernel::several(vec![fact], move |inputs| Ok(vec![run(inputs)?]))
    }

    pub fn several(
        facts: Vec<Fact>,
        run: impl Fn(&Inputs) -> Result<Vec<Arc<Data>>> + Send + Sync + 'static,
    ) -> Kernel {
        Kernel { facts, run: Box::new(run) }
    }

    pub fn run(&self, inputs: &[Option<Arc<Data>>]) -> Result<Vec<Arc<Data>>> {
        (self.run)(&Inputs(inputs))
    }
}
