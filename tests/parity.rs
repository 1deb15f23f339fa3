//! Comparison with esp-ppq on the fixtures: exponents and bits must be equal, error figures within 2%.
//!
//! `fixtures/README.md` describes the references and how they were made.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use espq::analysis::{Layer, Report};
use espq::engine::{Engine, Options, Silent};
use espq::exec::{Program, Samples as _};
use espq::graph::{Graph, Tensor};
use espq::model;
use espq::project::Project;
use espq::quant::{self, Observations};
use espq::samples::{InputSpec, Samples};
use espq::simplify::simplify;
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
            let name = |p: &PathBuf| p.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
            let mut folders: Vec<String> =
                inside("").iter().filter(|p| p.join("model.onnx").is_file()).map(name).collect();
            let has_reference = |p: &&PathBuf| p.join("reference-esp32p4-int8.json").is_file();
            folders.extend(inside("tflite").iter().filter(has_reference).map(name));
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
    tflite_conv1d: "tflite/conv1d",
    tflite_dilated: "tflite/dilated",
    tflite_dscnn: "tflite/dscnn",
    tflite_dynamic: "tflite/dynamic",
    tflite_half: "tflite/half",
    tflite_mlp: "tflite/mlp",
    tflite_resnet: "tflite/resnet",
    tflite_unet: "tflite/unet",
    tflite_upsample: "tflite/upsample",
}

/// Results of esp-ppq, written by `fixtures/make.py`.
#[derive(Deserialize)]
struct Reference {
    target: String,
    precision: String,
    method: Option<String>,
    int16: Vec<String>,
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
        let differences =
            match Engine::new(Options::default()).open(project(&folder, &reference)).report(false, &Silent) {
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
    let model = if folder.join("model.onnx").is_file() { "model.onnx" } else { "model.tflite" };
    let mut text = format!(
        "[model]\npath = \"{model}\"\ntarget = \"{target}\"\nprecision = \"{precision}\"\n\
         [analysis]\nsamples = {analysis_samples}\n[calibration]\ndata = \"calib.npz\"\nsamples = {samples}\n"
    );
    if let Some(method) = &reference.method {
        writeln!(text, "method = \"{method}\"").unwrap();
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
