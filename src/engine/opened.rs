//! State of a project: its text, and its files, which are read once. Each stage is computed on first use.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;

use crate::analysis::{Observers, OnChip, Report};
use crate::cost::ChipData;
use crate::detect::Detector;
use crate::espdl;
use crate::file;
use crate::lint::{self, Finding};
use crate::model::{self, Imported};
use crate::note::Note;
use crate::optimize;
use crate::project::{self, LayerChoice, Project};
use crate::proof::Finished;
use crate::quant::{self, ImportedScales, Keep, Plan, Settings};
use crate::samples::{InputSpec, Samples};
use crate::simplify::{self, LayerNames, Simplified};
use crate::{Error, Result};

use super::accuracy::Labelled;
use super::calibrated::Calibrated;
use super::content::{Key, KeyBuilder, ModelContent, SampleContent};
use super::ends::{self, Passage};
use super::lru::Lru;
use super::session::{Model, Session};
use super::shapes;
use super::step::Step;
use super::{Engine, Progress};

/// Project at one generation. All results use one reading of the text and the files. After a change, open the project
/// again: unchanged stages come from the cache.
pub struct Opened {
    pub(super) engine: Arc<Engine>,
    /// Set if this is a variant of another project.
    aside: Option<Aside>,
    project: Arc<Project>,
    pub(super) contents: Found,
    model: Step<Arc<Model>>,
    samples: Step<Arc<Samples>>,
    session: Step<Arc<Session>>,
    scales: Step<Option<Arc<ImportedScales>>>,
    plan: Step<Arc<Plan>>,
    calibrated: Step<Arc<Calibrated>>,
    pub(super) judged: Step<Arc<Report>>,
    pub(super) measured: Step<Arc<Report>>,
    pub(super) finished: Step<Arc<Finished>>,
    pub(super) proved: Step<Arc<OnChip>>,
    pub(super) observers: Step<Option<Arc<Observers>>>,
    pub(super) labelled: Step<Option<Arc<Labelled>>>,
}

/// Variant of a project that is measured once: its model, plan and session are not kept, and it frees no activations of others.
struct Aside {
    /// Samples of the other project.
    samples: Option<Lent>,
}

/// Open samples, and what determines them.
struct Lent {
    content: Key,
    inputs: Vec<InputSpec>,
    is_detector: bool,
    samples: Arc<Samples>,
}

/// Files of the project by content.
pub(super) struct Found {
    pub model: Result<ModelContent>,
    pub samples: Result<SampleContent>,
    /// Labelled samples; `None` if the text has none.
    pub labelled: Result<Option<SampleContent>>,
    /// Key of the file whose scales replace calibration.
    pub scales: Result<Key>,
    /// Constants of the time model for the board.
    pub constants: Result<Option<Arc<ChipData>>>,
    /// Another configuration that is exported to the same file.
    pub same_output: Option<PathBuf>,
}

/// Returns static findings of the text alone, without reading files.
pub fn lint_text(project: &Project) -> Vec<Finding> {
    super::lint::selected(project, lint::check(&lint::Facts::of(project)))
}

impl Engine {
    /// Opens a project: checks its files, and reads those that have changed since the last time. Errors of files are
    /// returned by the stages that need them.
    pub fn open(self: &Arc<Engine>, project: impl Into<Arc<Project>>) -> Opened {
        self.opened(project.into(), None)
    }

    fn opened(self: &Arc<Engine>, project: Arc<Project>, aside: Option<Aside>) -> Opened {
        let contents = Found {
            model: self.contents.model(&project),
            samples: self.contents.samples(&project),
            labelled: self.contents.labelled(&project),
            scales: self.contents.scales(&project),
            constants: self.contents.constants(&project),
            same_output: self.contents.same_output(&project),
        };
        Opened {
            engine: self.clone(),
            aside,
            project,
            contents,
            model: Step::default(),
            samples: Step::default(),
            session: Step::default(),
            scales: Step::default(),
            plan: Step::default(),
            calibrated: Step::default(),
            judged: Step::default(),
            measured: Step::default(),
            finished: Step::default(),
            proved: Step::default(),
            observers: Step::default(),
            labelled: Step::default(),
        }
    }
}

