//! Facts that rules check.

use std::path::Path;

use crate::Error;
use crate::analysis::{Accuracy, Observers, OnChip, Report};
use crate::cost::Cost;
use crate::detect::Head;
use crate::project::Project;
use crate::quant::{Plan, Settings};
use crate::samples::{Labels, SampleFacts, Samples};
use crate::simplify::Simplified;

use super::{EndsTrials, ExportedFile, Optimization, Trials};

/// Fact of a stage; `None` if the stage has not run, or if an earlier one failed.
pub type Known<'a, T> = Option<Result<&'a T, &'a Error>>;

/// Project with the facts known so far.
pub struct Facts<'a> {
    /// Configuration and its text; always known.
    pub project: &'a Project,
    /// Model as it was read and simplified.
    pub model: Known<'a, Simplified>,
    /// Head of the model's file, if it is a detection network.
    pub head: Option<&'a Head>,
    /// Samples of `[calibration]`.
    pub samples: Known<'a, Samples>,
    /// Properties of those samples.
    pub sample_facts: Option<&'a SampleFacts>,
    /// Tables whose samples are images, in the order of the text's schema.
    pub image_tables: &'a [&'static str],
    /// Labels of `[accuracy]`, if the text names any.
    pub labels: Known<'a, Labels>,
    /// Settings without the layers that the model does not have.
    pub settings: Option<&'a Settings>,
    /// Plan of `settings`, before calibration.
    pub plan: Known<'a, Plan>,
    /// Figures of the calibrated model.
    pub report: Known<'a, Report>,
    /// Errors by observer, if they were measured.
    pub observers: Option<&'a Observers>,
    /// Better observer with passes, if a search found one.
    pub optimization: Option<&'a Optimization>,
    /// Result of the finished file on the chip.
    pub on_chip: Known<'a, OnChip>,
    /// Accuracy on labelled samples, if the text limits its loss.
    pub accuracy: Known<'a, Accuracy>,
    /// Flash, RAM and time of that file.
    pub cost: Option<&'a Cost>,
    /// Error of the file of `board.constants`.
    pub constants: Option<&'a Error>,
    /// Another configuration in the folder that is exported to the same file.
    pub same_output: Option<&'a Path>,
    /// Exported file beside the model, if it tells its origin.
    pub exported: Option<&'a ExportedFile>,
    /// Measured fixes of its errors, if they were tried.
    pub trials: Option<&'a Trials>,
    /// Measured other ends of the network, if they were tried.
    pub ends_trials: Option<&'a EndsTrials>,
}

impl<'a> Facts<'a> {
    /// Makes facts of the text only.
    pub fn of(project: &'a Project) -> Facts<'a> {
        Facts {
            project,
            model: None,
            head: None,
            samples: None,
            sample_facts: None,
            image_tables: &[],
            labels: None,
            settings: None,
            plan: None,
            report: None,
            on_chip: None,
            accuracy: None,
            cost: None,
            constants: None,
            same_output: None,
            exported: None,
            observers: None,
            optimization: None,
            trials: None,
            ends_trials: None,
        }
    }

    /// Returns the head of a detection network that decodes its boxes itself: its outputs are not worth other fixes.
    pub fn decoded_head(&self) -> Option<&'a Head> {
        self.head.filter(|head| !head.is_raw && self.project.config.model.outputs.is_none())
    }

    /// Returns the model; `None` if it is not known or failed to load.
    pub fn model(&self) -> Option<&'a Simplified> {
        self.model.and_then(Result::ok)
    }

    /// Returns the plan; `None` if it is not known or failed.
    pub fn plan(&self) -> Option<&'a Plan> {
        self.plan.and_then(Result::ok)
    }

    /// Returns the report; `None` if it is not known or could not be measured.
    pub fn report(&self) -> Option<&'a Report> {
        self.report.and_then(Result::ok)
    }
}
