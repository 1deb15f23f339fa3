//! Accuracy on labelled samples: right classes or squared error, in float, simulated and on the chip.

use serde::{Deserialize, Serialize};

use crate::graph::Tensor;
use crate::text::units::count;
use crate::{Error, Result};

use super::figures::{Z, share_interval};
use super::{Spread, floats};

/// Accuracy of one output in the three forms of the network, on the same samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    /// Name of the output.
    pub output: String,
    /// Number of labelled samples.
    pub samples: usize,
    /// The network in float.
    pub float: Score,
    /// The quantized network, simulated.
    pub simulated: Score,
    /// The finished file in the chip's integers; `None` if it does not run there.
    pub on_chip: Option<Score>,
}

/// Result on labelled samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Score {
    /// Classes.
    Classes(Hits),
    /// Mean over samples of the squared distance between output and label, per element.
    SquaredError(Spread),
}

/// Samples whose class is right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Hits {
    /// Samples whose largest element is that of the label.
    pub top1: usize,
    /// Samples whose label is among the five largest elements; `None` if there are no more classes than five.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top5: Option<usize>,
    /// All samples.
    pub of: usize,
    /// Samples that are right in float and wrong here.
    pub lost: usize,
    /// Samples that are wrong in float and right here.
    pub gained: usize,
}

/// Accuracy that quantization loses, with its 95% interval where the number of samples allows one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Loss {
    /// Points of the share of right classes, or growth of the squared error as a share of it.
    pub loss: f64,
    /// Lower and upper bound.
    pub interval: Option<[f64; 2]>,
}

impl Hits {
    /// Returns the share of right classes.
    pub fn share(&self) -> f64 {
        self.top1 as f64 / self.of.max(1) as f64
    }

    /// Returns the 95% interval of the share in all data.
    pub fn interval(&self) -> [f64; 2] {
        share_interval(self.top1, self.of)
    }

    /// Loss against float, from the samples that change sides: the others say nothing of the difference. Where none does, the
    /// bound is 3 of all samples ("rule of three").
    fn loss(&self) -> Loss {
        let (n, lost, gained) = (self.of.max(1) as f64, self.lost as f64, self.gained as f64);
        let loss = (lost - gained) / n;
        let variance = (lost + gained - (lost - gained).powi(2) / n).max(0.0) / (n * n);
        let spread = if lost + gained > 0.0 { Z * variance.sqrt() } else { 3.0 / n };
        Loss { loss, interval: Some([(loss - spread).max(-1.0), (loss + spread).min(1.0)]) }
    }
}

impl Accuracy {
    /// Returns the score that decides: the chip's, if the file runs there.
    pub fn quantized(&self) -> &Score {
        self.on_chip.as_ref().unwrap_or(&self.simulated)
    }

    /// Returns the right classes in float and on the chip, if the labels are classes.
    pub fn hits(&self) -> Option<(Hits, Hits)> {
        match (&self.float, self.quantized()) {
            (Score::Classes(float), Score::Classes(quantized)) => Some((*float, *quantized)),
            _ => None,
        }
    }

    /// Returns the accuracy that quantization loses.
    pub fn loss(&self) -> Loss {
        match (&self.float, self.quantized()) {
            (Score::SquaredError(float), Score::SquaredError(quantized)) => {
                Loss { loss: quantized.mean / float.mean.max(f64::MIN_POSITIVE) - 1.0, interval: None }
            }
            (_, Score::Classes(hits)) => hits.loss(),
            (_, Score::SquaredError(_)) => Loss { loss: f64::NAN, interval: None },
        }
    }
}

/// Results of one form of the network, sample by sample.
#[derive(Debug, Clone, Default)]
pub struct Results {
    /// Place of the label among the elements by size, from 0, and their number.
    ranks: Vec<(usize, usize)>,
    /// Squared errors.
    errors: Vec<f64>,
}

/// Result of one sample.
#[derive(Debug, Clone, Copy)]
pub enum Judged {
    /// Place of the label among the elements by size, from 0.
    Rank {
        /// Elements that are larger than that of the label.
        place: usize,
        /// Number of classes.
        of: usize,
    },
    /// Mean over elements of the squared distance to the label.
    Error(f64),
}

/// Label of one sample.
#[derive(Debug, Clone, Copy)]
pub enum Label<'a> {
    /// Place of the class in the output.
    Class(usize),
    /// Wanted output.
    Values(&'a [f32]),
}

/// Compares an output with its label. One element decides between classes 0 and 1: above `threshold`, it is 1. Fails if the
/// label does not fit the output.
pub fn judge(output: &Tensor, label: Label, threshold: f64) -> Result<Judged> {
    let values = floats(output);
    match (label, &*values) {
        (Label::Class(class @ (0 | 1)), [value]) => {
            Ok(Judged::Rank { place: usize::from((*value > threshold) != (class == 1)), of: 2 })
        }
        (Label::Class(class), values) => {
            let own = *values.get(class).ok_or_else(|| outside(class, values.len()))?;
            // Of equal elements the first one wins, as in ArgMax.
            let is_before = |(at, value): (usize, &f64)| *value > own || (*value == own && at < class);
            Ok(Judged::Rank {
                place: values.iter().enumerate().filter(|&pair| is_before(pair)).count(),
                of: values.len(),
            })
        }
        (Label::Values(wanted), values) if wanted.len() == values.len() => {
            let squares = values.iter().zip(wanted).map(|(a, &b)| (a - f64::from(b)).powi(2));
            Ok(Judged::Error(squares.sum::<f64>() / values.len().max(1) as f64))
        }
        (Label::Values(wanted), values) => {
            let what = format!("its label has {}, and the output {}", count(wanted.len(), "value"), values.len());
            let help = "floats are wanted outputs; save classes as integers: y.astype(numpy.int64)";
            Err(Error::new(what).with_help(help))
        }
    }
}

