//! Figures for comparing candidates: the error of the deciding values on held-out samples.

use rayon::prelude::*;

use crate::Result;
use crate::analysis::{Spread, decisive, floats};
use crate::exec::{Program, Samples, Tick};
use crate::graph::{Graph, Tensor, ValueId};
use crate::quant::{Plan, Quantized};

/// Mean noise-to-signal power ratio over samples and outputs.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Figure {
    /// Mean of `sum((q - f)^2) / (sum(f^2) + 1e-7)`, 0 without error.
    pub nsr: f64,
    /// Standard error of the mean, from the spread over samples.
    pub standard_error: f64,
    /// Share of samples in which every output has its largest element at the same index as in the float network.
    pub agreement: f64,
}

/// A figure with what it is the mean of.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Means over all samples.
    pub figure: Figure,
    /// Mean over the outputs, by sample.
    pub each: Vec<f64>,
}

impl Judged {
    /// The error that another one has less, sample by sample.
    pub fn less(&self, other: &Judged) -> Spread {
        Spread::of_difference(&self.each, &other.each)
    }
}

/// Outputs of the float network on the held-out samples.
pub struct Judge<'a> {
    samples: &'a dyn Samples,
    values: Vec<ValueId>,
    answers: Vec<Vec<Tensor>>,
}

impl Judge<'_> {
    /// Runs the original network.
    pub fn new<'a>(plan: &Plan, samples: &'a dyn Samples, tick: Tick) -> Result<Judge<'a>> {
        let values = decisive(&plan.original);
        let program = Program::simulated(&plan.original, &plan.reference()?)?;
        let answers = (0..samples.len()).into_par_iter().map(|sample| {
            let found = observe(&program, &plan.original, &values, &samples.sample(sample)?)?;
            tick()?;
            Ok(found)
        });
        let answers = answers.collect::<Result<_>>()?;
        Ok(Judge { samples, values, answers })
    }

    /// Runs the quantized network on every sample.
    pub fn judge(&self, quantized: &Quantized, tick: Tick) -> Result<Judged> {
        let program = Program::simulated(&quantized.plan().graph, &quantized.plan().simulation()?)?;
        let each = (0..self.samples.len()).into_par_iter().map(|sample| {
            let found = observe(&program, &quantized.plan().graph, &self.values, &self.samples.sample(sample)?)?;
            tick()?;
            Ok(self.compare(sample, &found))
        });
        let (each, agrees): (Vec<f64>, Vec<bool>) = each.collect::<Result<Vec<_>>>()?.into_iter().unzip();
        let Spread { mean, standard_error } = Spread::of(&each);
        let agreement = agrees.iter().filter(|agrees| **agrees).count() as f64 / agrees.len().max(1) as f64;
        Ok(Judged { figure: Figure { nsr: mean, standard_error, agreement }, each })
    }

    /// Mean ratio over the outputs of one sample, and whether all have their largest element at the same place.
    fn compare(&self, sample: usize, found: &[Tensor]) -> (f64, bool) {
        let pairs = found.iter().zip(&self.answers[sample]);
        let sum: f64 = pairs.clone().map(|(found, float)| ratio(found, float)).sum();
        (
            sum / self.values.len().max(1) as f64,
            pairs.into_iter().all(|(found, float)| largest(found) == largest(float)),
        )
    }
}

fn observe(program: &Program, graph: &Graph, values: &[ValueId], inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    let wanted = graph.mask(values.iter().copied());
    let mut found: Vec<Option<Tensor>> = vec![None; values.len()];
    program.observe(inputs, &wanted, &mut |value, tensor| {
        for (slot, _) in found.iter_mut().zip(values).filter(|(_, wanted)| **wanted == value) {
            *slot = Some(tensor.clone());
        }
        Ok(())
    })?;
    Ok(found.into_iter().flatten().collect())
}

fn ratio(found: &Tensor, float: &Tensor) -> f64 {
    let (found, float) = (floats(found), floats(float));
    let noise: f64 = found.iter().zip(&*float).map(|(q, f)| (q - f) * (q - f)).sum();
    let signal: f64 = float.iter().map(|f| f * f).sum();
    noise / signal.max(1e-30)
}

fn largest(tensor: &Tensor) -> Option<usize> {
    let elements = floats(tensor);
    let better = |best: Option<usize>, at: usize| match best {
        Some(best) if elements[best] >= elements[at] => Some(best),
        _ => Some(at),
    };
    (0..elements.len()).fold(None, better)
}
