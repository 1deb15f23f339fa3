//! Figures of a plan over the samples of a session.

use std::cell::OnceCell;
use std::time::Instant;

use crate::Result;
use crate::analysis::{self, Before, ErrorFigures, Graphwise, Layer, LayerPort, OutputError, Report, Seconds};
use crate::cost::Totals;
use crate::exec::Samples as _;
use crate::graph::{NodeId, ValueId};
use crate::ops::Role;
use crate::quant::{Plan, Port, Quantized};
use crate::simplify::LayerNames;

use super::opened::Opened;
use super::session::{Calibrated, Session};
use super::{Progress, Stage};

/// Plan to measure over the samples of a session.
pub(super) struct Measurement<'a> {
    pub opened: &'a Opened,
    pub session: &'a Session,
    pub plan: &'a Plan,
    pub progress: &'a dyn Progress,
    /// Cost of the plan's file, which trials are compared with; counted once.
    pub cost: OnceCell<Option<Totals>>,
}

impl<'a> Measurement<'a> {
    pub fn of(opened: &'a Opened, session: &'a Session, plan: &'a Plan, progress: &'a dyn Progress) -> Measurement<'a> {
        Measurement { opened, session, plan, progress, cost: OnceCell::new() }
    }

    /// Returns the report with the scales of the last calibration, if only precisions have changed since; `None` if
    /// most scales were never observed.
    pub fn recalled(&self) -> Result<Option<Report>> {
        let calibrated = self.session.recall(self.plan, self.progress)?;
        calibrated.map(|calibrated| self.report(&calibrated, false, Seconds::default())).transpose()
    }

    /// Computes both error tables; `seconds` contains the times of earlier stages.
    pub fn report(&self, calibrated: &Calibrated, statistics: bool, mut seconds: Seconds) -> Result<Report> {
        let &Measurement { opened, session, progress, .. } = self;
        let quantized = &calibrated.quantized;
        let graph = &quantized.plan().graph;
        let count = self.analysis_samples();

        let computing = calibrated.nodes(|role| role == Role::Computing);
        let graphwise = timed(&mut seconds.graphwise, || session.graphwise(calibrated, &computing, count, progress))?;
        let layerwise = timed(&mut seconds.layerwise, || session.layerwise(calibrated, &computing, count, progress))?;

        let mut layers: Vec<Layer> =
            graph.node_ids().map(|node| layer(quantized, &session.model.simplified.names, node)).collect();
        for ((node, &graphwise), layerwise) in computing.iter().zip(&graphwise.layers).zip(layerwise) {
            layers[node.0].graphwise = Some(graphwise);
            layers[node.0].layerwise = Some(layerwise);
        }
        let narrowed = quantized.narrowed();
        for (place, clipping) in narrowed.iter().zip(session.clipping(calibrated, &narrowed, count)?) {
            if let Some(port) = layers[place.node.0].inputs.get_mut(place.input).and_then(Option::as_mut) {
                port.clipping = Some(clipping);
            }
        }
        let outputs = outputs(quantized, &computing, &graphwise);
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
            joints: graphwise.joints.clone(),
            detection: graphwise.boxes,
            observers: None,
            notes,
            seconds,
            on_chip: None,
        })
    }

    /// Returns the number of samples for the figures.
    pub fn analysis_samples(&self) -> usize {
        self.opened.project().config.analysis_samples().min(self.session.analysis.len())
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
        inputs: named(inputs, &n.inputs),
        outputs: named(outputs, &n.outputs),
        statistics: None,
    }
}
