//! Figures for comparing candidates: the error of the deciding values on held-out samples, and of a detector the boxes found.

use rayon::prelude::*;

use crate::Result;
use crate::analysis::{Spread, decisive, floats};
use crate::detect::{Detector, FoundBoxes};
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
    /// Boxes of the float network beside those of the quantized one, if the network is a detector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boxes: Option<FoundBoxes>,
}

/// A figure with what it is the mean of.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Means over all samples.
    pub figure: Figure,
    /// Mean over the outputs, by sample.
    pub each: Vec<f64>,
    /// Boxes of the float network, sample after sample: `true` if found; empty if the network is no detector.
    pub found: Vec<bool>,
}

impl Judged {
    /// The error that another one has less, sample by sample.
    pub fn less(&self, other: &Judged) -> Spread {
        Spread::of_difference(&self.each, &other.each)
    }

    /// Returns `true` if another one loses boxes that this one finds, beyond the uncertainty: those that it loses exceed those
    /// that only it finds by more than the standard error of the difference, the root of both together. One lost box is no
    /// loss, and two are one if none is gained.
    pub fn is_loss(&self, other: &Judged) -> bool {
        let pairs = || self.found.iter().zip(&other.found);
        let lost = pairs().filter(|(before, after)| **before && !**after).count();
        let gained = pairs().filter(|(before, after)| !**before && **after).count();
        lost > gained && (lost - gained).pow(2) > lost + gained
    }
}

/// Outputs of the float network on the held-out samples.
pub struct Judge<'a> {
    samples: &'a dyn Samples,
    detector: Option<&'a Detector>,
    /// Deciding values, and those that a detector reads behind them.
    values: Vec<ValueId>,
    /// Number of deciding values.
    deciding: usize,
    answers: Vec<Vec<Tensor>>,
}

/// Comparison of one sample.
struct One {
    ratio: f64,
    agrees: bool,
    boxes: Option<(FoundBoxes, Vec<bool>)>,
}

impl<'a> Judge<'a> {
    /// Runs the original network. With a detector, boxes are compared, too.
    pub fn new(plan: &Plan, samples: &'a dyn Samples, detector: Option<&'a Detector>, tick: Tick) -> Result<Judge<'a>> {
        let mut values = decisive(&plan.original);
        let deciding = values.len();
        values.extend(detector.iter().flat_map(|_| &plan.original.outputs));
        let program = Program::simulated(&plan.original, &plan.reference()?)?;
        let answers = (0..samples.len()).into_par_iter().map(|sample| {
            let found = observe(&program, &plan.original, &values, &samples.sample(sample)?)?;
            tick()?;
            Ok(found)
        });
        let answers = answers.collect::<Result<_>>()?;
        Ok(Judge { samples, detector, values, deciding, answers })
    }

    /// Runs the quantized network on every sample.
    pub fn judge(&self, quantized: &Quantized, tick: Tick) -> Result<Judged> {
        let program = Program::simulated(&quantized.plan().graph, &quantized.plan().simulation()?)?;
        let each = (0..self.samples.len()).into_par_iter().map(|sample| {
            let found = observe(&program, &quantized.plan().graph, &self.values, &self.samples.sample(sample)?)?;
            tick()?;
            Ok(self.compare(sample, &found))
        });
        let samples = each.collect::<Result<Vec<One>>>()?;
        let each: Vec<f64> = samples.iter().map(|one| one.ratio).collect();
        let Spread { mean, standard_error } = Spread::of(&each);
        let agreement = samples.iter().filter(|one| one.agrees).count() as f64 / samples.len().max(1) as f64;
        let boxes: Option<Vec<_>> = samples.into_iter().map(|one| one.boxes).collect();
        let (counts, found): (Vec<FoundBoxes>, Vec<Vec<bool>>) = boxes.unwrap_or_default().into_iter().unzip();
        let boxes = (!counts.is_empty()).then(|| FoundBoxes::sum(counts));
        Ok(Judged { figure: Figure { nsr: mean, standard_error, agreement, boxes }, each, found: found.concat() })
    }

    /// Compares the deciding values of one sample, and the boxes.
    fn compare(&self, sample: usize, found: &[Tensor]) -> One {
        let behind = |values: &[Tensor]| self.deciding.min(values.len());
        let answers = &self.answers[sample];
        let ((found, outputs), (float, float_outputs)) =
            (found.split_at(behind(found)), answers.split_at(behind(answers)));
        let pairs = found.iter().zip(float);
        let sum: f64 = pairs.clone().map(|(found, float)| ratio(found, float)).sum();
        One {
            ratio: sum / self.deciding.max(1) as f64,
            agrees: pairs.into_iter().all(|(found, float)| largest(found) == largest(float)),
            boxes: self.detector.and_then(|detector| FoundBoxes::each(detector, float_outputs, outputs)),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(found: &[u8]) -> Judged {
        let figure = Figure { nsr: 0.1, standard_error: 0.0, agreement: 1.0, boxes: None };
        Judged { figure, each: Vec::new(), found: found.iter().map(|found| *found == 1).collect() }
    }

    #[test]
    fn lost_boxes_count_beyond_the_error_of_their_difference() {
        let given = judged(&[1, 1, 1, 1, 0, 0]);
        let cases = [
            ([1, 1, 1, 1, 0, 0], false),
            ([0, 1, 1, 1, 0, 0], false),
            ([0, 0, 1, 1, 0, 0], true),
            // Three lost, and one gained: 2 is the root of 4.
            ([0, 0, 0, 1, 1, 0], false),
            ([0, 0, 0, 0, 1, 0], true),
            ([0, 0, 0, 0, 1, 1], false),
        ];
        for (found, is_loss) in cases {
            assert_eq!(given.is_loss(&judged(&found)), is_loss, "{found:?}");
        }
        assert!(!judged(&[]).is_loss(&judged(&[])));
    }
}
