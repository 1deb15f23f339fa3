//! Fixes whose effect must be measured first.

use serde::{Deserialize, Serialize};

use crate::chip::Scheme;
use crate::project::{Project, edit};
use crate::quant::WIDEN;
use crate::text::units::count;

use super::{Fix, FixKind, Safety, Trial};

/// Fix of a measurement, or a message that says why there is none.
pub type Outcome = std::result::Result<Fix, String>;

/// Measurement that gives a finding its fix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Another precision for one layer, and for the activation fused into it.
    Layer {
        /// Name of the layer in the graph.
        name: String,
        /// Precision to try.
        scheme: Scheme,
    },
    /// int16 for all layers over their limit.
    LayersOverLimit {
        /// Names of these layers, in the graph's order.
        names: Vec<String>,
    },
    /// The pass `widen`, with int16 for layers whose inputs are cut off and for those that compute them.
    Widen,
    /// int16 for a Concat and the layers that read it.
    Joint {
        /// Name of the Concat in the graph.
        name: String,
    },
    /// The smallest set of int16 layers that brings every output under its limit.
    SmallestSet,
}

impl Measure {
    /// Returns the title of the fix before it is measured.
    pub fn title(&self) -> String {
        match self {
            Measure::Layer { name, scheme } => format!("Set `{name}` to {scheme} (measures the effect)"),
            Measure::LayersOverLimit { .. } => {
                "Set all layers over the limit to int16 (measures the effect)".to_string()
            }
            Measure::Widen => "Set optimize.widen (measures the effect)".to_string(),
            Measure::Joint { name } => {
                format!("Set `{name}` and the layers that read it to int16 (measures the effect)")
            }
            Measure::SmallestSet => {
                "Find the smallest set of int16 layers that meets the limit (about a minute)".to_string()
            }
        }
    }

    /// Returns the message for a measurement that found no fix.
    pub fn without_fix(&self) -> String {
        match self {
            Measure::Layer { name, scheme } => {
                format!("Setting `{name}` to {scheme} would not reduce the error of the outputs; nothing was changed.")
            }
            Measure::LayersOverLimit { .. } => {
                "Setting the layers over the limit to int16 would not reduce the error of the outputs; nothing was \
                 changed."
                    .to_string()
            }
            Measure::Widen => {
                "Wider scales of Add, Sub and Concat would not reduce the error of the outputs; nothing was changed."
                    .to_string()
            }
            Measure::Joint { name } => format!(
                "Setting `{name}` and the layers that read it to int16 would not reduce the error of the outputs; nothing \
                 was changed."
            ),
            Measure::SmallestSet => "No set of int16 layers brings every output under the limit; nothing was changed. \
                                     Try precision = \"int16\" for the model, or look at the ranges with \
                                     `espq report --statistics`."
                .to_string(),
        }
    }

    /// Returns the fix of a measurement, or a message that says why there is none.
    pub fn outcome(&self, project: &Project, trial: Option<&Trial>) -> Outcome {
        let fix = trial.and_then(|trial| self.fix(project, trial));
        let refusal = || trial.filter(|trial| trial.helps()).and_then(Trial::refusal);
        fix.ok_or_else(|| match refusal() {
            Some(refusal) => format!("{refusal}; nothing was changed."),
            None => self.without_fix(),
        })
    }

    /// Returns the fix with its measured effect; `None` if it is not offered, or if the text cannot be edited.
    pub fn fix(&self, project: &Project, trial: &Trial) -> Option<Fix> {
        let layers: Vec<(&str, Scheme)> = trial.layers.iter().map(|layer| (layer.as_str(), trial.scheme)).collect();
        self.edit(project, self.words(trial)?, &layers)
    }

    /// Describes the change and its measured effect; `None` if it is not offered.
    pub fn words(&self, trial: &Trial) -> Option<String> {
        // Fewer bits are wanted whatever they cost.
        let is_wanted = matches!(self, Measure::Layer { scheme: Scheme::Int8, .. }) || trial.is_offered();
        is_wanted.then(|| format!("{}: {}", self.change(&trial.layers), trial.effect()))
    }

    /// Describes the change of these layers.
    pub(super) fn change(&self, changed: &[String]) -> String {
        let layers = |layers: &[String]| match layers {
            [one] => format!("`{one}`"),
            many => format!("{} layers", many.len()),
        };
        match self {
            Measure::Layer { name, scheme } => format!("Set `{name}` to {scheme}"),
            Measure::LayersOverLimit { names } => format!("Set all {} layers over the limit to int16", names.len()),
            Measure::Widen if changed.is_empty() => "Set optimize.widen".to_string(),
            Measure::Widen => format!("Set optimize.widen, and {} to int16", layers(changed)),
            Measure::Joint { name } => match changed {
                [one] => format!("Set `{one}` to int16"),
                many => format!("Set `{name}` and {} behind it to int16", count(many.len() - 1, "layer")),
            },
            Measure::SmallestSet => format!("Set {} to int16", layers(changed)),
        }
    }

    /// Returns the fix without its effect, for changes that a user may want whatever the effect is: fewer bits.
    pub fn unmeasured_fix(&self, project: &Project) -> Option<Fix> {
        match self {
            Measure::Layer { name, scheme: Scheme::Int8 } => {
                self.edit(project, format!("Set `{name}` to int8"), &[(name, Scheme::Int8)])
            }
            _ => None,
        }
    }

    fn edit(&self, project: &Project, title: String, layers: &[(&str, Scheme)]) -> Option<Fix> {
        let edit = match self {
            Measure::Widen => edit::set_passes(project, &[WIDEN], layers)?,
            _ => edit::set_precision(project, layers)?,
        };
        Some(Fix { title, kind: FixKind::Precision(self.clone()), safety: Safety::Unsafe, edits: vec![edit] })
    }
}
