//! espq held to esp-ppq on the fixtures: exponents and bits exactly, error figures within 2%.
//!
//! `fixtures/README.md` says what the references are and how they were made.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use espq::analysis::{Layer, Port, Report};
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
            let mut folders: Vec<String> = std::fs::read_dir(root()).unwrap().map(|e| e.unwrap().path())
                .filter(|p| p.join("model.onnx").is_file())
                .map(|p| p.file_name().unwrap().to_str().unwrap().to_owned())
                .collect();
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
}

/// What esp-ppq answered; `fixtures/make.py` writes it.
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
struct ReferencePort(u32, Vec<(i32, usize)>);

impl ReferencePort {
    fn exponents(&self) -> Vec<i32> {
        self.1.iter().flat_map(|&(exponent, channels)| std::iter::repeat_n(exponent, channels)).collect()
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

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
                Err(error) => vec![error.to_string()],
            };
        let name = file.file_name().unwrap().to_str().unwrap();
        if !differences.is_empty() {
            writeln!(failures, "\n{fixture}/{name}: {} differences", differences.len()).unwrap();
            differences.iter().take(12).for_each(|d| writeln!(failures, "    {d}").unwrap());
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

fn compare(reference: &Reference, report: &Report) -> Vec<String> {
    let mut differences = Vec::new();
    if report.calibration_samples != reference.samples || report.analysis_samples != reference.analysis_samples {
        differences.push(format!(
            "samples: esp-ppq {} and {}, espq {} and {}",
            reference.samples, reference.analysis_samples, report.calibration_samples, report.analysis_samples
        ));
    }
    for theirs in &reference.layers {
        match report.layers.iter().find(|l| l.name == theirs.name) {
            Some(ours) => compare_layer(theirs, ours, &mut differences),
            None => differences.push(format!("{} ({}): espq has no such layer", theirs.name, theirs.op)),
        }
    }
    differences
}

fn compare_layer(theirs: &ReferenceLayer, ours: &Layer, differences: &mut Vec<String>) {
    let sides = [("input", &theirs.inputs, &ours.inputs), ("output", &theirs.outputs, &ours.outputs)];
    for (side, theirs_ports, ours_ports) in sides {
        for (i, port) in theirs_ports.iter().enumerate() {
            let Some(port) = port else { continue };
            let expected = (port.0, port.exponents());
            let found =
                ours_ports.get(i).and_then(Option::as_ref).map(|Port { bits, exponents, .. }| (*bits, exponents));
            if found != Some((expected.0, &expected.1)) {
                differences.push(format!(
                    "{} {side} {i} (bits, exponents): esp-ppq {expected:?}, espq {found:?}",
                    theirs.name
                ));
            }
        }
    }
    let figures = [("graphwise", theirs.graphwise, &ours.graphwise), ("layerwise", theirs.layerwise, &ours.layerwise)];
    for (table, expected, found) in figures {
        let Some(expected) = expected else { continue };
        let found = found.as_ref().map(|e| e.nsr);
        if found.is_none_or(|f| (f - expected).abs() > TOLERANCE * expected.max(FLOOR)) {
            differences.push(format!("{} {table}: esp-ppq {expected:.4e}, espq {found:?}", theirs.name));
        }
    }
}

/// The fixture's own project, with the reference's settings in place of its.
fn project(folder: &Path, reference: &Reference) -> Project {
    let Reference { target, precision, samples, analysis_samples, .. } = reference;
    let mut text = format!(
        "[model]\npath = \"model.onnx\"\ntarget = \"{target}\"\nprecision = \"{precision}\"\n\
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

/// One class a character, and how many are right.
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
        let program = Program::simulated(&quantized.graph, &quantized.simulation().unwrap()).unwrap();
        assert_eq!(score(&program, &quantized.graph), serde_json::from_slice(&file).unwrap(), "{variant}");
    }
}

/// The class of highest score; the first of equals, as torch and NumPy choose.
fn classify(program: &Program, graph: &Graph, inputs: &[Tensor]) -> char {
    let outputs = program.run(inputs, &vec![false; graph.values.len()], &mut |_, _| Ok(())).unwrap();
    let scores = outputs[0].slice::<f32>().unwrap();
    let best = (0..scores.len()).rev().max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
    char::from_digit(best as u32, 10).unwrap()
}
