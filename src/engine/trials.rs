//! Fixes that are measured before they are offered.

use std::sync::Arc;

use crate::analysis::{ErrorFigures, LayerPort, Report, is_over};
use crate::chip::Scheme;
use crate::cost::{Change, Totals, constant_bytes};
use crate::graph::{Graph, NodeId};
use crate::lint::{Measure, Outcome, Trial, Trials, candidates};
use crate::ops::{self, Role};
use crate::quant::{Keep, Plan, Recipe, Settings, WIDEN, Wide};
use crate::{Result, error::Error};

use super::Progress;
use super::cancel::possible;
use super::content::{Key, KeyBuilder};
use super::cost::limits;
use super::measure::Measurement;
use super::opened::Opened;
use super::progress::{Inside, Stage};
use super::smallest::Smallest;

/// Maximum number of layers over the limit that are tried one by one; models with more need another solution.
const LAYERS: usize = 8;

impl Opened {
    /// Measures a pending fix and returns it with its effect in the title, or a message that says why there is none.
    pub fn resolve(&self, measure: &Measure, progress: &dyn Progress) -> Result<Outcome> {
        let report = self.judged(progress)?;
        let (session, plan) = (self.session()?, self.settled_plan(progress)?);
        let measurement = Measurement::of(self, &session, &plan, progress);
        let trial = measurement.measure(&report, measure)?;
        self.engine.save(&session);
        Ok(measure.outcome(self.project(), trial.as_ref()))
    }

    /// Returns the measured fixes, from memory if nothing has changed.
    pub(super) fn trials(&self, search: bool, progress: &dyn Progress) -> Result<Arc<Trials>> {
        let key = self.trials_key(search)?;
        if let Some(trials) = self.engine.kept(&self.engine.trials, &key) {
            return Ok(trials);
        }
        let (report, session, plan) = (self.judged(progress)?, self.session()?, self.settled_plan(progress)?);
        let measurement = Measurement::of(self, &session, &plan, progress);
        let trials = measurement.trials(&report, search)?;
        self.engine.save(&session);
        Ok(self.engine.keep(&self.engine.trials, key, trials))
    }

    /// Returns the measured fixes if a linter or an editor has tried them on the project as it is.
    pub fn known_trials(&self) -> Option<Arc<Trials>> {
        let kept = |search| self.engine.kept(&self.engine.trials, &self.trials_key(search).ok()?);
        kept(true).or_else(|| kept(false))
    }

    fn trials_key(&self, search: bool) -> Result<Key> {
        let named = self.named();
        let mut parts = KeyBuilder::new("trials");
        parts.key(&self.report_key(&self.known_settings()?, false)?).number(search.into());
        // The cost of a fix is that of the file on the board.
        parts.text(&format!("{:?} {:?} {:?}", named.config.limits, named.config.export, self.machine().ok()));
        Ok(parts.finish())
    }
}

