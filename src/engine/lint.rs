//! Findings of a project: gathers what the rules look at, as far as it is asked to.

use crate::Result;
use crate::analysis::Seconds;
use crate::lint::{self, Facts, Finding, Selection};
use crate::project::{ProblemKind, Project};
use crate::quant;

use super::analyze::{Measurement, known_layers};
use super::{Engine, Progress};

/// How far a project is looked into; each depth has the findings of those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// The text alone: at once.
    Text,
    /// The model and the samples too, nothing is run: as fast as they are read.
    Static,
    /// Calibrated and measured.
    Measured,
}

impl Engine {
    /// Everything that is wrong with a project, in the order of its text, as far as its `[lint]` wants it.
    ///
    /// An error is work that was cancelled; what is wrong with files is among the findings.
    pub fn lint(&self, project: &Project, depth: Depth, progress: &dyn Progress) -> Result<Vec<Finding>> {
        let mut findings = self.findings(project, depth, progress)?;
        let selection = Selection::of(&project.config.lint);
        findings.retain(|finding| selection.wants(finding));
        Ok(findings)
    }

    /// Those of all rules.
    fn findings(&self, project: &Project, depth: Depth, progress: &dyn Progress) -> Result<Vec<Finding>> {
        let mut facts = Facts::of(project);
        if depth == Depth::Text {
            return Ok(lint::check(&facts));
        }
        let model = project.config.model.path.as_ref().map(|_| self.model(project));
        facts.model = model.as_ref().map(|m| m.as_ref().map(|m| &m.simplified));
        let known = model.as_ref().and_then(|m| m.as_ref().ok());

        let session = known
            .filter(|_| project.config.calibration.data.is_some())
            .map(|model| self.session_of(project, model.clone()));
        facts.samples = session.as_ref().map(|s| s.as_ref().map(|s| &s.samples));

        let settings = known.and_then(|m| Some(known_layers(&project.config.settings()?, &m.simplified.graph)));
        facts.settings = settings.as_ref();
        let plan = known.zip(settings.as_ref()).map(|(m, settings)| quant::plan(&m.simplified.graph, settings));
        facts.plan = plan.as_ref().map(|p| p.as_ref());
        if depth == Depth::Static || !sound(project) {
            return Ok(lint::check(&facts));
        }

        let report = match (&session, &plan) {
            (Some(Ok(session)), Some(Ok(plan))) => {
                Some(Measurement { project, session, plan, progress }.report(false, Seconds::default()))
            }
            _ => None,
        };
        if let Some(Err(error)) = &report
            && error.is_cancelled()
        {
            return Err(error.clone());
        }
        facts.report = report.as_ref().map(|r| r.as_ref());
        Ok(lint::check(&facts))
    }
}

/// Whether the text says what is to be measured. A stray key does not hide the figures of the rest.
fn sound(project: &Project) -> bool {
    project.problems.iter().all(|p| p.kind == ProblemKind::UnknownKey)
}
