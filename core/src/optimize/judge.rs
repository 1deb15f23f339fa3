//! Figures for comparing candidates: the error of the deciding values on held-out samples, and of a detector the boxes found.

use crate::Result;
use crate::analysis::{Spread, decisive, floats};
use crate::detect::{Detector, FoundBoxes};
use crate::exec::{Program, Samples, Tick};
use crate::graph::{Graph, Tensor, ValueId};
use crate::parallel;
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

impl Figure {
    /// Returns `true` if another one finds more boxes, or as many with fewer new ones.
    fn has_fewer_boxes(&self, other: &Figure) -> bool {
        let rank = |boxes: &FoundBoxes| (boxes.found, std::cmp::Reverse(boxes.new));
        self.boxes.zip(other.boxes).is_some_and(|(own, other)| rank(&own) < rank(&other))
    }
}

/// The candidate to take of those with nearly the least error, and the one with the least.
#[derive(Debug, Clone)]
pub struct Leader {
    least: Judged,
    best: Judged,
}

impl Leader {
    /// Makes the only candidate the one to take.
    pub fn new(judged: &Judged) -> Leader {
        Leader { least: judged.clone(), best: judged.clone() }
    }

    /// Takes another candidate into account, and returns `true` if it is now the one to take: if its error is the least, or within the
    /// standard error of the least, and it keeps more boxes.
    pub fn yields_to(&mut self, new: &Judged) -> bool {
        let is_near = |least: &Judged, other: &Judged| other.figure.nsr.is_finite() && !other.less(least).is_gain();
        let (least, best) = (&self.least.figure, &self.best.figure);
        let is_taken = match least.nsr.is_nan() || new.figure.nsr < least.nsr {
            true => {
                self.least = new.clone();
                !(is_near(new, &self.best) && new.figure.has_fewer_boxes(best))
            }
            false => is_near(&self.least, new) && best.has_fewer_boxes(&new.figure),
        };
        if is_taken {
            self.best = new.clone();
        }
        is_taken
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
        let answers = parallel::try_map(samples.len(), |sample| {
            let found = observe(&program, &plan.original, &values, &samples.sample(sample)?)?;
            tick()?;
            Ok(found)
        })?;
        Ok(Judge { samples, detector, values, deciding, answers })
    }

    /// Runs the quantized network on every sample.
    pub fn judge(&self, quantized: &Quantized, tick: Tick) -> Result<Judged> {
        let program = Program::simulated(&quantized.plan().graph, &quantized.plan().simulation()?)?;
        let samples = parallel::try_map(self.samples.len(), |sample| {
            let found = observe(&program, &quantized.plan().graph, &self.values, &self.samples.sample(sample)?)?;
            tick()?;
            Ok(self.compare(sample, &found))
        })?;
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

    /// A candidate with errors by sample, boxes found and new ones.
    fn candidate(each: [f64; 3], found: usize, new: usize) -> Judged {
        let boxes = Some(FoundBoxes { boxes: 9, found, new, ..FoundBoxes::default() });
        let Spread { mean: nsr, standard_error } = Spread::of(&each);
        let figure = Figure { nsr, standard_error, agreement: 1.0, boxes };
        Judged { figure, each: each.to_vec(), found: Vec::new() }
    }

    #[test]
    fn of_nearly_equal_errors_the_one_with_more_boxes_is_taken() {
        let clear = candidate([0.9, 1.9, 2.9], 5, 0);
        let near = |found, new| candidate([1.0, 1.7, 3.1], found, new);
        // Not nearly equal: the error decides.
        assert!(Leader::new(&candidate([1.1, 2.1, 3.1], 9, 0)).yields_to(&clear));
        assert!(!Leader::new(&clear).yields_to(&candidate([1.1, 2.1, 3.1], 9, 0)));
        // Nearly equal: found boxes, then new ones, then the error.
        for (found, new, is_taken) in [(6, 3, true), (5, 0, false), (4, 0, false)] {
            assert_eq!(Leader::new(&clear).yields_to(&near(found, new)), is_taken, "{found} {new}");
            assert_eq!(Leader::new(&near(found, new)).yields_to(&clear), !is_taken, "{found} {new}");
        }
        assert!(Leader::new(&candidate([0.9, 1.9, 2.9], 5, 2)).yields_to(&near(5, 1)));
    }

    #[test]
    fn a_candidate_is_near_the_least_error_and_not_near_the_one_taken() {
        let mut leader = Leader::new(&candidate([1.0, 2.0, 3.0], 5, 0));
        assert!(leader.yields_to(&candidate([1.2, 1.9, 3.05], 6, 0)));
        // Near the one before, and not near the first.
        assert!(!leader.yields_to(&candidate([1.1, 2.15, 3.1], 9, 0)));
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
