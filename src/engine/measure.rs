//! Figures of a plan over the samples of a session.

use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Instant;

use crate::Result;
use crate::analysis::{
    self, Before, ErrorFigures, Graphwise, Layer, LayerPort, OutputError, Report, Saturation, Seconds,
};
use crate::cost::Totals;
use crate::exec::Samples as _;
use crate::graph::{NodeId, ValueId};
use crate::ops::Role;
use crate::order;
use crate::quant::{Plan, Port, Quantized, Wide};
use crate::simplify::LayerNames;

use super::calibrated::Calibrated;
use super::opened::Opened;
use super::progress::PartOf;
use super::session::Session;
use super::{Progress, Stage, joints};

/// Layers whose error alone is measured; that of the others is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layerwise {
    /// All layers are measured.
    All,
    /// Layers that may exceed their limit are measured.
    NearLimit,
    /// Layers that were measured before have figures, and the others if they are few; nothing is estimated.
    Known,
    /// Layers that were measured before have figures.
    Earlier,
    /// All layers are estimated.
    None,
}

/// Factor by which an estimate is below the limit of a layer that certainly keeps it. Measured errors exceeded their estimates by up to
/// 20 where the signs of few samples met a Softmax (`cargo bench --bench estimates`).
const CERTAIN: f64 = 200.0;

/// Cost of the samples that are measured first, in multiplications: a twentieth of a second on two cores.
const FIRST: u128 = 1 << 31;

/// Least number of samples that are measured first.
const LEAST: usize = 2;

/// Number of layers whose loss by saturation is measured.
const SATURATED: usize = 8;

/// Number of layers that an edit changes: the edited one, and those that share scales with it.
const FEW: usize = 8;

/// Number of layers that are measured as quickly as all are estimated: estimates take some seven passes for each of 8 samples, and a
/// layer takes half of one for each of 9.
const AS_QUICK: usize = 12;

/// Number of layers of which estimates spare no time where those near their limit are measured, too: half of them, or more.
const NEARLY_AS_QUICK: usize = 64;

/// Plan to measure over the samples of a session.
pub(super) struct Measurement<'a> {
    pub opened: &'a Opened,
    pub session: &'a Session,
    pub plan: &'a Plan,
    pub progress: &'a dyn Progress,
    /// Number of samples for the figures, from the first.
    pub count: usize,
    /// Cost of the plan's file, which trials are compared with; counted once.
    pub cost: OnceLock<Option<Totals>>,
}

