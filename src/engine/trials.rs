//! Fixes that are measured before they are offered.

use std::sync::Arc;

use crate::analysis::{Error as Figures, Report, enough, is_over};
use crate::chip::Scheme;
use crate::cost::constant_bytes;
use crate::graph::{Graph, NodeId};
use crate::lint::{Fix, Measure, Trial, Trials, candidates};
use crate::ops;
use crate::quant::Plan;
use crate::{Result, error::Error};

use super::Progress;
use super::content::KeyBuilder;
use super::measure::Measurement;
use super::opened::Opened;
use super::progress::{Inside, Stage};

/// No more layers over the limit are tried one by one; a model with more of them needs another answer.
const LAYERS: usize = 16;

impl Opened {
    /// Measures what a finding waits for and returns the fix, with its effect in the title; `None` where none helps.
    pub fn resolve(&self, measure: &Measure, progress: &dyn Progress) -> Result<Option<Fix>> {
        let report = self.measured(progress)?;
        let (session, plan) = (self.session()?, self.settled_plan(progress)?);
        let measurement = Measurement { opened: self, session: &session, plan: &plan, progress };
        let trial = measurement.measure(&report, measure)?;
        self.engine.save(&session);
        Ok(trial.and_then(|trial| measure.fix(self.project(), &trial)))
    }

    /// The fixes that are measured, from memory where nothing has changed.
    pub(super) fn trials(&self, search: bool, progress: &dyn Progress) -> Result<Arc<Trials>> {
        let config = &self.project().config;
        let mut parts = KeyBuilder::new("trials");
        parts.key(&self.report_key(&self.known_settings()?, false)?).number(search.into());
        parts.text(&format!("{:?} {:?}", config.layer_limit(), config.output_limit()));
        let key = parts.finish();
        if let Some(trials) = self.engine.trials.get(&key) {
            return Ok(trials);
        }
        let (report, session, plan) = (self.measured(progress)?, self.session()?, self.settled_plan(progress)?);
        let measurement = Measurement { opened: self, session: &session, plan: &plan, progress };
        let trials = measurement.trials(&report, search)?;
        self.engine.save(&session);
        Ok(self.engine.trials.keep(key, Arc::new(trials)))
    }
}

impl Measurement<'_> {
    /// Tries int16 for each layer that is over its limit, and for all of them; where `search`, looks for the smallest
    /// set for an output that is over its own.
    pub fn trials(&self, report: &Report, search: bool) -> Result<Trials> {
        let config = &self.opened.project().config;
        let over = |limit: f64| move |e: &Figures| is_over(e.nsr, limit);
        let narrow = candidates(report);
        let over: Vec<&str> =
            narrow.iter().filter(|(_, e)| over(config.layer_limit())(e)).map(|(name, _)| *name).collect();
        let searched = search && report.outputs.iter().any(|o| is_over(o.error.nsr, config.output_limit()));
        let mut trials = Trials { searched, ..Trials::default() };
        if over.is_empty() && !searched {
            return Ok(trials);
        }
        let alone = &over[..over.len().min(LAYERS)];
        self.progress.begin(Stage::Trials, alone.len() + usize::from(over.len() > 1));
        for layer in alone {
            let trial = self.possible(report, &[layer])?;
            trials.layers.push(((*layer).to_string(), trial));
        }
        if over.len() > 1 {
            trials.all = self.possible(report, &over)?;
        }
        if searched {
            trials.outputs = self.smallest(report, &narrow)?;
        }
        Ok(trials)
    }

    fn measure(&self, report: &Report, measure: &Measure) -> Result<Option<Trial>> {
        match measure {
            Measure::Layer { name, scheme } => self.trial(report, &[name], *scheme).map(Some),
            Measure::LayersOverLimit { names } => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                self.trial(report, &names, Scheme::Int16).map(Some)
            }
            Measure::SmallestSet => self.smallest(report, &candidates(report)),
        }
    }

    /// Layers that cannot be had at int16 have no fix; their findings stand without.
    fn possible(&self, report: &Report, layers: &[&str]) -> Result<Option<Trial>> {
        let trial = match self.trial(report, layers, Scheme::Int16) {
            Ok(trial) => Some(trial),
            Err(error) if error.is_cancelled() => return Err(error),
            Err(_) => None,
        };
        self.progress.tick()?;
        Ok(trial)
    }

    /// The smallest set that was found to bring all outputs under their limit.
    fn smallest(&self, report: &Report, narrow: &[(&str, Figures)]) -> Result<Option<Trial>> {
        let named =
            |set: &[usize]| set.iter().filter_map(|&l| narrow.get(l).map(|(name, _)| *name)).collect::<Vec<_>>();
        let mut measure = |set: &[usize]| match self.trial(report, &named(set), Scheme::Int16) {
            Err(error) if error.is_cancelled() => Err(error),
            // What cannot be had is not enough.
            outcome => Ok(outcome.map_or(f64::NAN, |trial| trial.after)),
        };
        let found = enough(narrow.len(), self.opened.project().config.output_limit(), &mut measure)?;
        found.map(|found| self.trial(report, &named(&found.layers), Scheme::Int16)).transpose()
    }

    /// The project with these layers, and the activations fused into them, at another precision.
    fn trial(&self, report: &Report, layers: &[&str], scheme: Scheme) -> Result<Trial> {
        let graph = &self.session.model.simplified.graph;
        let mut settings = self.plan.settings.clone();
        let mut layers = with_activations(graph, layers);
        // On the way back an activation follows its layer, unless it was named, too.
        layers.retain(|layer| scheme == Scheme::Int16 || settings.layer_schemes.contains_key(layer));
        settings.layer_schemes.extend(layers.iter().map(|layer| (layer.clone(), scheme)));
        let plan = self.opened.plan_of(&settings)?;
        let outputs = self.session.outputs(&plan, self.analysis_samples(), &Inside(self.progress))?;
        Ok(Trial {
            layers,
            scheme,
            before: worst(report.outputs.iter().map(|o| o.error.nsr)),
            after: worst(outputs.iter().map(|e| e.nsr)),
            flash: flash(&plan, self.plan)?,
        })
    }
}

/// A Relu behind Conv, Gemm or MatMul follows its layer by itself; a Clip has to be named.
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

/// An activation behind a layer that its kernel does not compute in its last pass.
fn must_be_named(graph: &Graph, layer: NodeId, reader: NodeId) -> bool {
    let (layer, reader) = (&graph.node(layer).op, &graph.node(reader).op);
    let follows = ops::on_chip(layer).is_some_and(|chip| chip.fuses.contains(&reader.as_str()));
    !follows && ops::find(reader).is_some_and(|operator| operator.treatment.clamps)
}

fn worst(errors: impl Iterator<Item = f64>) -> f64 {
    errors.fold(0.0, |worst, e| if e.is_nan() || worst.is_nan() { f64::NAN } else { worst.max(e) })
}

fn flash(new: &Plan, old: &Plan) -> Result<i64> {
    let bytes = |plan| i64::try_from(constant_bytes(plan)).map_err(|_| Error::new("the weights exceed all memory"));
    Ok(bytes(new)? - bytes(old)?)
}