impl Measurement<'_> {
    /// Tries int16 for each layer over its limit, and for all of them. With `search`, also searches the smallest set
    /// for an output over its limit.
    pub fn trials(&self, report: &Report, search: bool) -> Result<Trials> {
        let named = self.opened.named();
        let config = &named.config;
        let narrow = candidates(report);
        let over: Vec<&str> = narrow
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| is_measured_over(report, name, config.limit_of(name)))
            .collect();
        let searched = search && report.outputs.iter().any(|o| o.is_over(config.output_limit()));
        let mut trials = Trials { searched, ..Trials::default() };
        trials.widened = self.widen(report)?;
        trials.undone = self.undone(report)?;
        trials.joints = self.joints(report)?;
        if over.is_empty() && !searched {
            return Ok(trials);
        }
        let alone = &over[..over.len().min(LAYERS)];
        self.progress.begin(Stage::Trials, alone.len() + usize::from(over.len() > 1));
        for layer in alone {
            let trial = possible(self.alone_at(report, layer, Scheme::Int16))?;
            self.progress.tick()?;
            trials.layers.push(((*layer).to_string(), trial));
        }
        if over.len() > 1 {
            trials.all = possible(self.trial(report, &over, Scheme::Int16))?;
            self.progress.tick()?;
        }
        if searched {
            let Smallest { taken, refused, tried } = self.smallest(report, &narrow)?;
            let alone = trials.layers.iter().filter_map(|(_, trial)| trial.as_ref());
            let measured = alone.chain(&trials.all).chain(&taken).chain(&refused).collect();
            trials.trade_offs = self.trade_offs(report, &narrow, tried, measured)?;
            (trials.outputs, trials.refused) = (taken, refused);
        }
        Ok(trials)
    }

    fn measure(&self, report: &Report, measure: &Measure) -> Result<Option<Trial>> {
        match measure {
            Measure::Layer { name, scheme } => self.alone_at(report, name, *scheme).map(Some),
            Measure::LayersOverLimit { names } => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                self.trial(report, &names, Scheme::Int16).map(Some)
            }
            Measure::Widen => self.widen(report),
            Measure::Joint { name } => self.joint(report, name),
            Measure::SmallestSet => {
                let Smallest { taken, refused, .. } = self.smallest(report, &candidates(report))?;
                Ok(taken.or(refused))
            }
        }
    }

    /// Tries wider scales for layers whose inputs are cut off: alone, and with int16 for these layers and those that compute
    /// their inputs, which costs flash and is taken if it has less than half of the error.
    fn widen(&self, report: &Report) -> Result<Option<Trial>> {
        let config = &self.opened.named().config;
        let is_cut = |port: &LayerPort, limit| port.clipping.is_some_and(|clipping| is_over(clipping.nsr, limit));
        let sums = report.layers.iter().filter(|layer| {
            let limit = config.limit_of(&layer.name);
            layer.inputs.iter().flatten().any(|port| is_cut(port, limit))
        });
        let sums: Vec<&str> = sums.map(|layer| layer.name.as_str()).collect();
        if sums.is_empty() {
            return Ok(None);
        }
        let mut settings = self.plan.settings.clone();
        settings.recipe = settings.recipe.with(WIDEN);
        let alone = self.attempt(report, &settings, Vec::new())?;
        let layers = with_sources(&self.plan.graph, &sums);
        settings.layer_schemes.extend(layers.iter().map(|layer| (layer.clone(), Scheme::Int16)));
        let wide = self.attempt(report, &settings, layers)?;
        Ok(match (alone, wide) {
            (Some(alone), Some(wide)) if wide.after < alone.after / 2.0 => Some(wide),
            (alone, wide) => alone.or(wide),
        })
    }

    /// Tries settings; where they are not possible, there is no fix.
    fn attempt(&self, report: &Report, settings: &Settings, layers: Vec<String>) -> Result<Option<Trial>> {
        let plan = self.opened.plan_of(settings);
        possible(plan.and_then(|plan| self.trial_of(report, &plan, layers, Scheme::Int16)))
    }

    /// Measures the project as [`Measurement::trial`] does with one layer, and whether that layer stays over its limit.
    fn alone_at(&self, report: &Report, layer: &str, scheme: Scheme) -> Result<Trial> {
        let layers = self.widened(&[layer], scheme);
        let plan = self.plan_with(&layers, scheme)?;
        // Back at int8, a layer may be as far over its limit as it is.
        let is_judged = |&node: &NodeId| scheme == Scheme::Int16 && plan.graph.node(node).name == layer;
        let node = plan.graph.node_ids().find(is_judged);
        let effect = self.session.effect(&plan, node, self.count, &Inside(self.progress))?;
        let limit = self.opened.named().config.limit_of(layer);
        let stays = effect.alone.map(|error| error.nsr).filter(|nsr| is_over(*nsr, limit));
        Ok(Trial { stays, ..self.effect_of(report, &plan, layers, scheme, &effect.outputs)? })
    }

    /// Measures the project with these layers, and the activations fused into them, at another precision.
    pub(super) fn trial(&self, report: &Report, layers: &[&str], scheme: Scheme) -> Result<Trial> {
        let layers = self.widened(layers, scheme);
        self.trial_of(report, &self.plan_with(&layers, scheme)?, layers, scheme)
    }

    /// Measures a plan that differs from the project's by the precision of layers, and by passes.
    fn trial_of(&self, report: &Report, plan: &Plan, layers: Vec<String>, scheme: Scheme) -> Result<Trial> {
        let effect = self.session.effect(plan, None, self.count, &Inside(self.progress))?;
        self.effect_of(report, plan, layers, scheme, &effect.outputs)
    }

    /// Returns the trial of a plan with these errors of the outputs.
    fn effect_of(
        &self,
        report: &Report,
        plan: &Plan,
        layers: Vec<String>,
        scheme: Scheme,
        outputs: &[ErrorFigures],
    ) -> Result<Trial> {
        let after = worst(judged(report, outputs).map(|(_, after)| after));
        self.counted(report, plan, layers, scheme, after, false)
    }

    /// Returns layers at int16 whose error was guessed; their cost, too, is that of guessed scales.
    pub(super) fn guessed_trial(&self, report: &Report, layers: &[&str], after: f64) -> Result<Trial> {
        let layers = self.widened(layers, Scheme::Int16);
        let plan = self.plan_with(&layers, Scheme::Int16)?;
        self.counted(report, &plan, layers, Scheme::Int16, after, true)
    }

    /// Adds the cost of a plan to its error.
    fn counted(
        &self,
        report: &Report,
        plan: &Plan,
        layers: Vec<String>,
        scheme: Scheme,
        after: f64,
        is_estimate: bool,
    ) -> Result<Trial> {
        let cost = self.change(plan, !is_estimate)?;
        let before = report.outputs.iter().filter(|output| output.is_judged()).map(|output| output.error.nsr);
        Ok(Trial {
            layers,
            scheme,
            before: worst(before),
            after,
            is_estimate,
            stays: None,
            flash: cost.map_or_else(|| flash(plan, self.plan), |cost| Ok(cost.flash_bytes()))?,
            latency: cost.and_then(|cost| cost.microseconds()),
            cost,
            breaks: cost.map(|cost| limits(self.opened.project()).broken(&cost)).unwrap_or_default(),
        })
    }

    /// Returns what a plan costs more than the project's, for comparisons; `None` if it breaks a limit. Scales are guessed where
    /// they are not known. Where the file has no form, only weights are counted.
    pub(super) fn price(&self, plan: &Plan) -> Result<Option<f64>> {
        let limits = limits(self.opened.project());
        Ok(match self.change(plan, false)? {
            Some(change) => limits.broken(&change).is_empty().then(|| limits.price(&change)),
            None => Some(flash(plan, self.plan)? as f64),
        })
    }

    /// Returns the cost of a plan's file beside that of the project's.
    pub(super) fn change(&self, plan: &Plan, is_exact: bool) -> Result<Option<Change>> {
        let before = match self.cost.get() {
            Some(known) => *known,
            None => {
                let counted = self.totals(self.plan, true)?;
                *self.cost.get_or_init(|| counted)
            }
        };
        let after = self.totals(plan, is_exact)?;
        Ok(before.zip(after).map(|(before, after)| Change { before, after }))
    }

    /// Counts the file of a plan; `None` if it has no form. Scales decide where values change theirs: if not exact, guessed ones
    /// are taken, and in either case those without the passes that change weights.
    fn totals(&self, plan: &Plan, is_exact: bool) -> Result<Option<Totals>> {
        let progress = Inside(self.progress);
        let settings = Settings { recipe: Recipe::default(), ..plan.settings.clone() };
        let plain = if plan.settings.recipe.is_empty() { plan.clone() } else { self.opened.plan_of(&settings)? };
        let guessed = if is_exact { None } else { self.session.recall(&plain, Wide::Predicted, &progress)? };
        let calibrated = match guessed {
            Some(calibrated) => Some(calibrated),
            None => possible(self.session.calibrate(&plain, Keep::Nothing, &progress))?,
        };
        let totals = calibrated.map(|calibrated| self.opened.totals_of(&calibrated.quantized)).transpose()?;
        Ok(totals.flatten())
    }

    /// Returns the layers that change with these.
    pub(super) fn widened(&self, layers: &[&str], scheme: Scheme) -> Vec<String> {
        let mut layers = with_activations(&self.session.model.simplified.graph, layers);
        // When going back to int8, an activation follows its layer unless it has its own line.
        layers.retain(|layer| scheme == Scheme::Int16 || self.plan.settings.layer_schemes.contains_key(layer));
        layers
    }

    pub(super) fn plan_with(&self, layers: &[String], scheme: Scheme) -> Result<Plan> {
        let mut settings = self.plan.settings.clone();
        settings.layer_schemes.extend(layers.iter().map(|layer| (layer.clone(), scheme)));
        self.opened.plan_of(&settings)
    }
}

