//! Findings of an opened project, from the stages up to the requested depth.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use crate::analysis::Report;
use crate::cost::Cost;
use crate::lint::{self, EndsTrials, ExportedFile, Facts, Finding, Optimization, Selection, Trials};
use crate::project::Project;
use crate::quant::{Plan, Settings};
use crate::samples::{SampleFacts, Samples};
use crate::{Error, Result};

use super::accuracy::Labelled;
use super::cancel::possible;
use super::content::{Key, KeyBuilder};
use super::measure::Measurement;
use super::opened::{Found, Opened, lint_text};
use super::progress::Inside;
use super::session::{Model, Session};
use super::{Accuracy, OnChip, Progress};

/// Depth of the checks; each one includes the findings of those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LintDepth {
    /// Text only: immediate.
    Text,
    /// Also the model and the samples, without running the model: limited by reading them.
    Static,
    /// Also calibration and measurement.
    Measured,
    /// Also the finished file, checked and run in the chip's integers.
    Proved,
    /// Also the effect of int16 for each layer over the limit: takes time for each such layer.
    Fixes,
    /// Also the smallest set of int16 layers that brings the outputs under their limit: measures at each step of a
    /// search.
    Search,
}

/// Maximum number of findings that are kept: a list for another model is sooner made again than stored.
const KEPT: usize = 1000;

/// Results of stages for the rules, as far as they were computed.
struct Stages {
    model: Option<Result<Arc<Model>>>,
    session: Option<Result<Arc<Session>>>,
    seen: Option<Arc<SampleFacts>>,
    image_tables: Vec<&'static str>,
    labelled: Option<Result<Arc<Labelled>>>,
    settings: Option<Settings>,
    plan: Option<Result<Arc<Plan>>>,
    same_output: Option<PathBuf>,
    exported: Option<ExportedFile>,
    constants: Option<Error>,
}

/// Measurements beside the report, as far as the depth asks for them.
#[derive(Default)]
struct Measured {
    trials: Option<Arc<Trials>>,
    on_chip: Option<Result<Arc<OnChip>>>,
    cost: Option<Arc<Cost>>,
    accuracy: Option<Result<Option<Arc<Accuracy>>>>,
    ends_trials: Option<EndsTrials>,
}

impl Stages {
    fn of(opened: &Opened) -> Stages {
        let config = &opened.project().config;
        let model = config.model.path.as_ref().map(|_| opened.model());
        // A model whose shapes wait for the samples has no fault of its own where these have one.
        let is_of_samples = |error: &Error| error.key().is_some_and(|key| key.starts_with("calibration."));
        let (model, fault) = match model {
            Some(Err(error)) if is_of_samples(&error) => (None, Some(error)),
            model => (model, None),
        };
        let is_read = matches!(model, Some(Ok(_)));
        let session = match (&config.calibration.data, &opened.contents.samples) {
            (None, _) => None,
            (Some(_), Err(error)) => Some(Err(error.clone())),
            (Some(_), Ok(_)) => fault.map(Err).or_else(|| is_read.then(|| opened.session())),
        };
        // An error of a sample is found by those who run it.
        let seen = session.as_ref().and_then(|session| session.as_ref().ok()?.seen());
        let labelled = if is_read { opened.labelled().transpose() } else { None };
        let image_tables = image_tables(&session, &labelled);
        let settings = if is_read { opened.known_settings().ok() } else { None };
        let plan = settings.as_ref().map(|_| opened.plan());
        Stages {
            model,
            session,
            seen,
            image_tables,
            labelled,
            settings,
            plan,
            same_output: opened.contents.same_output.clone(),
            exported: opened.exported(),
            constants: opened.contents.constants.as_ref().err().cloned(),
        }
    }

    fn facts<'a>(&'a self, project: &'a Project) -> Facts<'a> {
        Facts {
            model: self.model.as_ref().map(|m| m.as_ref().map(|m| &m.simplified)),
            head: self.model.as_ref().and_then(|m| m.as_ref().ok()?.head.as_ref()),
            samples: self.session.as_ref().map(|s| s.as_ref().map(|s| &*s.samples)),
            sample_facts: self.seen.as_deref(),
            image_tables: &self.image_tables,
            labels: self.labelled.as_ref().and_then(|labelled| match labelled {
                Ok(labelled) => labelled.labels.as_ref().map(Ok),
                Err(error) => Some(Err(error)),
            }),
            settings: self.settings.as_ref(),
            plan: self.plan.as_ref().map(|p| p.as_ref().map(|p| &**p)),
            same_output: self.same_output.as_deref(),
            exported: self.exported.as_ref(),
            constants: self.constants.as_ref(),
            ..Facts::of(project)
        }
    }

