//! One project from its files to its report.

use std::sync::Arc;
use std::time::Instant;

use crate::Result;
use crate::analysis::{self, Layer, OutputError, Port, Report, Seconds};
use crate::exec::{FakeQuant, Samples as _};
use crate::graph::NodeId;
use crate::ops::Role;
use crate::project::Project;
use crate::quant::{self, Plan, Quantized, Settings};

use super::content::{self, Key, Parts};
use super::session::{Calibrated, Session};
use super::{Engine, Progress, Stage, no_target, session_key};

impl Engine {
    /// Both error tables of a project, with the statistics of tensors where they are wanted: these cost two
    /// more runs a sample.
    pub fn report(&self, project: &Project, statistics: bool, progress: &dyn Progress) -> Result<Report> {
        let mut seconds = Seconds::default();
        progress.begin(Stage::Load, 1);
        let settings = project.config.settings().ok_or_else(no_target)?;
        let start = Instant::now();
        let (file, samples) = (content::model(project)?, content::samples(project)?);
        let session = session_key(&file.key, &samples);
        let scales = content::quantization(project)?;
        let key = report_key(&session, &scales, &settings, project.config.analysis_samples(), statistics);
        let kept = self.reports.get(&key).map(|r| Report::clone(&r));
        if let Some(mut report) = kept.or_else(|| self.store.as_ref()?.get(&key)) {
            report.model = model_name(project);
            report.seconds = Seconds { load: start.elapsed().as_secs_f64(), ..Seconds::default() };
            return Ok(report);
        }
        let session = self.session_of(project, self.model_of(project, &file)?, &samples)?;
        let plan = super::export::plan(project, &session.model.simplified.graph, &settings)?;
        seconds.load = start.elapsed().as_secs_f64();
        progress.tick()?;
        let report = Measurement { project, session: &session, plan: &plan, progress }.report(statistics, seconds)?;
        self.save(&session);
        if let Some(store) = &self.store {
            store.put(&key, &report);
        }
        self.reports.keep(key, Arc::new(report.clone()));
        Ok(report)
    }

    /// A project's model with every scale known, for whoever writes it.
    pub fn calibrate(&self, project: &Project, progress: &dyn Progress) -> Result<(Arc<Session>, Calibrated)> {
        progress.begin(Stage::Load, 1);
        let settings = project.config.settings().ok_or_else(no_target)?;
        let session = self.session(project)?;
        let plan = super::export::plan(project, &session.model.simplified.graph, &settings)?;
        progress.tick()?;
        let calibrated = session.calibrate(&plan, progress)?;
        self.save(&session);
        Ok((session, calibrated))
    }
}

fn report_key(session: &Key, scales: &Key, settings: &Settings, count: usize, statistics: bool) -> Key {
    let mut parts = Parts::new("report");
    parts.key(session).key(scales).text(&format!("{settings:?}")).number(count).number(statistics.into());
    parts.finish()
}

fn model_name(project: &Project) -> String {
    project.config.model.path.as_ref().map(|p| p.value.clone()).unwrap_or_default()
}

/// A plan to be measured over the samples of a session.
pub(super) struct Measurement<'a> {
    pub project: &'a Project,
    pub session: &'a Session,
    pub plan: &'a Plan,
    pub progress: &'a dyn Progress,
}

impl Measurement<'_> {
    pub fn report(&self, statistics: bool, mut seconds: Seconds) -> Result<Report> {
        let calibrated = timed(&mut seconds.calibrate, || self.session.calibrate(self.plan, self.progress))?;
        self.report_of(&calibrated, statistics, seconds)
    }

    /// The report that is most likely right, where only precisions have changed since the last one.
    pub fn recalled(&self) -> Result<Option<Report>> {
        let calibrated = self.session.recall(self.plan, self.progress)?;
        calibrated.map(|calibrated| self.report_of(&calibrated, false, Seconds::default())).transpose()
    }

    fn report_of(&self, calibrated: &Calibrated, statistics: bool, mut seconds: Seconds) -> Result<Report> {
        let &Measurement { project, session, progress, .. } = self;
        let quantized = &calibrated.quantized;
        let graph = &quantized.graph;
        let count = project.config.analysis_samples().min(session.samples.len());

        let computing = calibrated.nodes(|role| role == Role::Computing);
        let graphwise = timed(&mut seconds.graphwise, || session.graphwise(calibrated, &computing, count, progress))?;
        let layerwise = timed(&mut seconds.layerwise, || session.layerwise(calibrated, &computing, count, progress))?;

        let mut layers: Vec<Layer> = graph.node_ids().map(|node| layer(quantized, node)).collect();
        for ((node, &graphwise), layerwise) in computing.iter().zip(&graphwise.layers).zip(layerwise) {
            layers[node.0].graphwise = Some(graphwise);
            layers[node.0].layerwise = Some(layerwise);
        }
        if statistics {
            timed(&mut seconds.statistics, || self.statistics(calibrated, count, &mut layers))?;
        }

        let outputs = graph.outputs.iter().zip(&graphwise.outputs);
        let notes = session.notes(quantized);
        Ok(Report {
            model: model_name(project),
            settings: quantized.settings.clone(),
            calibration_samples: session.samples.len(),
            analysis_samples: count,
            layers,
            outputs: outputs.map(|(&id, &error)| OutputError { name: graph.value(id).name.clone(), error }).collect(),
            notes,
            seconds,
        })
    }

    fn statistics(&self, calibrated: &Calibrated, count: usize, layers: &mut [Layer]) -> Result<()> {
        let active = calibrated.nodes(|role| role != Role::Passive);
        let quantizers: Vec<_> = active.iter().map(|&node| output_quantizer(&calibrated.quantized, node)).collect();
        self.progress.begin(Stage::Statistics, 2 * count);
        let simulated = calibrated.program()?;
        let tick = || self.progress.tick();
        let subject = self.session.subject(calibrated, &simulated, count, &tick);
        let found = analysis::statistics(&subject, &active, &quantizers)?;
        for (node, statistics) in active.iter().zip(found) {
            layers[node.0].statistics = statistics;
        }
        Ok(())
    }
}

fn timed<T>(seconds: &mut f64, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    *seconds = start.elapsed().as_secs_f64();
    done
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

/// The settings without the layers that the model does not have: the rest can be measured all the same.
pub(super) fn known_layers(settings: &Settings, session: &crate::graph::Graph) -> Settings {
    let mut settings = settings.clone();
    let has = |name: &String| session.nodes.iter().any(|n| n.name == *name);
    settings.layer_schemes.retain(|name, _| has(name));
    settings.layer_methods.retain(|name, _| has(name));
    settings
}