/// Returns `true` if the measured error of a layer exceeds its limit.
fn is_measured_over(report: &Report, name: &str, limit: f64) -> bool {
    report
        .layers
        .iter()
        .any(|layer| layer.name == name && layer.layerwise.is_some_and(|error| is_over(error.nsr, limit)))
}

/// Returns the errors of the outputs that have a limit, before and after a change.
pub(super) fn judged(report: &Report, after: &[ErrorFigures]) -> impl Iterator<Item = (f64, f64)> {
    let outputs = report.outputs.iter().zip(after).filter(|(output, _)| output.is_judged());
    outputs.map(|(output, after)| (output.error.nsr, after.nsr))
}

/// Adds the layers that compute the inputs of layers, through those that only move values.
fn with_sources(graph: &Graph, layers: &[&str]) -> Vec<String> {
    let producers = graph.producers();
    let mut wanted: Vec<NodeId> = graph.node_ids().filter(|&n| layers.contains(&graph.node(n).name.as_str())).collect();
    let mut at = 0;
    while let Some(&node) = wanted.get(at) {
        let is_named = layers.contains(&graph.node(node).name.as_str());
        if is_named || ops::find(&graph.node(node).op).is_some_and(|o| o.treatment.role == Role::Passive) {
            let sources = graph.node(node).inputs.iter().flatten().filter_map(|value| producers[value.0]);
            let new: Vec<NodeId> =
                sources.map(|(source, _)| source).filter(|source| !wanted.contains(source)).collect();
            wanted.extend(new);
        }
        at += 1;
    }
    let has_kernel = |node: &&NodeId| ops::on_chip(&graph.node(**node).op).is_some_and(|chip| chip.kernels.int16);
    wanted.iter().filter(has_kernel).map(|&node| graph.node(node).name.clone()).collect()
}