    /// Returns `true` if the text is complete and every stage before measuring has succeeded.
    fn can_be_measured(&self, project: &Project) -> bool {
        project.is_sound() && matches!((&self.session, &self.plan), (Some(Ok(_)), Some(Ok(_))))
    }
}

impl Opened {
    /// Returns the project's findings that `[lint]` selects, in the order of the text.
    ///
    /// Fails only if the work was cancelled; errors in files are findings.
    pub fn lint(&self, depth: LintDepth, progress: &dyn Progress) -> Result<Vec<Finding>> {
        if depth == LintDepth::Text {
            return Ok(lint_text(self.project()));
        }
        Ok(selected(self.project(), self.findings(depth, progress)?))
    }

    /// Returns the findings of all rules, from memory or the store if nothing has changed.
    fn findings(&self, depth: LintDepth, progress: &dyn Progress) -> Result<Vec<Finding>> {
        let Some(key) = self.findings_key(depth) else { return self.look(depth, progress) };
        if let Some(findings) = self.engine.kept(&self.engine.findings, &key) {
            return Ok(Vec::clone(&findings));
        }
        let findings = self.look(depth, progress)?;
        if findings.len() > KEPT {
            return Ok(findings);
        }
        Ok(Vec::clone(&self.engine.keep(&self.engine.findings, key, findings)))
    }

    /// Returns the key of the text, of the folder to which its paths are relative (messages name files), and of the
    /// files; `None` if a file cannot be read, since it may be readable the next time.
    fn findings_key(&self, depth: LintDepth) -> Option<Key> {
        let project = self.project();
        let Found {
            model: Ok(model),
            samples: Ok(samples),
            labelled: Ok(labelled),
            scales: Ok(scales),
            constants: Ok(constants),
            same_output,
        } = &self.contents
        else {
            return None;
        };
        let mut parts = KeyBuilder::new("findings");
        parts.text(&project.text).text(&format!("{:?}", project.config)).text(&project.file.to_string_lossy());
        parts
            .text(&format!("{depth:?} {same_output:?} {constants:?} {:?}", self.exported()))
            .key(&model.key)
            .key(&samples.key)
            .key(scales);
        labelled.iter().for_each(|labelled| {
            parts.key(&labelled.key);
        });
        Some(parts.finish())
    }

    /// Publishes findings and report after an edit of precisions with scales that are guessed from earlier observations and
    /// kept activations, without calibration. They equal [`LintDepth::Measured`] unless the edit moves a scale downstream
    /// of its layer. If all samples take long, those of the first ones are published before. Returns `false` if the figures are
    /// already known, or if too little was observed before.
    pub fn expected(
        &self,
        progress: &dyn Progress,
        publish: &mut dyn FnMut(Vec<Finding>, Report) -> Result<()>,
    ) -> Result<bool> {
        let stages = Stages::of(self);
        let (Some(Ok(session)), Some(Ok(plan))) = (&stages.session, &stages.plan) else { return Ok(false) };
        if !stages.can_be_measured(self.project()) || self.is_measured() {
            return Ok(false);
        }
        let plan = match (self.project().config.chooses_observer(), session.last_observer()) {
            (false, _) => plan.clone(),
            (true, Some(method)) => Arc::new(plan.with_method(method)),
            (true, None) => return Ok(false),
        };
        let measurement = Measurement::of(self, session, &plan, progress);
        let named = self.named();
        let mut is_published = false;
        let found = measurement.recalled(&mut |report| {
            let facts = Facts { report: Some(Ok(&report)), ..stages.facts(&named) };
            let mut findings = selected(self.project(), lint::check(&facts));
            lint::mark_first_samples(&mut findings, report.analysis_samples, measurement.count);
            is_published = true;
            publish(findings, report)
        });
        match found {
            Err(error) if error.is_cancelled() => Err(error),
            // The error is reported by the measurement.
            Ok(_) | Err(_) => Ok(is_published),
        }
    }