impl<'a> Measurement<'a> {
    pub fn of(opened: &'a Opened, session: &'a Session, plan: &'a Plan, progress: &'a dyn Progress) -> Measurement<'a> {
        let count = session.count(opened.project());
        Measurement { opened, session, plan, progress, count, cost: OnceLock::new() }
    }

    /// Passes on the report with the scales of the last calibration, if only precisions have changed since: first over a few samples,
    /// if all take long. Returns `false` if most scales were never observed.
    pub fn recalled(&self, publish: &mut dyn FnMut(Report) -> Result<()>) -> Result<bool> {
        let Some(calibrated) = self.session.recall(self.plan, Wide::Observed, self.progress)? else {
            return Ok(false);
        };
        if let Some(count) = first(self.session.cost(&calibrated), self.count) {
            let first = Measurement { count, ..Measurement::of(self.opened, self.session, self.plan, self.progress) };
            publish(first.report(&calibrated, false, Layerwise::Earlier, Seconds::default())?)?;
        }
        publish(self.report(&calibrated, false, Layerwise::Known, Seconds::default())?)?;
        Ok(true)
    }

    /// Computes both error tables; `seconds` contains the times of earlier stages.
    pub fn report(
        &self,
        calibrated: &Calibrated,
        statistics: bool,
        alone: Layerwise,
        mut seconds: Seconds,
    ) -> Result<Report> {
        let &Measurement { opened, session, progress, .. } = self;
        let quantized = &calibrated.quantized;
        let graph = &quantized.plan().graph;
        let count = self.count;

        let computing = calibrated.nodes(|role| role == Role::Computing);
        let graphwise = timed(&mut seconds.graphwise, || session.graphwise(calibrated, &computing, count, progress))?;
        let outputs = outputs(quantized, &computing, &graphwise);
        let mut layers: Vec<Layer> =
            graph.node_ids().map(|node| layer(quantized, &session.model.simplified.names, node)).collect();
        for (node, &graphwise) in computing.iter().zip(&graphwise.layers) {
            layers[node.0].graphwise = Some(graphwise);
        }
        timed(&mut seconds.layerwise, || self.alone(calibrated, &computing, alone, &outputs, &mut layers))?;
        let narrowed = quantized.narrowed();
        let ports: Vec<(ValueId, Port)> = narrowed.iter().map(|n| (n.value, n.port.clone())).collect();
        for (place, clipping) in narrowed.iter().zip(session.clipping(calibrated, &ports, count)?) {
            if let Some(port) = layers[place.node.0].inputs.get_mut(place.input).and_then(Option::as_mut) {
                port.clipping = Some(clipping);
            }
        }
        let saturation = self.saturation(calibrated, &outputs, &layers)?;
        if statistics {
            timed(&mut seconds.statistics, || self.statistics(calibrated, count, &mut layers))?;
        }

        let notes = session.notes(quantized);
        Ok(Report {
            model: opened.model_name(),
            settings: quantized.plan().settings.clone(),
            calibration_samples: session.calibration.len(),
            analysis_samples: count,
            layers,
            outputs,
            joints: joints::with_outputs(graph, &graphwise.joints),
            saturation,
            detection: graphwise.boxes,
            observers: None,
            notes,
            seconds,
            on_chip: None,
            accuracy: None,
        })
    }

    /// Returns the errors of the outputs, in which no layer alone takes part.
    pub fn outputs(&self, calibrated: &Calibrated) -> Result<Vec<OutputError>> {
        let computing = calibrated.nodes(|role| role == Role::Computing);
        let graphwise = self.session.graphwise(calibrated, &computing, self.count, self.progress)?;
        Ok(outputs(&calibrated.quantized, &computing, &graphwise))
    }

    /// Returns the losses by saturation of the model's inputs and of the layers with the largest errors, if an output is over its
    /// limit.
    fn saturation(
        &self,
        calibrated: &Calibrated,
        outputs: &[OutputError],
        layers: &[Layer],
    ) -> Result<Vec<Saturation>> {
        let limit = self.opened.project().config.output_limit();
        if !outputs.iter().any(|output| output.is_over(limit)) {
            return Ok(Vec::new());
        }
        let graph = &calibrated.quantized.plan().graph;
        // A layer that a following activation rounds has no range of its own.
        let is_rounded = |node: NodeId| {
            let simulated = calibrated.simulation.get(node.0).and_then(Option::as_ref);
            simulated.is_some_and(|simulated| simulated.outputs.first().is_some_and(Option::is_some))
        };
        let mut worst: Vec<(NodeId, f64)> =
            graph.node_ids().filter_map(|node| Some((node, layers[node.0].graphwise?.nsr))).collect();
        worst.retain(|&(node, nsr)| nsr > limit && is_rounded(node));
        order::sort_by(&mut worst, |a, b| b.1.total_cmp(&a.1));
        worst.truncate(SATURATED);
        let of_layers = worst.iter().filter_map(|&(node, _)| {
            let value = graph.node(node).outputs.first().copied().flatten()?;
            Some((node, value, layers[node.0].outputs.first()?.as_ref()?.port.clone()))
        });
        let of_inputs = graph.inputs.iter().filter_map(|&value| {
            let reads =
                |node: NodeId| Some((node, graph.node(node).inputs.iter().position(|&input| input == Some(value))?));
            let (node, port) = graph.node_ids().find_map(reads)?;
            Some((node, value, layers[node.0].inputs.get(port)?.as_ref()?.port.clone()))
        });
        let places: Vec<(NodeId, ValueId, Port)> = of_inputs.chain(of_layers).collect();
        let ports: Vec<(ValueId, Port)> = places.iter().map(|(_, value, port)| (*value, port.clone())).collect();
        let clipped = self.session.clipping(calibrated, &ports, self.count)?;
        let found = places.into_iter().zip(clipped).map(|((node, value, port), clipping)| Saturation {
            layer: layers[node.0].name.clone(),
            input: graph.inputs.contains(&value).then(|| graph.value(value).name.clone()),
            end: port.range().1,
            clipping,
        });
        Ok(found.filter(|found| found.clipping.nsr > 0.0).collect())
    }

    /// Measures or estimates the errors of layers alone. Estimates are of the values that decide the outputs; they become those of the
    /// outputs by the ratio of the errors with all layers quantized.
    fn alone(
        &self,
        calibrated: &Calibrated,
        computing: &[NodeId],
        alone: Layerwise,
        outputs: &[OutputError],
        layers: &mut [Layer],
    ) -> Result<()> {
        let session = self.session;
        // Figures of earlier edits are those of all samples.
        let count = if alone == Layerwise::Earlier { session.count(self.opened.project()) } else { self.count };
        let most = match alone {
            Layerwise::Earlier => 0,
            Layerwise::All => usize::MAX,
            Layerwise::Known => FEW,
            Layerwise::NearLimit => NEARLY_AS_QUICK,
            Layerwise::None => AS_QUICK,
        };
        let known = session.layerwise(calibrated, computing, count, most, self.progress)?;
        for (node, figures) in computing.iter().zip(&known) {
            layers[node.0].layerwise = *figures;
        }
        if matches!(alone, Layerwise::Known | Layerwise::Earlier) || known.iter().all(Option::is_some) {
            return Ok(());
        }
        let estimates = session.estimates(calibrated, computing, count, self.progress)?;
        let ratio = ratio(outputs);
        for (node, estimate) in computing.iter().zip(estimates.iter()) {
            let layer = &mut layers[node.0];
            let estimate = estimate.map(|nsr| nsr * ratio).filter(|nsr| nsr.is_finite() && *nsr > 0.0);
            layer.estimate = estimate.filter(|_| layer.layerwise.is_none());
        }
        if alone == Layerwise::None {
            return Ok(());
        }
        let config = &self.opened.named().config;
        let is_certain = |layer: &Layer| layer.estimate.is_some_and(|nsr| nsr * CERTAIN < config.limit_of(&layer.name));
        let is_wanted = |node: &&NodeId| layers[node.0].layerwise.is_none() && !is_certain(&layers[node.0]);
        let wanted: Vec<NodeId> = computing.iter().filter(is_wanted).copied().collect();
        for (node, figures) in
            wanted.iter().zip(session.layerwise(calibrated, &wanted, count, usize::MAX, self.progress)?)
        {
            (layers[node.0].layerwise, layers[node.0].estimate) = (figures, None);
        }
        Ok(())
    }

    /// Measures the layers of a report that are only estimated, the worst first, and passes on the report after each part.
    pub fn complete(&self, calibrated: &Calibrated, report: &Report, part: &mut dyn FnMut(Arc<Report>)) -> Result<()> {
        let mut report = report.clone();
        let mut left = calibrated.nodes(|role| role == Role::Computing);
        left.retain(|node| report.layers[node.0].layerwise.is_none());
        // A layer without an estimate may be the worst.
        let nsr = |node: &NodeId| report.layers[node.0].estimate.unwrap_or(f64::INFINITY);
        order::sort_by(&mut left, |a, b| nsr(b).total_cmp(&nsr(a)));
        let count = self.count;
        self.progress.begin(Stage::Layerwise, count * left.len());
        // Each part runs the samples in float again that are not kept, so parts grow.
        let mut size = FEW;
        while !left.is_empty() {
            let rest = left.split_off(size.min(left.len()));
            let nodes = std::mem::replace(&mut left, rest);
            size *= 2;
            let measured = self.session.layerwise(calibrated, &nodes, count, usize::MAX, &PartOf(self.progress))?;
            for (node, figures) in nodes.iter().zip(measured) {
                let layer = &mut report.layers[node.0];
                (layer.layerwise, layer.estimate) = (figures, None);
            }
            part(Arc::new(report.clone()));
        }
        Ok(())
    }

    fn statistics(&self, calibrated: &Calibrated, count: usize, layers: &mut [Layer]) -> Result<()> {
        let active = calibrated.nodes(|role| role != Role::Passive);
        let quantizers: Vec<_> = active.iter().map(|&node| calibrated.quantized.output_quantizer(node)).collect();
        self.progress.begin(Stage::Statistics, 2 * count);
        let tick = || self.progress.tick();
        let subject = self.session.subject(calibrated, count, &tick);
        let found = analysis::statistics(&subject, &active, &quantizers)?;
        for (node, statistics) in active.iter().zip(found) {
            layers[node.0].statistics = statistics;
        }
        Ok(())
    }
}

