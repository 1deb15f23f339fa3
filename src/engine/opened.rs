//! A project as it is now: its text, and its files read once. Each stage is computed when it is first asked for.

use std::sync::Arc;
use std::time::Instant;

use crate::analysis::{Observers, Report, Seconds};
use crate::espdl;
use crate::lint::{self, Finding};
use crate::model;
use crate::project::Project;
use crate::quant::{self, Plan, Recorded, Settings};
use crate::samples::{InputSpec, Samples};
use crate::simplify::simplify;
use crate::{Error, Result};

use super::content::{Key, KeyBuilder, ModelContent, SampleContent};
use super::measure::{Measurement, timed};
use super::session::{Calibrated, Model, Session};
use super::step::Step;
use super::{Engine, Progress, Stage};

/// One project at one generation. All answers come from one reading of the text and the files; for another text or
/// other files, open again: what has not changed is not computed again.
pub struct Opened {
    pub(super) engine: Arc<Engine>,
    project: Arc<Project>,
    pub(super) contents: Found,
    model: Step<Arc<Model>>,
    session: Step<Arc<Session>>,
    scales: Step<Option<Arc<Recorded>>>,
    plan: Step<Arc<Plan>>,
    calibrated: Step<Arc<Calibrated>>,
    measured: Step<Arc<Report>>,
    pub(super) observers: Step<Option<Arc<Observers>>>,
}

/// The project's files by their content.
pub(super) struct Found {
    pub model: Result<ModelContent>,
    pub samples: Result<SampleContent>,
    /// Of the file whose scales replace calibration.
    pub scales: Result<Key>,
}

/// Static findings of the text alone: no file is read.
pub fn lint_text(project: &Project) -> Vec<Finding> {
    super::lint::selected(project, lint::check(&lint::Facts::of(project)))
}

impl Engine {
    /// Opens a project: looks at its files, and reads those that have changed since the engine saw them last. Errors of
    /// files come with the stages that need them.
    pub fn open(self: &Arc<Engine>, project: impl Into<Arc<Project>>) -> Opened {
        let project = project.into();
        let contents = Found {
            model: self.contents.model(&project),
            samples: self.contents.samples(&project),
            scales: self.contents.scales(&project),
        };
        Opened {
            engine: self.clone(),
            project,
            contents,
            model: Step::default(),
            session: Step::default(),
            scales: Step::default(),
            plan: Step::default(),
            calibrated: Step::default(),
            measured: Step::default(),
            observers: Step::default(),
        }
    }
}

impl Opened {
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// The model, read and simplified.
    pub fn model(&self) -> Result<Arc<Model>> {
        self.model.get(|| {
            let content = self.contents.model.as_ref().map_err(Clone::clone)?;
            if let Some(model) = self.engine.models.get(&content.key) {
                return Ok(model);
            }
            let imported = model::import(&content.path, content.read()?)?;
            content.unchanged()?;
            let simplified = simplify(imported).map_err(|e| e.in_file(&content.path))?;
            Ok(self.engine.models.keep(content.key, Arc::new(Model { key: content.key, simplified })))
        })
    }

    /// The model with its samples.
    pub fn session(&self) -> Result<Arc<Session>> {
        self.session.get(|| {
            let model = self.model()?;
            let content = self.contents.samples.as_ref().map_err(Clone::clone)?;
            let held_out = self.project.config.held_out();
            let key = session_key(&model.key, &content.key, held_out);
            // A model that is exported again and again must not leave the activations of each behind.
            self.engine.sessions.others(&key).iter().for_each(|session| session.forget_activations());
            if let Some(session) = self.engine.sessions.get(&key) {
                return Ok(session);
            }
            let inputs = InputSpec::of(&model.simplified.graph)?;
            let samples = Samples::open(self.project.samples()?, &inputs)?;
            let others = self.project.analysis_samples()?.map(|request| Samples::open(request, &inputs)).transpose()?;
            content.unchanged()?;
            let session = Session::new(key, model, samples, others, held_out, self.engine.options.activations);
            if let Some(figures) = self.engine.store.as_ref().and_then(|store| store.get(&key)) {
                session.remember(figures);
            }
            Ok(self.engine.sessions.keep(key, Arc::new(session)))
        })
    }

    /// The settings that the text asks for. The chip is the one thing that has no default.
    fn settings(&self) -> Result<Settings> {
        self.project.config.settings().ok_or_else(|| {
            Error::new("the chip is not named").at_key("model.target").with_help("add target = \"esp32p4\"")
        })
    }

