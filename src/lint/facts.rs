//! What rules look at.

use crate::Error;
use crate::analysis::{Observers, Report};
use crate::project::Project;
use crate::quant::{Plan, Settings};
use crate::samples::Samples;
use crate::simplify::Simplified;

use super::{Optimization, Trials};

/// `None` where nobody has looked yet, or where something before it is missing.
pub type Known<'a, T> = Option<Result<&'a T, &'a Error>>;

/// A project, and as much of what follows from it as is known by now.
pub struct Facts<'a> {
    pub project: &'a Project,
    pub model: Known<'a, Simplified>,
    pub samples: Known<'a, Samples>,
    /// Without the layers that the model does not have.
    pub settings: Option<&'a Settings>,
    pub plan: Known<'a, Plan>,
    pub report: Known<'a, Report>,
    /// Errors by observer, where they were measured.
    pub observers: Option<&'a Observers>,
    /// A better observer with passes, where a search found one.
    pub optimization: Option<&'a Optimization>,
    /// What would mend its errors, where it was tried.
    pub trials: Option<&'a Trials>,
}

impl<'a> Facts<'a> {
    /// Only the text.
    pub fn of(project: &'a Project) -> Facts<'a> {
        Facts {
            project,
            model: None,
            samples: None,
            settings: None,
            plan: None,
            report: None,
            observers: None,
            optimization: None,
            trials: None,
        }
    }

    pub fn model(&self) -> Option<&'a Simplified> {
        self.model.and_then(Result::ok)
    }

    pub fn plan(&self) -> Option<&'a Plan> {
        self.plan.and_then(Result::ok)
    }

    pub fn report(&self) -> Option<&'a Report> {
        self.report.and_then(Result::ok)
    }
}