impl Opened {
    /// Returns the project in the state in which it was opened; later edits of its text have no effect.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// Opens a variant of this project that is measured once.
    pub(super) fn open_aside(&self, project: Project) -> Opened {
        self.engine.opened(Arc::new(project), Some(Aside { samples: self.lent() }))
    }

    /// Keeps a result in memory, unless this is a variant.
    fn keep<T>(&self, memory: &Lru<T>, key: Key, result: Arc<T>) -> Arc<T> {
        if self.aside.is_some() { result } else { memory.keep(key, result) }
    }

    /// Returns the samples, unless they are those of a cut network: these are at other inputs than the file's.
    fn lent(&self) -> Option<Lent> {
        let (model, content) = (self.model().ok()?, self.contents.samples.as_ref().ok()?);
        let session = self.session().ok().filter(|_| model.passage.is_none())?;
        Some(Lent {
            content: content.key,
            inputs: model.file_inputs().ok()?,
            is_detector: model.head.is_some(),
            samples: session.samples.clone(),
        })
    }

    /// Returns the model, read and simplified. If it leaves shapes free, they are those of the samples, which it then waits
    /// for.
    pub fn model(&self) -> Result<Arc<Model>> {
        self.model.get(|| {
            let content = self.contents.model.as_ref().map_err(Clone::clone)?;
            let key = self.model_key(&content.key);
            let sampled = self.contents.samples.as_ref().ok().map(|samples| sampled_key(&key, &samples.key));
            let kept = |key: &Key| self.engine.models.get(key);
            if let Some(model) = kept(&key).or_else(|| sampled.as_ref().and_then(kept)) {
                return Ok(model);
            }
            let file = content.file()?;
            let mut imported = model::import(&content.path, &file)?;
            content.unchanged()?;
            let is_fixed = self.fix(&mut imported)?;
            if imported.is_outdated() {
                imported = model::import_with(&content.path, &file, &imported.shapes())?;
                content.unchanged()?;
                self.fix(&mut imported)?;
            }
            let ends = ends::of(&self.project);
            if !ends.is_empty() {
                imported.check_fixed().map_err(|e| e.in_file(&content.path))?;
            }
            let head = simplify::head(&imported);
            let inputs = if ends.is_empty() { None } else { Some(InputSpec::of(&imported.graph)?) };
            let cut = simplify::cut(imported, &ends)?;
            let mut simplified = simplify::simplify(cut.imported).map_err(|e| e.in_file(&content.path))?;
            self.split(&mut simplified)?;
            simplified.notes.extend(head.as_ref().map(ends::of_head));
            let detector = head.as_ref().and_then(|head| Detector::of(head, &simplified.graph, &cut.outputs));
            let passage = inputs.map(|inputs| Passage::new(inputs, cut.fed, cut.before)).transpose()?;
            let shaped = KeyBuilder::new("shaped").key(&key).text(&input_shapes(&simplified)).finish();
            let model = Arc::new(Model { key: shaped, simplified, passage, head, detector });
            let key = if is_fixed { Some(key) } else { sampled };
            Ok(key.map_or_else(|| model.clone(), |key| self.keep(&self.engine.models, key, model.clone())))
        })
    }

    /// Splits weights and channels, if the text has esp-ppq's passes for that.
    fn split(&self, simplified: &mut Simplified) -> Result<()> {
        let graph = &mut simplified.graph;
        let config = &self.project.config;
        let key =
            [("weight-split", config.weight_split().is_some()), ("channel-split", config.channel_split().is_some())];
        if let Some((pass, _)) = key.into_iter().find(|(_, is_on)| *is_on && graph.has_scales()) {
            return Err(fixed_scales(pass, false));
        }
        if let Some(options) = self.project.config.weight_split() {
            let layers = optimize::weight_split(graph, &options).map_err(|e| e.at_key("optimize.weight-split"))?;
            let text = format!("weight-split made {} layers: copies and Adds of their outputs", layers.len());
            simplified.notes.push(Note::new(text));
            simplified.names.add(layers);
        }
        if let Some(options) = self.project.config.channel_split() {
            let count = optimize::channel_split(graph, &options).map_err(|e| e.at_key("optimize.channel-split"))?;
            simplified.notes.push(Note::new(format!("channel-split made two of {count} channels each")));
            simplify::infer(graph)?;
        }
        Ok(())
    }

