//! Findings of an opened project: the stages that rules look at, as deep as they are asked for.

use std::sync::Arc;

use crate::Result;
use crate::analysis::Report;
use crate::lint::{self, Facts, Finding, Selection};
use crate::project::Project;
use crate::quant::{Plan, Settings};

use super::content::{Key, KeyBuilder};
use super::measure::Measurement;
use super::opened::{Found, Opened, lint_text};
use super::session::{Model, Session};
use super::{Engine, Progress};

/// How far a project is looked into; each depth has the findings of those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LintDepth {
    /// The text alone: at once.
    Text,
    /// The model and the samples too, nothing is run: as fast as they are read.
    Static,
    /// Calibrated and measured.
    Measured,
    /// And what int16 would do for each layer over the limit, measured too: as slow as there are such layers.
    Fixes,
    /// And which few layers at int16 bring the outputs under their limit: a search that measures each step.
    Search,
}

/// The stages that rules look at, as far as there is one.
struct Stages {
    model: Option<Result<Arc<Model>>>,
    session: Option<Result<Arc<Session>>>,
    settings: Option<Settings>,
    plan: Option<Result<Arc<Plan>>>,
}

impl Stages {
    fn of(opened: &Opened) -> Stages {
        let config = &opened.project().config;
        let model = config.model.path.as_ref().map(|_| opened.model());
        let is_read = matches!(model, Some(Ok(_)));
        let session = match (&config.calibration.data, &opened.contents.samples) {
            (None, _) => None,
            (Some(_), Err(error)) => Some(Err(error.clone())),
            (Some(_), Ok(_)) => is_read.then(|| opened.session()),
        };
        let settings = if is_read { opened.known_settings().ok() } else { None };
        let plan = settings.as_ref().map(|_| opened.plan());
        Stages { model, session, settings, plan }
    }

    fn facts<'a>(&'a self, project: &'a Project) -> Facts<'a> {
        Facts {
            model: self.model.as_ref().map(|m| m.as_ref().map(|m| &m.simplified)),
            samples: self.session.as_ref().map(|s| s.as_ref().map(|s| &*s.samples)),
            settings: self.settings.as_ref(),
            plan: self.plan.as_ref().map(|p| p.as_ref().map(|p| &**p)),
            ..Facts::of(project)
        }
    }

    /// The text is complete, and every stage before measuring has succeeded.
    fn can_be_measured(&self, project: &Project) -> bool {
        project.is_sound() && matches!((&self.session, &self.plan), (Some(Ok(_)), Some(Ok(_))))
    }
}

impl Opened {
    /// Everything that is wrong with the project, in the order of its text, as far as its `[lint]` wants it.
    ///
    /// An error is work that was cancelled; what is wrong with files is among the findings.
    pub fn lint(&self, depth: LintDepth, progress: &dyn Progress) -> Result<Vec<Finding>> {
        if depth == LintDepth::Text {
            return Ok(lint_text(self.project()));
        }
        Ok(selected(self.project(), self.findings(depth, progress)?))
    }

    /// Those of all rules, from memory or the store where nothing has changed.
    fn findings(&self, depth: LintDepth, progress: &dyn Progress) -> Result<Vec<Finding>> {
        let Some(key) = self.findings_key(depth) else { return self.look(depth, progress) };
        if let Some(findings) = self.engine.kept_findings(&key) {
            return Ok(Vec::clone(&findings));
        }
        let findings = self.look(depth, progress)?;
        if let Some(store) = &self.engine.store {
            store.put(&key, &findings);
        }
        self.engine.findings.keep(key, Arc::new(findings.clone()));
        Ok(findings)
    }

    /// The text, the folder from which its paths start (messages name files), and the files; `None` where one of them
    /// cannot be read, since it may be there the next time.
    fn findings_key(&self, depth: LintDepth) -> Option<Key> {
        let project = self.project();
        let Found { model: Ok(model), samples: Ok(samples), scales: Ok(scales) } = &self.contents else { return None };
        let mut parts = KeyBuilder::new("findings");
        parts.text(&project.text).text(&format!("{:?}", project.config)).text(&project.file.to_string_lossy());
        parts.text(&format!("{depth:?}")).key(&model.key).key(&samples.key).key(scales);
        Some(parts.finish())
    }

    /// Findings and report after an edit of precisions, on the scales that were observed before it: at once, and equal to
    /// [`LintDepth::Measured`] unless the edit moves a scale behind its layer. `None` where the figures are known already, or
    /// a scale is needed that was never observed.
    pub fn expected(&self, progress: &dyn Progress) -> Result<Option<(Vec<Finding>, Report)>> {
        let stages = Stages::of(self);
        let (Some(Ok(session)), Some(Ok(plan))) = (&stages.session, &stages.plan) else { return Ok(None) };
        if !stages.can_be_measured(self.project()) || self.is_measured() {
            return Ok(None);
        }
        let plan = match (self.project().config.chooses_observer(), session.last_observer()) {
            (false, _) => plan.clone(),
            (true, Some(method)) => Arc::new(plan.with_method(method)),
            (true, None) => return Ok(None),
        };
        let measurement = Measurement { opened: self, session, plan: &plan, progress };
        let report = match measurement.recalled() {
            Ok(Some(report)) => report,
            Err(error) if error.is_cancelled() => return Err(error),
            // What is wrong is told by whoever measures.
            Ok(None) | Err(_) => return Ok(None),
        };
        let facts = Facts { report: Some(Ok(&report)), ..stages.facts(self.project()) };
        let findings = selected(self.project(), lint::check(&facts));
        Ok(Some((findings, report)))
    }

    fn look(&self, depth: LintDepth, progress: &dyn Progress) -> Result<Vec<Finding>> {
        let stages = Stages::of(self);
        let facts = stages.facts(self.project());
        if depth == LintDepth::Static || !stages.can_be_measured(self.project()) {
            return Ok(lint::check(&facts));
        }
        let report = self.measured(progress);
        if let Err(error) = &report
            && error.is_cancelled()
        {
            return Err(error.clone());
        }
        let trials = match &report {
            Ok(_) if depth >= LintDepth::Fixes => Some(self.trials(depth == LintDepth::Search, progress)?),
            _ => None,
        };
        let observers = match &report {
            Ok(report) if depth >= LintDepth::Fixes => self.observers(report, progress)?,
            _ => None,
        };
        let optimization = match &report {
            Ok(report) if depth >= LintDepth::Fixes => self.optimization(report, progress)?,
            _ => None,
        };
        let report = report.as_ref().map(|report| &**report);
        let (trials, observers) = (trials.as_deref(), observers.as_deref());
        let optimization = optimization.as_ref();
        Ok(lint::check(&Facts { report: Some(report), observers, optimization, trials, ..facts }))
    }
}

impl Engine {
    fn kept_findings(&self, key: &Key) -> Option<Arc<Vec<Finding>>> {
        let stored = || Some(self.findings.keep(*key, Arc::new(self.store.as_ref()?.get(key)?)));
        self.findings.get(key).or_else(stored)
    }
}

/// As far as the project's `[lint]` wants them.
pub(super) fn selected(project: &Project, mut findings: Vec<Finding>) -> Vec<Finding> {
    let selection = Selection::of(&project.config.lint);
    findings.retain(|finding| selection.wants(finding));
    findings
}