/// Returns the number of samples that are measured first, of `count` that cost so many multiplications each; `None` if all of them are
/// measured nearly as quickly.
fn first(cost: u128, count: usize) -> Option<usize> {
    let first = FIRST.checked_div(cost).map_or(usize::MAX, |first| usize::try_from(first).unwrap_or(usize::MAX));
    Some(first.max(LEAST)).filter(|first| *first <= count / 2)
}

/// Returns the error of the outputs in units of that of the values that decide them.
fn ratio(outputs: &[OutputError]) -> f64 {
    let sum = |of: fn(&OutputError) -> f64| outputs.iter().filter(|output| output.is_judged()).map(of).sum::<f64>();
    let (after, before) = (sum(|output| output.error.nsr), sum(|output| output.decisive().mean));
    if before > 0.0 && after.is_finite() { after / before } else { 1.0 }
}

/// Runs work and measures its time.
pub(super) fn timed<T>(seconds: &mut f64, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    *seconds = start.elapsed().as_secs_f64();
    done
}

/// Returns the errors of the outputs, with those before a Softmax or Sigmoid at the end; `figures` are of `nodes`.
fn outputs(quantized: &Quantized, nodes: &[NodeId], figures: &Graphwise) -> Vec<OutputError> {
    let graph = &quantized.plan().graph;
    let producers = graph.producers();
    let before = |output: ValueId, decisive: ValueId| {
        let ((end, _), (node, _)) = (producers[output.0]?, producers[decisive.0].filter(|_| decisive != output)?);
        let at = nodes.iter().position(|&measured| measured == node)?;
        Some(Before {
            layer: graph.node(node).name.clone(),
            op: graph.node(end).op.clone(),
            error: figures.layers[at],
            standard_error: figures.layer_spread[at],
        })
    };
    let decisive = analysis::decisive(&quantized.plan().original);
    let each = graph.outputs.iter().zip(decisive).zip(figures.outputs.iter().zip(&figures.output_spread));
    let output =
        |((&id, decisive), (&error, &standard_error)): ((&ValueId, ValueId), (&ErrorFigures, &f64))| OutputError {
            name: graph.value(id).name.clone(),
            error,
            standard_error,
            before: before(id, decisive),
            equal: graph.value(id).data_type.is_some_and(analysis::is_place).then_some(1.0 - error.nsr),
            agreement: None,
        };
    let mut outputs: Vec<OutputError> = each.map(output).collect();
    for ((output, &id), &agreement) in outputs.iter_mut().zip(&graph.outputs).zip(&figures.agreement) {
        output.agreement = agreement.filter(|_| analysis::is_classifier(graph, &producers, id));
    }
    outputs
}