    /// Gives a model the shapes that its file leaves free: those of the text, else of the samples. Returns `true` if the
    /// text has all of them.
    fn fix(&self, imported: &mut Imported) -> Result<bool> {
        let at_key = |e: Error| e.at_key("model.input-shape");
        let given = shapes::given(&self.project, imported).map_err(at_key)?;
        imported.fix(&given, "`input-shape`").map_err(at_key)?;
        let is_fixed = imported.is_fixed();
        if !is_fixed && self.project.config.calibration.data.is_some() {
            let at_key = |e: Error| e.at_key("calibration.data");
            let samples = self.samples(&shapes::inputs(imported)?, false).map_err(at_key)?;
            imported.fix(&shapes::of_samples(&samples), "the samples").map_err(at_key)?;
        }
        Ok(is_fixed)
    }

    /// The model's content, and the shapes that the text gives its inputs.
    fn model_key(&self, content: &Key) -> Key {
        let given = self.project.config.identity(project::Stage::Model);
        KeyBuilder::new("model with shapes").key(content).text(&given).finish()
    }

    /// The samples, opened once.
    fn samples(&self, inputs: &[InputSpec], is_detector: bool) -> Result<Arc<Samples>> {
        self.samples.get(|| {
            let content = self.contents.samples.as_ref().map_err(Clone::clone)?;
            let lent = self.aside.as_ref().and_then(|aside| aside.samples.as_ref());
            let is_same =
                |lent: &&Lent| lent.content == content.key && lent.inputs == inputs && lent.is_detector == is_detector;
            if let Some(lent) = lent.filter(is_same) {
                return Ok(lent.samples.clone());
            }
            let request = self.project.samples()?;
            let request = if is_detector { request.letterbox() } else { request };
            let samples = Samples::open(request, inputs)?;
            content.unchanged()?;
            Ok(Arc::new(samples))
        })
    }

    /// Returns the model with its samples.
    pub fn session(&self) -> Result<Arc<Session>> {
        self.session.get(|| {
            let model = self.model()?;
            let content = self.contents.samples.as_ref().map_err(Clone::clone)?;
            let held_out = self.project.config.held_out();
            let key = session_key(&model.key, &content.key, held_out);
            // Activations of previous exports of a model are freed.
            if self.aside.is_none() {
                self.engine.sessions.others(&key).iter().for_each(|session| session.free_activations());
            }
            if let Some(session) = self.engine.sessions.get(&key) {
                return Ok(session);
            }
            let samples = model.feed(self.samples(&model.file_inputs()?, model.head.is_some())?);
            let others = self.project.analysis_samples()?.map(|request| model.open(request)).transpose()?;
            content.unchanged()?;
            let session = Arc::new(Session::new(key, model, samples, others, held_out));
            if let Some(figures) = self.engine.store.as_ref().and_then(|store| store.get(&key)) {
                session.remember(figures);
            }
            Ok(self.keep(&self.engine.sessions, key, session))
        })
    }

    /// Returns the project with names of layers instead of nodes within them, if there is a model.
    pub(super) fn named(&self) -> Arc<Project> {
        let named = || {
            let model = self.model().ok()?;
            let names = &model.simplified.names;
            self.project.with_layers(|name| names.layer(name).map(str::to_string)).map(Arc::new)
        };
        named().unwrap_or_else(|| self.project.clone())
    }

    /// Returns the settings in the text.
    pub(super) fn settings(&self) -> Result<Settings> {
        settings_of(&self.named())
    }

