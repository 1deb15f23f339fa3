//! Findings of a project: gathers what the rules look at, as far as it is asked to.

use std::sync::Arc;

use crate::Result;
use crate::analysis::{Report, Seconds};
use crate::lint::{self, Facts, Finding, Selection};
use crate::project::Project;

use super::analyze::{Measurement, known_layers};
use super::content::{self, Key, ModelFile, Parts};
use super::{Engine, Progress, export};

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

impl Engine {
    /// Everything that is wrong with a project, in the order of its text, as far as its `[lint]` wants it.
    ///
    /// An error is work that was cancelled; what is wrong with files is among the findings.
    pub fn lint(&self, project: &Project, depth: LintDepth, progress: &dyn Progress) -> Result<Vec<Finding>> {
        Ok(selected(project, self.findings(project, depth, progress)?))
    }

    /// Those of all rules, from memory or the store where nothing has changed.
    fn findings(&self, project: &Project, depth: LintDepth, progress: &dyn Progress) -> Result<Vec<Finding>> {
        if depth == LintDepth::Text {
            return Ok(lint::check(&Facts::of(project)));
        }
        let config = &project.config;
        let model = config.model.path.as_ref().map(|_| content::model(project));
        let samples = config.calibration.data.as_ref().map(|_| content::samples(project));
        let scales = content::quantization(project);
        let (Some(Ok(file)), Some(Ok(data)), Ok(scales)) = (&model, &samples, &scales) else {
            return self.look(project, depth, model, samples, progress);
        };
        let key = findings_key(project, depth, file, data, scales);
        if let Some(findings) = self.kept(&key) {
            return Ok(Vec::clone(&findings));
        }
        let findings = self.look(project, depth, model, samples, progress)?;
        if let Some(store) = &self.store {
            store.put(&key, &findings);
        }
        self.findings.keep(key, Arc::new(findings.clone()));
        Ok(findings)
    }

    fn kept(&self, key: &Key) -> Option<Arc<Vec<Finding>>> {
        let stored = || Some(self.findings.keep(*key, Arc::new(self.store.as_ref()?.get(key)?)));
        self.findings.get(key).or_else(stored)
    }

    /// What an edit of precisions does, on the scales that were observed before it: at once, and the same as
    /// [`LintDepth::Measured`] unless the edit moves a scale behind its layer. `None` where figures are known already, or
    /// a scale is needed that was never observed.
    pub fn expected(&self, project: &Project, progress: &dyn Progress) -> Result<Option<(Vec<Finding>, Report)>> {
        let (file, samples, scales) =
            (content::model(project), content::samples(project), content::quantization(project));
        let (Ok(file), Ok(samples), Ok(scales)) = (file, samples, scales) else { return Ok(None) };
        let exact = findings_key(project, LintDepth::Measured, &file, &samples, &scales);
        if self.kept(&exact).is_some() {
            return Ok(None);
        }
        self.gather(project, Some(Ok(file)), Some(Ok(samples)), progress, |facts, measurement| {
            let report = match measurement.map(|m| m.recalled()) {
                Some(Ok(Some(report))) => report,
                Some(Err(error)) if error.is_cancelled() => return Err(error),
                // What is wrong is told by whoever measures.
                Some(Ok(None) | Err(_)) | None => return Ok(None),
            };
            let findings = lint::check(&Facts { report: Some(Ok(&report)), ..facts });
            Ok(Some((selected(project, findings), report)))
        })
    }

    fn look(
        &self,
        project: &Project,
        depth: LintDepth,
        model: Option<Result<ModelFile>>,
        samples: Option<Result<Key>>,
        progress: &dyn Progress,
    ) -> Result<Vec<Finding>> {
        self.gather(project, model, samples, progress, |facts, measurement| {
            let Some(measurement) = measurement.filter(|_| depth > LintDepth::Static) else {
                return Ok(lint::check(&facts));
            };
            let report = measurement.report(false, Seconds::default());
            if let Err(error) = &report
                && error.is_cancelled()
            {
                return Err(error.clone());
            }
            let trials = match &report {
                Ok(report) if depth >= LintDepth::Fixes => {
                    Some(measurement.trials(report, depth == LintDepth::Search)?)
                }
                _ => None,
            };
            self.save(measurement.session);
            Ok(lint::check(&Facts { report: Some(report.as_ref()), trials: trials.as_ref(), ..facts }))
        })
    }

    /// What is known without running anything, and what there is to measure where nothing stands in the way.
    fn gather<T>(
        &self,
        project: &Project,
        model: Option<Result<ModelFile>>,
        samples: Option<Result<Key>>,
        progress: &dyn Progress,
        look: impl FnOnce(Facts, Option<Measurement>) -> Result<T>,
    ) -> Result<T> {
        let mut facts = Facts::of(project);
        let model = model.map(|file| self.model_of(project, &file?));
        facts.model = model.as_ref().map(|m| m.as_ref().map(|m| &m.simplified));
        let known = model.as_ref().and_then(|m| m.as_ref().ok());

        let session = match (known, samples) {
            (Some(model), Some(Ok(key))) => Some(self.session_of(project, model.clone(), &key)),
            (_, Some(Err(error))) => Some(Err(error)),
            _ => None,
        };
        facts.samples = session.as_ref().map(|s| s.as_ref().map(|s| &s.samples));

        let settings = known.and_then(|m| Some(known_layers(&project.config.settings()?, &m.simplified.graph)));
        facts.settings = settings.as_ref();
        let plan =
            known.zip(settings.as_ref()).map(|(m, settings)| export::plan(project, &m.simplified.graph, settings));
        facts.plan = plan.as_ref().map(|p| p.as_ref());
        let measurement = match (&session, &plan) {
            (Some(Ok(session)), Some(Ok(plan))) if project.is_sound() => {
                Some(Measurement { project, session, plan, progress })
            }
            _ => None,
        };
        look(facts, measurement)
    }
}

/// As far as the project's `[lint]` wants them.
fn selected(project: &Project, mut findings: Vec<Finding>) -> Vec<Finding> {
    let selection = Selection::of(&project.config.lint);
    findings.retain(|finding| selection.wants(finding));
    findings
}

/// The text, and the folder from which its paths start: messages name files.
fn findings_key(project: &Project, depth: LintDepth, model: &ModelFile, samples: &Key, scales: &Key) -> Key {
    let mut parts = Parts::new("findings");
    parts.text(&project.text).text(&format!("{:?}", project.config)).text(&project.file.to_string_lossy());
    parts.text(&format!("{depth:?}")).key(&model.key).key(samples).key(scales);
    parts.finish()
}