    fn look(&self, depth: LintDepth, progress: &dyn Progress) -> Result<Vec<Finding>> {
        let stages = Stages::of(self);
        let named = self.named();
        let facts = stages.facts(&named);
        if depth == LintDepth::Static || !stages.can_be_measured(self.project()) {
            return Ok(lint::check(&facts));
        }
        let report = unless_cancelled(self.judged(progress))?;
        // Other fixes are for the network that is left once it ends before decoding.
        let is_ended = facts.decoded_head().is_none() || !is_selected(self.project(), "D010");
        let has_fixes = depth >= LintDepth::Fixes && is_ended;
        let observers = match &report {
            Ok(report) if has_fixes => self.observers(report, progress)?,
            _ => None,
        };
        // Alone, each of the two leaves processors idle.
        let mut optimization = None;
        let aside = &mut optimization;
        let measured = thread::scope(|scope| match &report {
            Ok(report) => {
                if has_fixes {
                    scope.spawn(move || *aside = Some(self.optimization_aside(report, progress)));
                }
                self.measured_beside(report, depth, has_fixes, &stages, progress)
            }
            Err(_) => Ok(Measured::default()),
        });
        let (optimization, measured) = (optimization.transpose()?.flatten(), measured?);
        let Measured { trials, on_chip, cost, accuracy, ends_trials } = &measured;
        let report = Some(report.as_ref().map(|report| &**report));
        Ok(lint::check(&Facts {
            report,
            on_chip: on_chip.as_ref().map(|on_chip| on_chip.as_ref().map(|on_chip| &**on_chip)),
            accuracy: accuracy.as_ref().and_then(|accuracy| match accuracy {
                Ok(accuracy) => accuracy.as_deref().map(Ok),
                Err(error) => Some(Err(error)),
            }),
            cost: cost.as_deref(),
            observers: observers.as_deref(),
            optimization: optimization.as_ref(),
            trials: trials.as_deref(),
            ends_trials: ends_trials.as_ref(),
            ..facts
        }))
    }

    /// Tries other observers and passes, on threads of its own: one that both shared would run all of the other's work before a small
    /// part of this, and one that waits for a part could take over work that waits for it.
    fn optimization_aside(&self, report: &Report, progress: &dyn Progress) -> Result<Option<Optimization>> {
        let run = || self.optimization(report, &Inside(progress));
        rayon::ThreadPoolBuilder::new().build().map_or_else(|_| run(), |pool| pool.install(run))
    }

    /// Measures what rules ask for beside a report, up to a depth.
    fn measured_beside(
        &self,
        report: &Report,
        depth: LintDepth,
        has_fixes: bool,
        stages: &Stages,
        progress: &dyn Progress,
    ) -> Result<Measured> {
        let mut measured = Measured::default();
        if has_fixes {
            measured.trials = Some(self.trials(depth == LintDepth::Search, progress)?);
        }
        if depth >= LintDepth::Proved {
            measured.on_chip = Some(unless_cancelled(self.proved(progress))?);
            measured.cost = self.known_cost(progress)?;
        }
        let has_labels = matches!(stages.labelled, Some(Ok(_))) && self.project().config.limits.accuracy_loss.is_some();
        if depth >= LintDepth::Proved && has_labels {
            measured.accuracy = Some(unless_cancelled(self.accuracy(progress))?);
        }
        if depth >= LintDepth::Fixes {
            measured.ends_trials = Some(self.ends_trials(report, progress)?);
        }
        Ok(measured)
    }

    /// Returns the cost of the file; its errors are reported by the proof.
    fn known_cost(&self, progress: &dyn Progress) -> Result<Option<Arc<Cost>>> {
        Ok(possible(self.cost(progress))?.flatten())
    }
}

/// Returns the tables whose samples are images.
fn image_tables(session: &Option<Result<Arc<Session>>>, labelled: &Option<Result<Arc<Labelled>>>) -> Vec<&'static str> {
    let session = session.as_ref().and_then(|session| session.as_ref().ok());
    let labelled = labelled.as_ref().and_then(|labelled| labelled.as_ref().ok());
    let has_images = |samples: &Samples| samples.has_images();
    let tables = [
        ("calibration", session.is_some_and(|session| has_images(&session.samples))),
        ("analysis", session.and_then(|session| session.others.as_deref()).is_some_and(has_images)),
        ("accuracy", labelled.is_some_and(|labelled| has_images(&labelled.samples))),
    ];
    tables.into_iter().filter(|(_, has_images)| *has_images).map(|(table, _)| table).collect()
}

/// Makes an error that rules report part of the result; that of cancelled work ends it.
fn unless_cancelled<T>(result: Result<T>) -> Result<Result<T>> {
    match result {
        Err(error) if error.is_cancelled() => Err(error),
        result => Ok(result),
    }
}

/// Returns `true` if the project's `[lint]` lets a rule report.
fn is_selected(project: &Project, code: &str) -> bool {
    let selection = Selection::of(&project.config.lint);
    lint::find(code).is_some_and(|rule| selection.wants(&Finding::new(rule, 0..0, "")))
}

/// Filters findings by the project's `[lint]`.
pub(super) fn selected(project: &Project, mut findings: Vec<Finding>) -> Vec<Finding> {
    let selection = Selection::of(&project.config.lint);
    findings.retain(|finding| selection.wants(finding));
    findings
}