    /// The settings without the layers that the model does not have: the rest can be measured without them.
    pub(super) fn known_settings(&self) -> Result<Settings> {
        let graph = &self.model()?.simplified.graph;
        let has = |name: &String| graph.nodes.iter().any(|n| n.name == *name);
        let mut settings = self.settings()?;
        settings.layer_schemes.retain(|name, _| has(name));
        settings.layer_methods.retain(|name, _| has(name));
        Ok(settings)
    }

    /// The plan of the layers that the model has; with esp-ppq's observer where the text leaves it to measurements.
    pub(super) fn plan(&self) -> Result<Arc<Plan>> {
        self.plan.get(|| {
            let settings = self.known_settings()?;
            let key = self.plan_key(&settings)?;
            match self.engine.plans.get(&key) {
                Some(plan) => Ok(plan),
                None => Ok(self.engine.plans.keep(key, Arc::new(self.plan_of(&settings)?))),
            }
        })
    }

    /// The model with other settings, and with the scales of `model.quantization` where the text names such a file.
    pub(super) fn plan_of(&self, settings: &Settings) -> Result<Plan> {
        let model = self.model()?;
        let graph = &model.simplified.graph;
        let Some(recorded) = self.scales()? else { return quant::plan(graph, settings) };
        if let Some(pass) = settings.recipe.names().next() {
            return Err(Error::new(format!(
                "`optimize.{pass}` changes weights, and the scales of `model.quantization` belong to those that it was \
                 exported with: the chip would compute with wrong ranges"
            ))
            .at_key(format!("optimize.{pass}"))
            .with_help("remove the passes of [optimize], or `quantization` to calibrate with samples"));
        }
        let file = self.project.config.model.quantization.as_ref().map(|f| self.project.resolve(&f.value));
        let whole = self.project.config.model.precision.as_ref().map(|p| p.value);
        let settings = recorded.settings(graph, settings, whole).map_err(|e| e.at_key("model.quantization"))?;
        let mut plan = quant::plan(graph, &settings)?;
        recorded.apply(&mut plan).map_err(|e| e.in_file(file.unwrap_or_default()))?;
        Ok(plan)
    }

    fn scales(&self) -> Result<Option<Arc<Recorded>>> {
        self.scales.get(|| {
            let Some(file) = &self.project.config.model.quantization else { return Ok(None) };
            let path = self.project.resolve(&file.value);
            if let Ok(key) = &self.contents.scales
                && let Some(recorded) = self.engine.scales.get(key)
            {
                return Ok(Some(recorded));
            }
            let text = std::fs::read_to_string(&path).map_err(|e| {
                Error::new(format!("{} cannot be read: {e}", path.display()))
                    .at_key("model.quantization")
                    .with_help("the path is relative to the folder of espq.toml")
            })?;
            let recorded = Arc::new(espdl::quantization::read(&text).map_err(|e| e.in_file(&path))?);
            let key = self.contents.scales.as_ref().map_err(Clone::clone)?;
            Ok(Some(self.engine.scales.keep(*key, recorded)))
        })
    }

    /// The plan of all that the text says: an error where it names layers that the model does not have.
    pub(super) fn exact_plan(&self) -> Result<Arc<Plan>> {
        let settings = self.settings()?;
        if settings == self.known_settings()? {
            return self.plan();
        }
        self.plan_of(&settings).map(Arc::new)
    }

    /// Every scale of the plan, from the samples.
    pub(super) fn calibrated(&self, progress: &dyn Progress) -> Result<Arc<Calibrated>> {
        self.calibrated.get(|| {
            let (session, plan) = (self.session()?, self.settled_plan(progress)?);
            let calibrated = session.calibrate(&plan, progress)?;
            self.engine.save(&session);
            Ok(Arc::new(calibrated))
        })
    }

    /// Figures of the plan are known, in memory or in the store.
    pub(super) fn is_measured(&self) -> bool {
        let key = self.known_settings().and_then(|settings| self.report_key(&settings, false));
        key.is_ok_and(|key| self.kept_report(&key).is_some())
    }

    /// Both error tables of the layers that the model has, from memory or the store where nothing has changed.
    pub fn measured(&self, progress: &dyn Progress) -> Result<Arc<Report>> {
        self.measured.get(|| {
            let key = self.report_key(&self.known_settings()?, false)?;
            if let Some(report) = self.kept_report(&key) {
                return Ok(report);
            }
            let (session, plan) = (self.session()?, self.settled_plan(progress)?);
            let mut seconds = Seconds::default();
            let calibrated = timed(&mut seconds.calibrate, || self.calibrated(progress))?;
            let measurement = Measurement { opened: self, session: &session, plan: &plan, progress };
            let report = measurement.report(&calibrated, false, seconds)?;
            self.engine.save(&session);
            Ok(self.engine.keep_report(key, report))
        })
    }

