//! Fixes that are measured before they are offered.

use crate::analysis::{Error as Figures, Report, constant_bytes, enough};
use crate::espdl::support;
use crate::exec::Samples as _;
use crate::graph::{Graph, NodeId};
use crate::lint::{Trial, Trials, is_over};
use crate::quant::{Plan, Scheme};
use crate::{Result, error::Error};

use super::analyze::Measurement;
use super::export;
use super::progress::{Inside, Stage};

/// No more layers over the limit are tried one by one; a model with more of them needs another answer.
const LAYERS: usize = 16;

impl Measurement<'_> {
    /// Tries int16 for each layer that is over its limit, and looks for the smallest set where an output is.
    pub fn trials(&self, report: &Report) -> Result<Trials> {
        let config = &self.project.config;
        let over = |limit: f64| move |e: &Figures| is_over(e.nsr, limit);
        let narrow = candidates(report);
        let layers: Vec<&str> =
            narrow.iter().filter(|(_, e)| over(config.layer_limit())(e)).map(|(name, _)| *name).take(LAYERS).collect();
        let searched = report.outputs.iter().any(|o| is_over(o.error.nsr, config.output_limit()));
        let mut trials = Trials { searched, ..Trials::default() };
        if layers.is_empty() && !searched {
            return Ok(trials);
        }
        self.progress.begin(Stage::Trials, layers.len());
        for layer in layers {
            match self.trial(report, &[layer]) {
                Ok(trial) => trials.layers.push((layer.to_string(), trial)),
                Err(error) if error.is_cancelled() => return Err(error),
                // A layer that cannot be had at int16 has no fix; its finding stands without.
                Err(_) => {}
            }
            self.progress.tick()?;
        }
        if searched {
            let mut measure = |set: &[usize]| {
                let layers: Vec<&str> = set.iter().filter_map(|&l| narrow.get(l).map(|(name, _)| *name)).collect();
                match self.trial(report, &layers) {
                    Err(error) if error.is_cancelled() => Err(error),
                    // What cannot be had is not enough.
                    outcome => Ok(outcome.map_or(f64::NAN, |trial| trial.after)),
                }
            };
            if let Some(found) = enough(narrow.len(), config.output_limit(), &mut measure)? {
                let layers: Vec<&str> = found.layers.iter().filter_map(|&l| narrow.get(l).map(|(n, _)| *n)).collect();
                trials.outputs = Some(self.trial(report, &layers)?);
            }
        }
        Ok(trials)
    }

    /// The project with these layers, and the activations fused into them, at int16.
    fn trial(&self, report: &Report, layers: &[&str]) -> Result<Trial> {
        let graph = &self.session.model.simplified.graph;
        let layers = with_activations(graph, layers);
        let mut settings = self.plan.settings.clone();
        settings.layer_schemes.extend(layers.iter().map(|layer| (layer.clone(), Scheme::Int16)));
        let plan = export::plan(self.project, graph, &settings)?;
        let count = self.project.config.analysis_samples().min(self.session.samples.len());
        let outputs = self.session.outputs(&plan, count, &Inside(self.progress))?;
        Ok(Trial {
            layers,
            before: worst(report.outputs.iter().map(|o| o.error.nsr)),
            after: worst(outputs.iter().map(|e| e.nsr)),
            flash: flash(&plan, self.plan)?,
        })
    }
}

/// 8-bit layers that have an error of their own and a 16-bit kernel, the worst first.
fn candidates(report: &Report) -> Vec<(&str, Figures)> {
    let wide = |op: &str| support::operator(op).is_some_and(|s| s.runs(Scheme::Int16));
    let narrow = report.layers.iter().filter(|l| l.scheme == Scheme::Int8 && wide(&l.op));
    let mut candidates: Vec<(&str, Figures)> = narrow.filter_map(|l| Some((l.name.as_str(), l.layerwise?))).collect();
    candidates.sort_by(|a, b| b.1.nsr.total_cmp(&a.1.nsr));
    candidates
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

fn must_be_named(graph: &Graph, layer: NodeId, reader: NodeId) -> bool {
    let follows = matches!(graph.node(layer).op.as_str(), "Conv" | "Gemm" | "MatMul");
    match graph.node(reader).op.as_str() {
        "Clip" => true,
        "Relu" => !follows,
        _ => false,
    }
}

fn worst(errors: impl Iterator<Item = f64>) -> f64 {
    errors.fold(0.0, |worst, e| if e.is_nan() || worst.is_nan() { f64::NAN } else { worst.max(e) })
}

fn flash(new: &Plan, old: &Plan) -> Result<i64> {
    let bytes = |plan| i64::try_from(constant_bytes(plan)).map_err(|_| Error::new("the weights exceed all memory"));
    Ok(bytes(new)? - bytes(old)?)
}
