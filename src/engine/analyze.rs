//! One project from its files to its report, nothing kept in between.

use std::time::Instant;

use crate::analysis::{self, Layer, OutputError, Port, Report, Seconds, Subject};
use crate::exec::{FakeQuant, Program, Samples as _};
use crate::graph::simplify::simplify;
use crate::graph::{Graph, NodeId};
use crate::ops::{self, Role};
use crate::project::{InputSpec, Project, Samples};
use crate::quant::{self, Observations, Plan, Quantized};
use crate::{Error, Result, onnx};

use super::{Progress, Stage};

/// What is wanted of a project.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub project: &'a Project,
    /// Statistics of tensors, which cost two more runs a sample.
    pub statistics: bool,
}

/// Measures a project from its files on.
pub fn analyze(request: &Request, progress: &dyn Progress) -> Result<Report> {
    let mut seconds = Seconds::default();
    let loaded = timed(&mut seconds.load, || load(request.project, progress))?;
    let quantized = timed(&mut seconds.calibrate, || calibrate(&loaded, progress))?;
    measure(request, &loaded, &quantized, seconds, progress)
}

fn timed<T>(seconds: &mut f64, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    *seconds = start.elapsed().as_secs_f64();
    done
}

/// All that comes from files.
pub(super) struct Loaded {
    pub plan: Plan,
    pub samples: Samples,
    pub notes: Vec<String>,
}

pub(super) fn load(project: &Project, progress: &dyn Progress) -> Result<Loaded> {
    progress.begin(Stage::Load, 1);
    let settings = project.config.settings().ok_or_else(|| {
        Error::new("the chip is not named").at_key("model.target").with_help("add target = \"esp32p4\"")
    })?;
    let path = project.model_path()?;
    let simplified = onnx::load(&path).and_then(simplify).map_err(|e| e.in_file(&path))?;
    let plan = quant::plan(&simplified.graph, &settings)?;
    let samples = Samples::open(project, &InputSpec::of(&simplified.graph)?)?;
    let mut notes = simplified.notes;
    notes.extend(samples.notes().iter().cloned());
    progress.tick()?;
    Ok(Loaded { plan, samples, notes })
}

pub(super) fn calibrate(loaded: &Loaded, progress: &dyn Progress) -> Result<Quantized> {
    let histograms = loaded.plan.observed().iter().any(|o| o.method.takes_histogram());
    let passes = if histograms { 2 } else { 1 };
    progress.begin(Stage::Calibrate, passes * loaded.samples.len());
    quant::calibrate(loaded.plan.clone(), &loaded.samples, &mut Observations::default(), &|| progress.tick())
}

fn measure(
    request: &Request,
    loaded: &Loaded,
    quantized: &Quantized,
    mut seconds: Seconds,
    progress: &dyn Progress,
) -> Result<Report> {
    let graph = &quantized.graph;
    let float = Program::simulated(graph, &quantized.reference()?)?;
    let simulated = Program::simulated(graph, &quantized.simulation()?)?;
    let config = &request.project.config;
    let count = config.analysis_samples().min(loaded.samples.len());
    let tick = || progress.tick();
    let subject = Subject { graph, float: &float, simulated: &simulated, samples: &loaded.samples, count, tick: &tick };

    let computing = nodes(quantized, |role| role == Role::Computing);
    progress.begin(Stage::Graphwise, count);
    let graphwise = timed(&mut seconds.graphwise, || analysis::graphwise(&subject, &computing))?;
    progress.begin(Stage::Layerwise, count * computing.len());
    let layerwise = timed(&mut seconds.layerwise, || analysis::layerwise(&subject, &computing))?;

    let mut layers: Vec<Layer> = graph.node_ids().map(|node| layer(quantized, node)).collect();
    for ((node, graphwise), layerwise) in computing.iter().zip(graphwise.layers).zip(layerwise) {
        layers[node.0].graphwise = Some(graphwise);
        layers[node.0].layerwise = Some(layerwise);
    }
    if request.statistics {
        let active = nodes(quantized, |role| role != Role::Passive);
        let quantizers: Vec<_> = active.iter().map(|&node| output_quantizer(quantized, node)).collect();
        progress.begin(Stage::Statistics, 2 * count);
        let found = timed(&mut seconds.statistics, || analysis::statistics(&subject, &active, &quantizers))?;
        for (node, statistics) in active.iter().zip(found) {
            layers[node.0].statistics = statistics;
        }
    }

    let outputs = graph.outputs.iter().zip(graphwise.outputs);
    let mut notes = loaded.notes.clone();
    notes.extend(quantized.notes.iter().cloned());
    Ok(Report {
        model: config.model.path.as_ref().map(|p| p.value.clone()).unwrap_or_default(),
        settings: quantized.settings.clone(),
        calibration_samples: loaded.samples.len(),
        analysis_samples: count,
        layers,
        outputs: outputs.map(|(&id, error)| OutputError { name: graph.value(id).name.clone(), error }).collect(),
        notes,
        seconds,
    })
}

/// Quantized nodes whose operator has such a role, in the graph's order.
fn nodes(quantized: &Quantized, wanted: impl Fn(Role) -> bool) -> Vec<NodeId> {
    let graph: &Graph = &quantized.graph;
    let is_wanted = |node: NodeId| {
        let quantizes = quantized.nodes.get(node.0).is_some_and(Option::is_some);
        quantizes && ops::find(&graph.node(node).op).is_some_and(|operator| wanted(operator.role))
    };
    graph.node_ids().filter(|&node| is_wanted(node)).collect()
}

fn layer(quantized: &Quantized, node: NodeId) -> Layer {
    let (inputs, outputs) = quantized.ports(node);
    let port = |port: quant::Port| Port { name: port.name, bits: port.bits, exponents: port.exponents };
    let ports = |ports: Vec<Option<quant::Port>>| ports.into_iter().map(|p| p.map(port)).collect();
    let n = quantized.graph.node(node);
    Layer {
        name: n.name.clone(),
        op: n.op.clone(),
        scheme: quantized.scheme(node),
        graphwise: None,
        layerwise: None,
        inputs: ports(inputs),
        outputs: ports(outputs),
        statistics: None,
    }
}

/// The effective quantization of a node's first output, wherever along the graph it happens.
fn output_quantizer(quantized: &Quantized, node: NodeId) -> Option<FakeQuant> {
    let port = quantized.ports(node).1.into_iter().next().flatten()?;
    let rounding = quantized.settings.target.rounding();
    Some(FakeQuant { exponents: port.exponents, axis: None, bits: port.bits, rounding })
}