fn layer(quantized: &Quantized, names: &LayerNames, node: NodeId) -> Layer {
    let (inputs, outputs) = quantized.ports(node);
    let graph = &quantized.plan().graph;
    let n = graph.node(node);
    let named = |ports: Vec<Option<Port>>, values: &[Option<ValueId>]| {
        let name = |value: Option<ValueId>| value.map(|v| graph.value(v).name.clone()).unwrap_or_default();
        ports
            .into_iter()
            .zip(values)
            .map(|(port, &value)| Some(LayerPort { name: name(value), port: port?, clipping: None }))
            .collect()
    };
    Layer {
        name: n.name.clone(),
        module: names.module(&n.name).map(str::to_string),
        op: n.op.clone(),
        scheme: quantized.plan().scheme(node),
        graphwise: None,
        layerwise: None,
        estimate: None,
        inputs: named(inputs, &n.inputs),
        outputs: named(outputs, &n.outputs),
        statistics: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_samples_take_a_part_of_the_time() {
        assert_eq!(first(FIRST / 8, 32), Some(8));
        assert_eq!(first(FIRST, 12), Some(LEAST));
        assert_eq!(first(u128::MAX, 2 * LEAST), Some(LEAST));
        // All take as long as half of them.
        assert_eq!(first(FIRST / 8, 15), None);
        assert_eq!(first(FIRST, 2 * LEAST - 1), None);
        assert_eq!(first(0, 1000), None);
    }
}