    /// Returns the settings without unknown layers, so that the other layers can be measured.
    pub(super) fn known_settings(&self) -> Result<Settings> {
        let graph = &self.model()?.simplified.graph;
        let names: HashSet<&str> = graph.nodes.iter().map(|node| node.name.as_str()).collect();
        let has = |name: &String| names.contains(name.as_str());
        let mut settings = self.settings()?;
        settings.layer_schemes.retain(|name, _| has(name));
        settings.layer_methods.retain(|name, _| has(name));
        Ok(settings)
    }

    /// Returns the plan without unknown layers; with esp-ppq's observer if the text leaves it to measurements.
    pub(super) fn plan(&self) -> Result<Arc<Plan>> {
        self.plan.get(|| {
            let settings = self.known_settings()?;
            let key = self.plan_key(&settings)?;
            match self.engine.plans.get(&key) {
                Some(plan) => Ok(plan),
                None => Ok(self.keep(&self.engine.plans, key, Arc::new(self.plan_of(&settings)?))),
            }
        })
    }

    /// Returns the largest magnitude of each output channel's weights, by layer.
    pub fn largest_weights(&self) -> Result<BTreeMap<String, Vec<f32>>> {
        Ok(self.plan()?.largest_weights())
    }

    /// Plans the model with other settings, and with the scales of `model.quantization` if the text has it.
    pub(super) fn plan_of(&self, settings: &Settings) -> Result<Plan> {
        let model = self.model()?;
        let graph = &model.simplified.graph;
        let whole = self.project.config.model.precision.as_ref().map(|p| p.value);
        let recorded = self.scales()?;
        if let Some(pass) = settings.recipe.names().next()
            && (recorded.is_some() || graph.has_scales())
        {
            return Err(fixed_scales(pass, recorded.is_some()));
        }
        let Some(recorded) = recorded else {
            return quant::plan(graph, &quant::with_trained(graph, settings, whole));
        };
        let file = self.project.config.model.quantization.as_ref().map(|f| self.project.resolve(&f.value));
        let settings = recorded.settings(graph, settings, whole).map_err(|e| e.at_key("model.quantization"))?;
        let mut plan = quant::plan(graph, &settings)?;
        recorded.apply(&mut plan).map_err(|e| e.in_file(file.unwrap_or_default()))?;
        Ok(plan)
    }

    fn scales(&self) -> Result<Option<Arc<ImportedScales>>> {
        self.scales.get(|| {
            let Some(file) = &self.project.config.model.quantization else { return Ok(None) };
            let path = self.project.resolve(&file.value);
            if let Ok(key) = &self.contents.scales
                && let Some(recorded) = self.engine.scales.get(key)
            {
                return Ok(Some(recorded));
            }
            let text = file::text(&path, LONGEST_SCALES).map_err(|e| {
                e.at_key("model.quantization").with_help("the path is relative to the folder of espq.toml")
            })?;
            let recorded = Arc::new(espdl::quantization::read(&text).map_err(|e| e.in_file(&path))?);
            let key = self.contents.scales.as_ref().map_err(Clone::clone)?;
            Ok(Some(self.engine.scales.keep(*key, recorded)))
        })
    }

    /// Returns the plan of all settings; fails if they name unknown layers, or give one layer two precisions by different
    /// names.
    pub(super) fn exact_plan(&self) -> Result<Arc<Plan>> {
        let model = self.model()?;
        let (as_written, named) = (&self.project.config, &self.named().config);
        check_layers("precision", &model.simplified.names, &as_written.precision, &named.precision)?;
        let methods = (&as_written.calibration.methods, &named.calibration.methods);
        check_layers("calibration.methods", &model.simplified.names, methods.0, methods.1)?;
        self.plan()
    }

    /// Calibrates every scale of the plan with the samples.
    pub(super) fn calibrated(&self, progress: &dyn Progress) -> Result<Arc<Calibrated>> {
        self.calibrated.get(|| {
            let (session, plan) = (self.session()?, self.settled_plan(progress)?);
            let calibrated = session.calibrate(&plan, Keep::LastPass, progress)?;
            self.engine.save(&session);
            Ok(Arc::new(calibrated))
        })
    }

