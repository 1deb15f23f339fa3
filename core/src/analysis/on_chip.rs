//! Results of the finished file on the chip, as plain data.

use serde::{Deserialize, Serialize};

use crate::chip::Incompatibility;
use crate::text::units::percent;

use super::{Agreement, ErrorFigures};

/// Result of the exported file in ESP-DL's arithmetic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnChip {
    /// The file was run in the chip's integer arithmetic.
    Ran(Ran),
    /// The file is not supported: all reasons, at least one.
    Refused(Vec<Incompatibility>),
}

/// A run over samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ran {
    /// Samples that it was run over.
    pub samples: usize,
    /// Error of each output of the model: the chip's values compared with the original's.
    pub outputs: Vec<ErrorFigures>,
    /// Decisions that each output shares with the original.
    #[serde(default)]
    pub agreement: Vec<Option<Agreement>>,
    /// Layers that compute something else than their simulation, in the graph's order.
    pub differences: Vec<Difference>,
}

/// A layer whose values differ from its simulation on the same inputs by more than rounding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Name of the layer in the quantized graph.
    pub layer: String,
    /// Name of the value.
    pub value: String,
    /// Largest difference, in steps of the value's scale.
    pub steps: f64,
    /// Share of the elements that differ by so much.
    pub share: f64,
}

impl OnChip {
    /// Returns the results of the run; `None` if the file was refused before it.
    pub fn ran(&self) -> Option<&Ran> {
        match self {
            OnChip::Ran(ran) => Some(ran),
            OnChip::Refused(_) => None,
        }
    }

    /// Returns all reasons for which the file must not be written; none if the chip runs it as it is simulated.
    pub fn reasons(&self) -> Vec<Incompatibility> {
        match self {
            OnChip::Ran(ran) => ran.differences.iter().map(Difference::reason).collect(),
            OnChip::Refused(reasons) => reasons.clone(),
        }
    }
}

impl Difference {
    fn reason(&self) -> Incompatibility {
        let Difference { layer, value, steps, share } = self;
        let steps =
            if steps.is_finite() { format!("up to {steps:.0} steps") } else { "more than any scale".to_string() };
        let share = percent(*share);
        let help = "the figures of the report do not hold after this layer; give it another precision, or cut the model \
                    before it";
        Incompatibility {
            node: layer.clone(),
            what: format!("the chip's `{value}` differs from the simulation by {steps}, in {share} of its elements"),
            help: help.into(),
        }
    }
}
