//! Cached results of one model with one set of samples, and measurements that add to them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::Result;
use crate::analysis::{self, Clipping, ErrorFigures, Graphwise, Observers, Resumed, Subject};
use crate::chip::Method;
use crate::detect::{Detector, Head};
use crate::exec::{Samples as _, Tick, cost_from};
use crate::graph::{NodeId, ValueId};
use crate::note::Note;
use crate::optimize;
use crate::project::Project;
use crate::quant::{self, FloatRuns, Keep, Plan, Port, Quantized, Wide};
use crate::samples::{InputSpec, Part, Request, SampleFacts, Samples};
use crate::simplify::Simplified;

use super::cached::{Cached, Effect, Kept, Sums, Traced};
use super::calibrated::{Calibrated, Float, figures_key};
use super::content::{Key, KeyBuilder};
use super::ends::Passage;
use super::{Progress, Stage};

/// Model that has been read and simplified.
pub struct Model {
    /// Digest of the file's content and of the shapes of its inputs.
    pub key: Key,
    /// Graph to plan, and the names that its nodes have in the file.
    pub simplified: Simplified,
    /// Way of the samples to the inputs of a cut network.
    pub(super) passage: Option<Passage>,
    /// Head of a detection network in the whole file.
    pub head: Option<Head>,
    /// Decoder of the outputs, if the network is a detector.
    pub(super) detector: Option<Detector>,
}

impl Model {
    /// Returns the inputs of the file that samples are given for.
    pub(super) fn file_inputs(&self) -> Result<Vec<InputSpec>> {
        match &self.passage {
            Some(passage) => Ok(passage.inputs.clone()),
            None => InputSpec::of(&self.simplified.graph),
        }
    }

    /// Opens samples at the inputs of the graph; photos for a detection network are letterboxed.
    pub(super) fn open(&self, request: Request) -> Result<Arc<Samples>> {
        let request = if self.head.is_some() { request.letterbox() } else { request };
        Ok(self.feed(Arc::new(Samples::open(request, &self.file_inputs()?)?)))
    }

    /// Returns the samples at the inputs of the graph.
    pub(super) fn feed(&self, samples: Arc<Samples>) -> Arc<Samples> {
        match &self.passage {
            Some(passage) => passage.through(&samples),
            None => samples,
        }
    }
}

/// Model with one set of samples.
pub struct Session {
    /// Digest of the model's key, of the samples' content and of `held-out`.
    pub key: Key,
    /// Model that all results of the session are of.
    pub model: Arc<Model>,
    /// Samples of `[calibration]`, including those held out.
    pub samples: Arc<Samples>,
    /// Samples of `[analysis]`, if it has its own.
    pub(super) others: Option<Arc<Samples>>,
    /// Samples for scales and constants.
    pub calibration: Part,
    /// Samples for figures.
    pub analysis: Part,
    /// Properties of the samples; `None` if one cannot be read.
    seen: OnceLock<Option<Arc<SampleFacts>>>,
    cached: Mutex<Cached>,
    /// Set if another session has taken this one's place: its activations are freed before the next measurement.
    is_replaced: AtomicBool,
}

impl Session {
    /// Makes a session. Error is measured on `others` if there are any, else on `samples` or, with `held_out`, on a part of them.
    pub fn new(
        key: Key,
        model: Arc<Model>,
        samples: Arc<Samples>,
        others: Option<Arc<Samples>>,
        held_out: Option<usize>,
    ) -> Session {
        let [calibration, analysis] = match &others {
            Some(others) => [&samples, others].map(Part::all),
            None => Part::split(&samples, held_out),
        };
        Session {
            key,
            model,
            samples,
            others,
            calibration,
            analysis,
            seen: OnceLock::new(),
            cached: Mutex::new(Cached::new()),
            is_replaced: AtomicBool::new(false),
        }
    }