fn outside(class: usize, classes: usize) -> Error {
    let what = format!("its class is {class}, and the output has {}, from 0", count(classes, "value"));
    let help = "give the classes in the order of the output: classes = [\"...\"] under [accuracy]; or name another output: \
                output = \"...\"";
    Error::new(what).with_help(help)
}

impl Results {
    /// Collects the results of samples, in their order.
    pub fn of(judged: impl IntoIterator<Item = Judged>) -> Results {
        let mut results = Results::default();
        for one in judged {
            match one {
                Judged::Rank { place, of } => results.ranks.push((place, of)),
                Judged::Error(error) => results.errors.push(error),
            }
        }
        results
    }

    /// Returns the score, with the samples that differ from the float network's.
    pub fn score(&self, float: &Results) -> Score {
        if self.ranks.is_empty() {
            return Score::SquaredError(Spread::of(&self.errors));
        }
        let within = |count: usize| self.ranks.iter().filter(|(place, _)| *place < count).count();
        let changed = |was: bool| {
            let pairs = float.ranks.iter().zip(&self.ranks);
            pairs.filter(|((float, _), (own, _))| (*float == 0) == was && (*own == 0) != was).count()
        };
        let has_top5 = self.ranks.iter().all(|(_, of)| *of > 5);
        Score::Classes(Hits {
            top1: within(1),
            top5: has_top5.then(|| within(5)),
            of: self.ranks.len(),
            lost: changed(true),
            gained: changed(false),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(classes: &[usize], float: &[[f32; 3]], quantized: &[[f32; 3]]) -> [Score; 2] {
        let results = |outputs: &[[f32; 3]]| {
            let tensor = |row: &[f32; 3]| Tensor::new(&[1, 3], row.to_vec()).unwrap();
            let judged = |(row, &class)| judge(&tensor(row), Label::Class(class), 0.0).unwrap();
            Results::of(outputs.iter().zip(classes).map(judged))
        };
        let float = results(float);
        [float.score(&float), results(quantized).score(&float)]
    }

    #[test]
    fn decisions_that_change_sides_are_counted() {
        let float = [[9.0, 0.0, 0.0], [0.0, 9.0, 0.0], [9.0, 0.0, 0.0]];
        let quantized = [[0.0, 9.0, 0.0], [0.0, 9.0, 0.0], [0.0, 0.0, 9.0]];
        let [was, is] = scores(&[0, 1, 2], &float, &quantized);
        assert_eq!(was, Score::Classes(Hits { top1: 2, top5: None, of: 3, lost: 0, gained: 0 }));
        assert_eq!(is, Score::Classes(Hits { top1: 2, top5: None, of: 3, lost: 1, gained: 1 }));
    }

    #[test]
    fn of_equal_elements_the_first_wins() {
        let [_, is] = scores(&[1, 0], &[[1.0; 3]; 2], &[[1.0; 3]; 2]);
        assert_eq!(is, Score::Classes(Hits { top1: 1, top5: None, of: 2, lost: 0, gained: 0 }));
    }

    #[test]
    fn the_interval_of_a_loss_is_that_of_paired_samples() {
        // Agresti, Categorical Data Analysis, section 11.1: 944 and 880 of 1600, 150 lost and 86 gained: 0.021 to 0.059.
        let loss = Hits { top1: 880, top5: None, of: 1600, lost: 150, gained: 86 }.loss();
        let [low, high] = loss.interval.unwrap();
        assert_eq!((loss.loss * 1000.0).round(), 40.0);
        assert_eq!([low, high].map(|bound| (bound * 1000.0).round()), [21.0, 59.0]);
    }

    #[test]
    fn no_change_in_few_samples_proves_little() {
        let loss = Hits { top1: 50, top5: None, of: 60, lost: 0, gained: 0 }.loss();
        assert_eq!(loss, Loss { loss: 0.0, interval: Some([-0.05, 0.05]) });
    }

    #[test]
    fn one_element_decides_between_two_classes() {
        let output = Tensor::new(&[1, 1], vec![0.7f32]).unwrap();
        let place = |class| match judge(&output, Label::Class(class), 0.5).unwrap() {
            Judged::Rank { place, .. } => place,
            Judged::Error(_) => usize::MAX,
        };
        assert_eq!([place(1), place(0)], [0, 1]);
        let error = judge(&output, Label::Class(2), 0.5).unwrap_err();
        assert_eq!(error.what(), "its class is 2, and the output has 1 value, from 0");
    }

    #[test]
    fn values_are_compared_by_squared_distance() {
        let output = Tensor::new(&[1, 2], vec![1.0f32, 4.0]).unwrap();
        let results = Results::of([judge(&output, Label::Values(&[1.0, 2.0]), 0.0).unwrap()]);
        assert_eq!(results.score(&results), Score::SquaredError(Spread { mean: 2.0, standard_error: 0.0 }));
    }
}
