//! Comparison with esp-ppq on the fixtures: exponents and bits must be equal, error figures within 2%.
//!
//! `fixtures/README.md` describes the references and how they were made.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use espq::analysis::{Layer, Report};
use espq::engine::{Engine, Silent};
use espq::exec::{Program, Samples as _};
use espq::graph::{Graph, Tensor};
use espq::model;
use espq::optimize;
use espq::project::Project;
use espq::quant::{self, Observations};
use espq::samples::{InputSpec, Samples};
use espq::simplify::{infer, simplify};
use serde::Deserialize;

/// Relative gap allowed between two error figures, and the figure below which it is absolute.
const TOLERANCE: f64 = 0.02;
const FLOOR: f64 = 1e-6;

macro_rules! fixtures {
    ($($test:ident: $folder:literal),* $(,)?) => {
        $(#[test] fn $test() { hold($folder); })*

        #[test]
        fn every_fixture_has_its_test() {
            let inside = |folder: &str| {
                std::fs::read_dir(root().join(folder)).unwrap().map(|e| e.unwrap().path()).collect::<Vec<_>>()
            };
            let name = |p: PathBuf| p.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
            let mut folders: Vec<String> =
                inside("").into_iter().filter(|p| p.join("model.onnx").is_file()).map(name).collect();
            let has_reference = |p: &PathBuf| p.join("reference-esp32p4-int8.json").is_file();
            folders.extend(["tflite", "pt2"].iter().flat_map(|formats| inside(formats)).filter(has_reference).map(name));
            folders.extend(inside("trained").into_iter().filter(|p| p.is_dir()).map(name));
            folders.sort();
            let mut tested = vec![$($folder),*];
            tested.sort();
            assert_eq!(folders, tested);
        }
    };
}

fixtures! {
    activations: "activations",
    attention: "attention",
    conv1d: "conv1d",
    digits: "digits",
    gru: "gru",
    gru_stateless: "gru-stateless",
    lstm: "lstm",
    lstm_stateless: "lstm-stateless",
    mixed: "mixed",
    prelu: "prelu",
    shapes: "shapes",
    unnamed: "unnamed",
    pt2_attention: "pt2/attention",
    pt2_kws: "pt2/kws",
    pt2_mobile: "pt2/mobile",
    pt2_recurrent: "pt2/recurrent",
    pt2_shuffle: "pt2/shuffle",
    pt2_standardized: "pt2/standardized",
    pt2_transformer: "pt2/transformer",
    pt2_unet: "pt2/unet",
    tflite_conv1d: "tflite/conv1d",
    tflite_dilated: "tflite/dilated",
    tflite_dscnn: "tflite/dscnn",
    tflite_dynamic: "tflite/dynamic",
    tflite_half: "tflite/half",
    tflite_mlp: "tflite/mlp",
    tflite_resnet: "tflite/resnet",
    tflite_unet: "tflite/unet",
    tflite_upsample: "tflite/upsample",
    trained_floats: "trained/floats",
    trained_integers: "trained/integers",
    trained_tensors: "trained/tensors",
    trained_wide: "trained/wide",
}

/// Results of esp-ppq, written by `fixtures/make.py`.
#[derive(Deserialize)]
struct Reference {
    target: String,
    precision: String,
    method: Option<String>,
    int16: Vec<String>,
    /// Folder of the model, and the line of `[optimize]` that stands for esp-ppq's setting, for `passes`.
    #[serde(default)]
    network: String,
    #[serde(default)]
    optimize: String,
    /// Checksum and absolute sum of weights and bias after a pass, by layer.
    #[serde(default)]
    constants: BTreeMap<String, Vec<(u64, f64)>>,
    /// The precisions are those of the model's own scales.
    #[serde(default)]
    trained: bool,
    samples: usize,
    analysis_samples: usize,
    layers: Vec<ReferenceLayer>,
}

#[derive(Deserialize)]
struct ReferenceLayer {
    name: String,
    op: String,
    graphwise: Option<f64>,
    layerwise: Option<f64>,
    inputs: Vec<Option<ReferencePort>>,
    outputs: Vec<Option<ReferencePort>>,
}

/// Bits, and runs of equal exponents: `[8, [[-7, 3], [-6, 1]]]` is four channels.
#[derive(Deserialize)]
struct ReferencePort(u32, Vec<(i64, usize)>);

impl ReferencePort {
    fn exponents(&self) -> Vec<i64> {
        self.1.iter().flat_map(|&(exponent, channels)| std::iter::repeat_n(exponent, channels)).collect()
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Figure, or scales of a port, that differ.
struct Difference {
    layer: String,
    place: String,
    theirs: String,
    ours: String,
}

/// Maximum number of differences shown for each reference; all are shown with `PARITY_ALL` in the environment.
const SHOWN: usize = 12;

fn hold(fixture: &str) {
    let folder = root().join(fixture);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|f| f.file_name().unwrap().to_str().unwrap().starts_with("reference-"));
    files.sort();
    assert!(!files.is_empty(), "no references in {}", folder.display());
    let mut failures = String::new();
    for file in &files {
        let reference: Reference = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let differences = match Engine::new(None).open(project(&folder, &reference)).report(false, &Silent) {
            Ok(report) => compare(&reference, &report),
            Err(error) => vec![difference("-", "report", "made", error)],
        };
        if !differences.is_empty() {
            let name = file.file_name().unwrap().to_str().unwrap();
            writeln!(failures, "\n{fixture}/{name}: {}", differences.len()).unwrap();
            failures += &table(&differences);
        }
    }
    assert!(failures.is_empty(), "differences:\n{failures}");
}

/// Constants are equal bit for bit, or within float rounding where outputs decide.
#[test]
fn passes_of_esp_ppq() {
    let mut failures = String::new();
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(root().join("passes")).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 4);
    for file in files {
        let reference: Reference = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let project = project(&root().join(&reference.network), &reference);
        let (mut differences, exact) = compare_constants(&reference, &project);
        match Engine::new(None).open(project).report(false, &Silent) {
            Ok(report) => differences.extend(compare(&reference, &report)),
            Err(error) => differences.push(difference("-", "report", "made", error)),
        }
        let name = file.file_name().unwrap().to_str().unwrap();
        let all = reference.constants.values().flatten().count();
        // Means of outputs and their largest ones are rounded by the sums before them.
        let is_rounded = reference.optimize.contains("including-act") || reference.optimize.contains("bias-correction");
        if exact < all && !is_rounded {
            differences.push(difference("-", "constants equal bit for bit", all, exact));
        }
        if !differences.is_empty() {
            writeln!(failures, "\n{name}: {}", differences.len()).unwrap();
            failures += &table(&differences);
        }
    }
    assert!(failures.is_empty(), "differences:\n{failures}");
}

/// Compares the constants after the passes, and counts those that are equal bit for bit.
fn compare_constants(reference: &Reference, project: &Project) -> (Vec<Difference>, usize) {
    // Relative, of sums over all elements; a bias is itself a mean of float32 sums.
    let rounding = if reference.optimize.contains("bias-correction") { 1e-5 } else { 1e-6 };
    let folder = root().join(&reference.network);
    let mut graph = simplify(model::load(&folder.join("model.onnx")).unwrap()).unwrap().graph;
    if let Some(options) = project.config.weight_split() {
        assert!(!optimize::weight_split(&mut graph, &options).unwrap().is_empty());
    }
    if let Some(options) = project.config.channel_split() {
        assert!(optimize::channel_split(&mut graph, &options).unwrap() > 0);
        infer(&mut graph).unwrap();
    }
    let samples = Samples::open(project.samples().unwrap(), &InputSpec::of(&graph).unwrap()).unwrap();
    let plan = quant::plan(&graph, &project.config.settings().unwrap()).unwrap();
    let quantized = optimize::quantize(&plan, &samples, &mut Observations::default(), &|| Ok(())).unwrap();
    let graph = &quantized.plan().graph;
    let (mut differences, mut exact) = (Vec::new(), 0);
    for (layer, constants) in &reference.constants {
        let Some(node) = graph.nodes.iter().find(|node| node.name == *layer) else {
            differences.push(difference(layer, "layer", "made", "missing"));
            continue;
        };
        for (at, &(checksum, sum)) in constants.iter().enumerate() {
            let elements = graph.constant(node, at + 1).and_then(|t| t.slice::<f32>()).unwrap_or_default();
            let ours: f64 = elements.iter().map(|v| f64::from(v.abs())).sum();
            exact += usize::from(checksum_of(elements) == checksum);
            if (ours - sum).abs() > rounding * sum {
                differences.push(difference(layer, &format!("constant {at}"), sum, ours));
            }
        }
    }
    (differences, exact)
}

/// Order-sensitive checksum of the elements' bits, as `fixtures/passes.py` computes it.
fn checksum_of(elements: &[f32]) -> u64 {
    let terms = (1u64..).zip(elements).map(|(place, v)| u64::from(v.to_bits()).wrapping_mul(place));
    terms.fold(0u64, u64::wrapping_add) % (1 << 53)
}

fn difference(layer: &str, place: &str, theirs: impl ToString, ours: impl ToString) -> Difference {
    Difference {
        layer: layer.to_string(),
        place: place.to_string(),
        theirs: theirs.to_string(),
        ours: ours.to_string(),
    }
}

/// Formats one line per difference, in columns.
fn table(differences: &[Difference]) -> String {
    let shown = if std::env::var_os("PARITY_ALL").is_some() { differences.len() } else { SHOWN };
    let title = ["layer", "place", "esp-ppq", "espq"].map(str::to_string);
    let row = |d: &Difference| [&d.layer, &d.place, &d.theirs, &d.ours].map(String::clone);
    let rows: Vec<[String; 4]> = std::iter::once(title).chain(differences.iter().take(shown).map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [0, 1, 2].map(width);
    let mut text = String::new();
    for [layer, place, theirs, ours] in &rows {
        let [a, b, c] = widths;
        writeln!(text, "  {layer:a$}  {place:b$}  {theirs:c$}  {ours}").unwrap();
    }
    if differences.len() > shown {
        writeln!(text, "  and {} more", differences.len() - shown).unwrap();
    }
    text
}

fn compare(reference: &Reference, report: &Report) -> Vec<Difference> {
    let mut differences = Vec::new();
    let counts = [
        ("calibration", reference.samples, report.calibration_samples),
        ("analysis", reference.analysis_samples, report.analysis_samples),
    ];
    for (place, theirs, ours) in counts.into_iter().filter(|(_, theirs, ours)| theirs != ours) {
        differences.push(difference("-", &format!("{place} samples"), theirs, ours));
    }
    for theirs in &reference.layers {
        match report.layers.iter().find(|l| l.name == theirs.name) {
            Some(ours) => compare_layer(theirs, ours, &mut differences),
            None => differences.push(difference(&theirs.name, "layer", &theirs.op, "missing")),
        }
    }
    differences
}

fn compare_layer(theirs: &ReferenceLayer, ours: &Layer, differences: &mut Vec<Difference>) {
    let sides = [("input", &theirs.inputs, &ours.inputs), ("output", &theirs.outputs, &ours.outputs)];
    for (side, theirs_ports, ours_ports) in sides {
        for (i, port) in theirs_ports.iter().enumerate() {
            let Some(port) = port else { continue };
            let expected = scales(port.0, &port.exponents());
            let found = match ours_ports.get(i).and_then(Option::as_ref) {
                Some(ours) => scales(ours.port.bits, &ours.port.exponents),
                None => "not quantized".to_string(),
            };
            if found != expected {
                differences.push(difference(&theirs.name, &format!("{side} {i}"), expected, found));
            }
        }
    }
    let figures = [("graphwise", theirs.graphwise, &ours.graphwise), ("layerwise", theirs.layerwise, &ours.layerwise)];
    for (table, expected, found) in figures {
        let Some(expected) = expected else { continue };
        let found = found.as_ref().map(|e| e.nsr);
        if found.is_none_or(|f| (f - expected).abs() > TOLERANCE * expected.max(FLOOR)) {
            let ours = found.map_or("none".to_string(), |f| format!("{f:.4e} ({:+.1}%)", (f / expected - 1.0) * 100.0));
            differences.push(difference(&theirs.name, table, format!("{expected:.4e}"), ours));
        }
    }
}

/// Formats scales: "8 bits, 2^-7 (3 channels), 2^-6".
fn scales(bits: u32, exponents: &[i64]) -> String {
    let runs = exponents.chunk_by(|a, b| a == b).map(|run| match run.len() {
        1 => format!("2^{}", run[0]),
        n => format!("2^{} ({n} channels)", run[0]),
    });
    format!("{bits} bits, {}", runs.collect::<Vec<_>>().join(", "))
}

/// Makes the fixture's project with the reference's settings.
fn project(folder: &Path, reference: &Reference) -> Project {
    let Reference { target, precision, samples, analysis_samples, .. } = reference;
    let is_there = |model: &&&str| folder.join(model).is_file();
    let model = ["model.onnx", "model.tflite", "model.pt2"].iter().find(is_there).unwrap();
    let precision = if reference.trained { String::new() } else { format!("precision = \"{precision}\"\n") };
    let mut text = format!(
        "[model]\npath = \"{model}\"\ntarget = \"{target}\"\n{precision}\
         [analysis]\nsamples = {analysis_samples}\n[calibration]\ndata = \"calib.npz\"\nsamples = {samples}\n"
    );
    if let Some(method) = &reference.method {
        writeln!(text, "method = \"{method}\"").unwrap();
    }
    if !reference.optimize.is_empty() {
        // Samples of their own: no sample is held out of calibration.
        text = text.replace("[analysis]\n", "[analysis]\ndata = \"calib.npz\"\n");
        writeln!(text, "[optimize]\n{}", reference.optimize).unwrap();
    }
    text.push_str("[precision]\n");
    reference.int16.iter().for_each(|layer| writeln!(text, "\"{layer}\" = \"int16\"").unwrap());
    let project = Project::parse(folder.join("espq.toml"), text);
    assert!(project.problems.is_empty(), "{:?}", project.problems);
    project
}

/// Class of each character, and the number of correct ones.
#[derive(Debug, PartialEq, Deserialize)]
struct Score {
    correct: usize,
    predictions: String,
}

#[test]
fn digits_are_classified_as_by_the_references() {
    let folder = root().join("digits");
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let labels = String::from_utf8(read("labels.txt")).unwrap();
    let score = |program: &Program, graph: &Graph| -> Score {
        let text = "[model]\npath = \"model.onnx\"\n[calibration]\ndata = \"test.npz\"\nsamples = 360\n";
        let project = Project::parse(folder.join("espq.toml"), text);
        let images = Samples::open(project.samples().unwrap(), &InputSpec::of(graph).unwrap()).unwrap();
        let predictions: String =
            (0..images.len()).map(|i| classify(program, graph, &images.sample(i).unwrap())).collect();
        let correct = predictions.chars().zip(labels.trim().chars()).filter(|(p, l)| p == l).count();
        Score { correct, predictions }
    };
    let graph = simplify(model::load(&folder.join("model.onnx")).unwrap()).unwrap().graph;
    let float: Score = serde_json::from_slice(&read("float.json")).unwrap();
    assert_eq!(score(&Program::float(&graph).unwrap(), &graph), float);

    for variant in ["esp32p4-int8", "esp32s3-int8", "esp32p4-int16"] {
        let file = read(&format!("reference-{variant}.json"));
        let reference: Reference = serde_json::from_slice(&file).unwrap();
        let project = project(&folder, &reference);
        let samples = Samples::open(project.samples().unwrap(), &InputSpec::of(&graph).unwrap()).unwrap();
        let plan = quant::plan(&graph, &project.config.settings().unwrap()).unwrap();
        let quantized = quant::calibrate(plan, &samples, &mut Observations::default(), &|| Ok(())).unwrap();
        let program = Program::simulated(&quantized.plan().graph, &quantized.plan().simulation().unwrap()).unwrap();
        assert_eq!(score(&program, &quantized.plan().graph), serde_json::from_slice(&file).unwrap(), "{variant}");
    }
}

/// Returns the class of the highest score; the first of equal ones, as in torch and NumPy.
fn classify(program: &Program, graph: &Graph, inputs: &[Tensor]) -> char {
    let outputs = program.run(inputs, &vec![false; graph.values.len()], &mut |_, _| Ok(())).unwrap();
    let scores = outputs[0].slice::<f32>().unwrap();
    let best = (0..scores.len()).rev().max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
    char::from_digit(best as u32, 10).unwrap()
}