    /// Both error tables and the errors by observer, with the statistics of tensors where they are wanted: these cost two
    /// more runs a sample.
    pub fn report(&self, statistics: bool, progress: &dyn Progress) -> Result<Report> {
        progress.begin(Stage::Load, 1);
        let start = Instant::now();
        let key = self.report_key(&self.settings()?, statistics)?;
        let report = match self.kept_report(&key) {
            Some(report) => {
                let seconds = Seconds { load: start.elapsed().as_secs_f64(), ..Seconds::default() };
                Report { seconds, ..Report::clone(&report) }
            }
            None => {
                let (session, _) = (self.session()?, self.exact_plan()?);
                let load = start.elapsed().as_secs_f64();
                progress.tick()?;
                let report = match statistics {
                    true => self.with_statistics(&session, &key, progress)?,
                    false => self.measured(progress)?,
                };
                let report = Report::clone(&*report);
                Report { seconds: Seconds { load, ..report.seconds }, ..report }
            }
        };
        let mut seconds = report.seconds;
        let observers = timed(&mut seconds.observers, || self.observers(&report, progress))?;
        let observers = observers.map(|observers| Observers::clone(&observers));
        Ok(Report { seconds, observers, ..report })
    }

    fn with_statistics(&self, session: &Session, key: &Key, progress: &dyn Progress) -> Result<Arc<Report>> {
        let plan = self.settled_plan(progress)?;
        let mut seconds = Seconds::default();
        let calibrated = timed(&mut seconds.calibrate, || self.calibrated(progress))?;
        let measurement = Measurement { opened: self, session, plan: &plan, progress };
        let report = measurement.report(&calibrated, true, seconds)?;
        self.engine.save(session);
        Ok(self.engine.keep_report(*key, report))
    }

    /// A report of the same content, under this project's name for the model.
    fn kept_report(&self, key: &Key) -> Option<Arc<Report>> {
        let kept = self.engine.kept_report(key)?;
        let model = self.model_name();
        Some(if kept.model == model { kept } else { Arc::new(Report { model, ..Report::clone(&kept) }) })
    }

    pub(super) fn model_name(&self) -> String {
        self.project.config.model.path.as_ref().map(|p| p.value.clone()).unwrap_or_default()
    }

    fn plan_key(&self, settings: &Settings) -> Result<Key> {
        let mut parts = KeyBuilder::new("plan");
        self.quantization(&mut parts, settings)?;
        Ok(parts.finish())
    }

    /// Everything that decides a report, the samples included.
    pub(super) fn report_key(&self, settings: &Settings, statistics: bool) -> Result<Key> {
        let samples = &self.contents.samples.as_ref().map_err(Clone::clone)?.key;
        let mut parts = KeyBuilder::new("report");
        self.quantization(&mut parts, settings)?;
        let config = &self.project.config;
        parts.key(samples).number(config.held_out().unwrap_or(0));
        parts.number(config.analysis_samples()).number(statistics.into());
        Ok(parts.finish())
    }

    /// The model, the scales that are given, and the settings.
    fn quantization(&self, parts: &mut KeyBuilder, settings: &Settings) -> Result<()> {
        let model = &self.contents.model.as_ref().map_err(Clone::clone)?.key;
        let scales = self.contents.scales.as_ref().map_err(Clone::clone)?;
        let whole = self.project.config.model.precision.as_ref().map(|p| p.value);
        let is_chosen = self.project.config.chooses_observer();
        parts.key(model).key(scales).text(&format!("{settings:?} {whole:?}")).number(is_chosen.into());
        Ok(())
    }
}

impl Engine {
    fn kept_report(&self, key: &Key) -> Option<Arc<Report>> {
        let stored = || Some(self.reports.keep(*key, Arc::new(self.store.as_ref()?.get(key)?)));
        self.reports.get(key).or_else(stored)
    }

    fn keep_report(&self, key: Key, report: Report) -> Arc<Report> {
        if let Some(store) = &self.store {
            store.put(&key, &report);
        }
        self.reports.keep(key, Arc::new(report))
    }

    /// Keeps what a session has measured for the next process.
    pub(super) fn save(&self, session: &Session) {
        if let (Some(store), Some(figures)) = (&self.store, session.news()) {
            store.put(&session.key, &figures);
        }
    }
}

fn session_key(model: &Key, samples: &Key, held_out: Option<usize>) -> Key {
    KeyBuilder::new("session").key(model).key(samples).number(held_out.unwrap_or(0)).finish()
}