    /// Returns the properties of the samples, looked at once; `None` if one cannot be read, which running them reports.
    pub fn seen(&self) -> Option<Arc<SampleFacts>> {
        self.seen.get_or_init(|| self.samples.look().ok().map(Arc::new)).clone()
    }

    /// Adds the measurements of another process.
    pub(super) fn remember(&self, kept: Kept) {
        self.cached().remember(kept);
    }

    /// Returns the measurements if there are more than are stored.
    pub(super) fn news(&self) -> Option<Kept> {
        self.cached().news()
    }

    /// Returns notes on the model, the samples and their quantization.
    pub fn notes(&self, quantized: &Quantized) -> Vec<Note> {
        let others = self.others.iter().flat_map(|others| others.notes());
        // What holds for both sets of samples is said once.
        let others: Vec<Note> = others.filter(|note| !self.samples.notes().contains(note)).cloned().collect();
        [&self.model.simplified.notes[..], self.samples.notes(), &others, &quantized.plan().notes].concat()
    }

    /// Returns the memory of the activations that it keeps, in bytes.
    pub fn activations(&self) -> usize {
        self.cached().activations()
    }

    /// Frees all activations: now, or after the measurement that is using them.
    pub(super) fn free_activations(&self) {
        self.is_replaced.store(true, Ordering::Relaxed);
        if let Ok(mut cached) = self.cached.try_lock() {
            self.is_replaced.store(false, Ordering::Relaxed);
            cached.free_activations();
        }
    }