/// Adds activations: a Relu after Conv, Gemm or MatMul follows its layer; a Clip must be named.
fn with_activations(graph: &Graph, layers: &[&str]) -> Vec<String> {
    let consumers = graph.consumers();
    let mut all = Vec::new();
    for layer in layers {
        all.push((*layer).to_string());
        let Some(node) = graph.node_ids().find(|&n| graph.node(n).name == *layer) else { continue };
        let Some(Some(output)) = graph.node(node).outputs.first() else { continue };
        let Some(&[(reader, _)]) = consumers.get(output.0).map(Vec::as_slice) else { continue };
        if !graph.outputs.contains(output) && must_be_named(graph, node, reader) {
            all.push(graph.node(reader).name.clone());
        }
    }
    all
}

/// Returns `true` for an activation that its layer's kernel does not compute.
fn must_be_named(graph: &Graph, layer: NodeId, reader: NodeId) -> bool {
    let (layer, reader) = (&graph.node(layer).op, &graph.node(reader).op);
    let follows = ops::on_chip(layer).is_some_and(|chip| chip.fuses.contains(&reader.as_str()));
    !follows && ops::find(reader).is_some_and(|operator| operator.treatment.clamps)
}

pub(super) fn worst(errors: impl Iterator<Item = f64>) -> f64 {
    errors.fold(0.0, |worst, e| if e.is_nan() || worst.is_nan() { f64::NAN } else { worst.max(e) })
}

pub(super) fn flash(new: &Plan, old: &Plan) -> Result<i64> {
    Ok(bytes(constant_bytes(new))? - bytes(constant_bytes(old))?)
}

fn bytes(count: usize) -> Result<i64> {
    i64::try_from(count).map_err(|_| Error::new("the weights exceed the address space"))
}
