//! Forms that ESP-DL lacks, written as other nodes: the file computes what the simulation says, on every kind of chip.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use espq::chip::{Runtime, Scheme, Target};
use espq::espdl::{self, DataType};
use espq::exec::{Program, Samples as _};
use espq::export::{self, Options};
use espq::graph::{Graph, Tensor};
use espq::model;
use espq::ops;
use espq::project::Project;
use espq::quant::{self, Observations, Quantized, Settings};
use espq::runtime::limits::{self, GraphNode};
use espq::runtime::{compatibility, run};
use espq::samples::{InputSpec, Samples};
use espq::simplify::simplify;

/// Forms that mix places in float: ties may round to the other side of the simulation's, by one unit.
const MIXED: [&str; 10] = [
    "batch-resize",
    "cubic",
    "linear-align-corners",
    "linear-asymmetric",
    "linear-axes",
    "linear-crop",
    "linear-from-one-place",
    "linear-of-a-column",
    "linear-to-one-place",
    "linear-twice",
];

/// Forms whose kernel rounds negative values down, on the C targets and at int16 everywhere: by one unit.
const FLOORED: [&str; 4] = ["prelu-flat", "prelu-full", "prelu-one", "prelu-rows"];

/// Forms that have a kernel at int8, or a table.
const PLAIN: [&str; 6] =
    ["linear-align-corners", "linear-axes", "linear-twice", "nearest-same", "nearest-twice", "prelu-one"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rewrites")
}

/// A precision of the model, and the layer in float at last.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Precision {
    Int8,
    Int16,
    Float,
}

fn quantized(folder: &Path, target: Target, precision: Precision) -> (Quantized, Samples) {
    let graph = simplify(model::load(&folder.join("model.onnx")).unwrap()).unwrap().graph;
    let project = Project::load(folder).unwrap();
    let samples = Samples::open(project.samples().unwrap(), &InputSpec::of(&graph).unwrap()).unwrap();
    let scheme = if precision == Precision::Int16 { Scheme::Int16 } else { Scheme::Int8 };
    let mut settings = Settings::new(target, scheme);
    for node in graph.nodes.iter().filter(|node| node.name.contains("/odd/") && precision == Precision::Float) {
        settings.layer_schemes.insert(node.name.clone(), Scheme::Float);
    }
    let plan = quant::plan(&graph, &settings).unwrap();
    (quant::calibrate(plan, &samples, &mut Observations::default(), &|| Ok(())).unwrap(), samples)
}

/// A layer has no float kernel, also not as other nodes.
fn has_float(graph: &Graph) -> bool {
    let odd = graph.nodes.iter().filter(|node| node.name.contains("/odd/"));
    odd.map(|node| ops::on_chip(&node.op)).all(|chip| chip.is_some_and(|chip| chip.kernels.float))
}

/// Values of the model's outputs in ONNX's order.
fn simulated(quantized: &Quantized, inputs: &[Tensor]) -> Vec<Tensor> {
    let program = Program::simulated(&quantized.plan().graph, &quantized.plan().simulation().unwrap()).unwrap();
    program.run(inputs, &vec![false; quantized.plan().graph.values.len()], &mut |_, _| Ok(())).unwrap()
}

/// Elements of a file's tensor in ONNX's order: channels last where the shape says so.
fn in_order(tensor: &espdl::Tensor, shape: &[usize]) -> Vec<f64> {
    let scale = tensor.exponents.first().map_or(1.0, |&e| (e as f64).exp2());
    let scale = if tensor.data_type == DataType::Float { 1.0 } else { scale };
    let values: Vec<f64> = tensor.values().unwrap().into_iter().map(|v| v * scale).collect();
    if tensor.dims == shape {
        return values;
    }
    let (channels, places) = (shape[1], shape[2..].iter().product::<usize>());
    assert_eq!(tensor.dims, [&shape[..1], &shape[2..], &[channels]].concat(), "of {shape:?}");
    let at = |i: usize| {
        let (image, channel, place) = (i / (channels * places), i / places % channels, i % places);
        values[(image * places + place) * channels + channel]
    };
    (0..values.len()).map(at).collect()
}

fn hold(name: &str, target: Target, precision: Precision) -> Result<(), String> {
    let (quantized, samples) = quantized(&root().join(name), target, precision);
    if precision == Precision::Float && !has_float(&quantized.plan().graph) {
        return Ok(());
    }
    let view = |id| GraphNode {
        scheme: Some(quantized.plan().quant_type(id).scheme()),
        family: Some(target.family()),
        ..GraphNode::of(&quantized.plan().graph, id)
    };
    if let Some(found) = limits::of_graph(&quantized.plan().graph, view).first() {
        return Err(format!("lint: {}", found.what));
    }
    let inputs = samples.sample(0).unwrap();
    let exported = export::export(&quantized, &Options::default()).map_err(|e| e.to_string())?;
    let mut model = exported.model.clone();
    let fed = exported.feed(&inputs).unwrap();
    run::fill_tests(&mut model, target, fed).map_err(|error| format!("interpreter: {error}"))?;
    let file = espdl::open(&espdl::write(&model).unwrap(), None).unwrap();
    if let Some(misfit) = compatibility::check(&file.entries[0], target, Runtime::KNOWN).first() {
        return Err(format!("file: {}: {}", misfit.node, misfit.what));
    }
    for (made, wanted) in model.graph.test_outputs.iter().zip(simulated(&quantized, &inputs)) {
        let values: Vec<f64> = match &wanted {
            Tensor::F64(a) => a.iter().copied().collect(),
            _ => wanted.slice::<f32>().unwrap().iter().map(|&v| v.into()).collect(),
        };
        let found = in_order(made, wanted.shape());
        let unit = if made.data_type == DataType::Float { 0.0 } else { (made.exponents[0] as f64).exp2() };
        let most = values.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let top = values.iter().map(|v| v.abs()).fold(1e-9, f64::max);
        let is_floored = FLOORED.contains(&name) && (precision == Precision::Int16 || target == Target::C);
        let allowed = if MIXED.contains(&name) || is_floored { unit } else { 0.0 };
        if most > allowed.max(if unit == 0.0 { 2e-5 * top } else { 0.0 }) {
            return Err(format!("{}: off by {most}, {} units", made.name, most / unit));
        }
    }
    let is_said = exported.differences.iter().any(|text| text.starts_with("/odd/"));
    let said =
        is_said || quantized.plan().graph.notes.iter().any(|note| note.layers.iter().any(|l| l.starts_with("/odd/")));
    let is_plain = precision == Precision::Int8 && PLAIN.contains(&name);
    if said || is_plain { Ok(()) } else { Err(format!("no note: {:?}", exported.differences)) }
}

#[test]
fn files_compute_what_the_simulation_says() {
    let mut names: Vec<String> =
        std::fs::read_dir(root()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let only = std::env::var("REWRITE").unwrap_or_default();
    let mut failures = String::new();
    for name in names.iter().filter(|name| name.contains(&only)) {
        for target in [Target::Esp32p4, Target::Esp32s3, Target::C] {
            for precision in [Precision::Int8, Precision::Int16, Precision::Float] {
                if let Err(error) = hold(name, target, precision) {
                    writeln!(failures, "{name} {target} {precision:?}: {error}").unwrap();
                }
            }
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}