    /// Locks the results. One thread measures at a time; the waiting one has cancelled it.
    fn cached(&self) -> MutexGuard<'_, Cached> {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_replaced.swap(false, Ordering::Relaxed) {
            cached.free_activations();
        }
        cached
    }

    /// Returns the number of samples for the figures of a project.
    pub(super) fn count(&self, project: &Project) -> usize {
        project.config.analysis_samples().min(self.analysis.len())
    }

    /// Returns the cost of simulating one sample from where the last simulation resumes, in multiplications.
    pub(super) fn cost(&self, calibrated: &Calibrated) -> u128 {
        let same = self.cached().traced.first().map_or(0, |traced| traced.leading(calibrated));
        cost_from(&calibrated.quantized.plan().graph, NodeId(same))
    }

    /// Calibrates a plan and runs the passes of its recipe. Only ports without a kept observation are observed.
    pub fn calibrate(&self, plan: &Plan, keep: Keep, progress: &dyn Progress) -> Result<Calibrated> {
        let mut cached = self.cached();
        cached.bound();
        let passes = if plan.observed().iter().any(|o| o.method.takes_histogram()) { 2 } else { 1 };
        let tick = || progress.tick();
        let plan = optimize::prepare(plan, &self.calibration, &tick)?;
        progress.begin(Stage::Calibrate, passes * self.calibration.len());
        let Cached { observations, frontiers, .. } = &mut *cached;
        let mut quantized = quant::resume(plan, &self.calibration, observations, frontiers, keep, &tick)?;
        optimize::finish(&mut quantized, &self.calibration, &tick)?;
        cached.calibrated(quantized, Sums::Exact)
    }

    /// Returns errors by observer over the first `count` samples.
    pub(super) fn observers(&self, plan: &Plan, count: usize, progress: &dyn Progress) -> Result<Observers> {
        let mut cached = self.cached();
        cached.bound();
        let judged_on = self.analysis.first(count);
        progress.begin(Stage::Observers, 2 * self.calibration.len() + (1 + Method::ALL.len()) * judged_on.len());
        let tick = || progress.tick();
        let observers = optimize::observers(plan, &self.calibration, &judged_on, &mut cached.observations, &tick)?;
        cached.best = Some(observers.best);
        Ok(observers)
    }

    /// Returns the observer that was chosen last, whatever the settings were.
    pub(super) fn last_observer(&self) -> Option<Method> {
        self.cached().best
    }

    /// Returns the likely scales of a plan, from earlier observations.
    pub fn recall(&self, plan: &Plan, wide: Wide, progress: &dyn Progress) -> Result<Option<Calibrated>> {
        // Passes use the samples each time, so there are no earlier observations.
        if !plan.settings.recipe.is_empty() {
            return Ok(None);
        }
        let mut cached = self.cached();
        let Cached { observations, originals, float, .. } = &mut *cached;
        let resumed = float.as_ref().map(|(_, Float { equivalent, .. })| Resumed {
            float: equivalent,
            samples: &self.analysis,
            kept: originals,
        });
        let resumed = resumed.as_ref().map(|resumed| resumed as &dyn FloatRuns);
        let quantized =
            quant::recall(plan.clone(), &self.calibration, observations, resumed, wide, &|| progress.check())?;
        let sums = if wide == Wide::Predicted { Sums::Single } else { Sums::Exact };
        quantized.map(|quantized| cached.calibrated(quantized, sums)).transpose()
    }

    /// Predicts what the scales of a plan, and of plans with a part of its changes, are guessed from in a search.
    pub fn predict(&self, plan: &Plan, progress: &dyn Progress) -> Result<()> {
        // Passes use the samples each time, so nothing is guessed.
        if !plan.settings.recipe.is_empty() {
            return Ok(());
        }
        quant::predict(plan, &self.calibration, &mut self.cached().observations, &|| progress.check())
    }

    /// Computes the cumulative error at `nodes` and at the outputs.
    pub fn graphwise(
        &self,
        calibrated: &Calibrated,
        nodes: &[NodeId],
        count: usize,
        progress: &dyn Progress,
    ) -> Result<Arc<Graphwise>> {
        let mut cached = self.cached();
        let key = figures_key("graphwise", calibrated, nodes, count);
        if let Some(found) = cached.graphwise.get(&key) {
            return Ok(found.clone());
        }
        progress.begin(Stage::Graphwise, count);
        let tick = || progress.tick();
        let subject = self.subject(calibrated, count, &tick);
        let cached = &mut *cached;
        let Cached { originals, simulations, traced, .. } = cached;
        let same = |sample: usize| traced.get(sample).map_or(0, |traced| traced.leading(calibrated));
        let found = Arc::new(analysis::graphwise(&subject, nodes, originals, simulations, &same)?);
        if !nodes.is_empty() {
            let now = Arc::new(Traced { reference: calibrated.reference, keys: calibrated.keys.clone() });
            traced.splice(..count.min(traced.len()), std::iter::repeat_n(now, count));
        }
        cached.graphwise.insert(key, found.clone());
        Ok(found)
    }

    /// Returns what values lose by the range of their integers.
    pub fn clipping(&self, calibrated: &Calibrated, ports: &[(ValueId, Port)], count: usize) -> Result<Vec<Clipping>> {
        let mut cached = self.cached();
        let key = |(value, port): &(ValueId, Port)| {
            let mut parts = KeyBuilder::new("clipping");
            parts.number(count).key(&calibrated.reference).number(value.0).text(&format!("{port:?}")).finish()
        };
        let keys: Vec<Key> = ports.iter().map(key).collect();
        let missing = |(_, key): &(&(ValueId, Port), &Key)| !cached.clipping.contains_key(*key);
        let (wanted, new): (Vec<(ValueId, Port)>, Vec<Key>) =
            ports.iter().zip(&keys).filter(missing).map(|(port, key)| (port.clone(), *key)).unzip();
        if !wanted.is_empty() {
            let subject = self.subject(calibrated, count, &|| Ok(()));
            let found = analysis::clipping(&subject, &wanted, &cached.originals)?;
            cached.clipping.extend(new.into_iter().zip(found));
        }
        Ok(keys.iter().filter_map(|key| cached.clipping.get(key).copied()).collect())
    }

    /// Computes the errors of the outputs, and of `layer` alone, with the settings of a plan.
    pub(super) fn effect(
        &self,
        plan: &Plan,
        layer: Option<NodeId>,
        count: usize,
        progress: &dyn Progress,
    ) -> Result<Effect> {
        let key = KeyBuilder::new("effect")
            .number(count)
            .text(&format!("{:?} {:?} {:?} {layer:?}", plan.settings, plan.configs, plan.edited))
            .finish();
        if let Some(found) = self.cached().effects.get(&key) {
            return Ok(found.clone());
        }
        let calibrated = self.calibrate(plan, Keep::Nothing, progress)?;
        let outputs = self.graphwise(&calibrated, &[], count, progress)?.outputs.clone();
        let alone = layer.map(|layer| self.alone(&calibrated, layer, count, progress)).transpose()?.flatten();
        let effect = Effect { outputs, alone };
        self.cached().effects.insert(key, effect.clone());
        Ok(effect)
    }

    /// Computes the error of one layer of a trial alone.
    fn alone(
        &self,
        calibrated: &Calibrated,
        layer: NodeId,
        count: usize,
        progress: &dyn Progress,
    ) -> Result<Option<ErrorFigures>> {
        let tick = || progress.check();
        let subject = self.subject(calibrated, count, &tick);
        let found = analysis::layerwise(&subject, &[layer], &self.cached().originals)?;
        Ok(found.first().copied())
    }

    /// Computes the error of each of `nodes` alone; nodes whose quantization was already measured are not run. If more than
    /// `most` are left, none is, and they have no figures.
    pub fn layerwise(
        &self,
        calibrated: &Calibrated,
        nodes: &[NodeId],
        count: usize,
        most: usize,
        progress: &dyn Progress,
    ) -> Result<Vec<Option<ErrorFigures>>> {
        let mut cached = self.cached();
        let key = |node: NodeId| {
            KeyBuilder::new("layerwise").number(count).key(&calibrated.reference).key(&calibrated.keys[node.0]).finish()
        };
        let keys: Vec<Key> = nodes.iter().map(|&node| key(node)).collect();
        let missing = |(_, key): &(&NodeId, &Key)| !cached.layerwise.contains_key(*key);
        let (wanted, new): (Vec<NodeId>, Vec<Key>) = nodes.iter().zip(&keys).filter(missing).unzip();
        if !wanted.is_empty() && wanted.len() <= most {
            progress.begin(Stage::Layerwise, count * wanted.len());
            let tick = || progress.tick();
            let subject = self.subject(calibrated, count, &tick);
            let found = analysis::layerwise(&subject, &wanted, &cached.originals)?;
            cached.layerwise.extend(new.into_iter().zip(found));
        }
        Ok(keys.iter().map(|key| cached.layerwise.get(key).copied()).collect())
    }

    /// Estimates the error of each of `nodes` alone, before the Softmax or Sigmoid at the end.
    pub fn estimates(
        &self,
        calibrated: &Calibrated,
        nodes: &[NodeId],
        count: usize,
        progress: &dyn Progress,
    ) -> Result<Arc<Vec<Option<f64>>>> {
        let count = count.min(analysis::ESTIMATED);
        let key = figures_key("estimates", calibrated, nodes, count);
        if let Some(found) = self.cached().estimates.get(&key) {
            return Ok(found.clone());
        }
        progress.begin(Stage::Estimates, count);
        let tick = || progress.tick();
        let found = Arc::new(analysis::estimates(&self.subject(calibrated, count, &tick), nodes)?);
        self.cached().estimates.insert(key, found.clone());
        Ok(found)
    }

    /// Returns the programs and samples that figures are measured with.
    pub(super) fn subject<'a>(&'a self, calibrated: &'a Calibrated, count: usize, tick: Tick<'a>) -> Subject<'a> {
        let quantized = &calibrated.quantized;
        let graph = &quantized.plan().graph;
        let Float { original, equivalent } = &calibrated.float;
        let simulated = &*calibrated.simulated;
        let (samples, detector) = (&self.analysis, self.model.detector.as_ref());
        Subject { graph, quantized, original, float: equivalent, simulated, samples, count, detector, tick }
    }
}