    pub(super) fn model_name(&self) -> String {
        self.project.config.model.path.as_ref().map(|p| p.value.clone()).unwrap_or_default()
    }

    fn plan_key(&self, settings: &Settings) -> Result<Key> {
        let mut parts = KeyBuilder::new("plan");
        parts.key(&self.model()?.key);
        self.quantization(&mut parts, settings)?;
        Ok(parts.finish())
    }

    /// Adds the model, the imported scales and the settings to a key.
    pub(super) fn quantization(&self, parts: &mut KeyBuilder, settings: &Settings) -> Result<()> {
        let model = &self.contents.model.as_ref().map_err(Clone::clone)?.key;
        let scales = self.contents.scales.as_ref().map_err(Clone::clone)?;
        let whole = self.project.config.model.precision.as_ref().map(|p| p.value);
        let is_chosen = self.project.config.chooses_observer();
        parts.key(&self.model_key(model)).key(scales).text(&format!("{settings:?} {whole:?}")).number(is_chosen.into());
        Ok(())
    }
}

/// Longest file of scales that is read, in bytes.
const LONGEST_SCALES: u64 = 1 << 30;

/// The error of a pass on weights that have their scales already.
fn fixed_scales(pass: &str, is_recorded: bool) -> Error {
    let (source, help) = match is_recorded {
        true => (
            "the scales of `model.quantization` belong to those that it was exported with",
            "remove the passes of [optimize], or `quantization` to calibrate with samples",
        ),
        false => (
            "the scales in the model were trained together with its weights",
            "remove the passes of [optimize], or use the float model",
        ),
    };
    Error::new(format!("`optimize.{pass}` changes weights, and {source}: the chip would compute with wrong ranges"))
        .at_key(format!("optimize.{pass}"))
        .with_help(help)
}

/// The model with the shapes of these samples.
fn sampled_key(model: &Key, samples: &Key) -> Key {
    KeyBuilder::new("model with samples").key(model).key(samples).finish()
}

fn input_shapes(simplified: &Simplified) -> String {
    let graph = &simplified.graph;
    let shapes: Vec<_> = graph.inputs.iter().map(|&input| &graph.value(input).shape).collect();
    format!("{shapes:?}")
}

/// The chip is the one thing that has no default.
pub(super) fn settings_of(project: &Project) -> Result<Settings> {
    project.config.settings().ok_or_else(|| {
        Error::new("the target chip is not configured").at_key("model.target").with_help("add target = \"esp32p4\"")
    })
}

/// Refuses names that stand for no layer, and two choices for one layer. `named` has the lines by name of the layer.
fn check_layers<T: PartialEq + Display>(
    table: &str,
    names: &LayerNames,
    as_written: &[LayerChoice<T>],
    named: &[LayerChoice<T>],
) -> Result<()> {
    let mut firsts: HashMap<&str, usize> = HashMap::new();
    for (at, (line, layer)) in as_written.iter().zip(named).enumerate() {
        let name = &line.layer.value;
        let at_line = |error: Error| error.at_key(format!("{table}.\"{name}\""));
        if names.layer(name).is_none() {
            return Err(at_line(names.unknown(name)));
        }
        let layer = &layer.layer.value;
        let other = *firsts.entry(layer).or_insert(at);
        if named[other].choice.value != line.choice.value {
            let (first, choice) = (&as_written[other].layer.value, &named[other].choice.value);
            let what = format!("`{name}` and `{first}` are one layer, `{layer}`, and `{first}` has {choice}");
            return Err(at_line(Error::new(what).with_help("give both the same, or remove one of the lines")));
        }
    }
    Ok(())
}

fn session_key(model: &Key, samples: &Key, held_out: Option<usize>) -> Key {
    KeyBuilder::new("session").key(model).key(samples).number(held_out.unwrap_or(0)).finish()
}
