//! Models as exporters write them: free dimensions, newer operator sets, names of nodes that are
//! no layers, operators that ESP-DL lacks.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use espq::engine::{Cache, Engine, Silent};
use espq::exec::{Program, Samples as _};
use espq::model;
use espq::project::Project;
use espq::samples::{InputSpec, Samples};
use espq::simplify::simplify;
use serde_json::Value;

fn folder(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/front").join(case)
}

fn espq(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_espq")).args(arguments).env("NO_COLOR", "1").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}

/// Code, layer and message of each finding, without those of measured error and of few samples.
fn findings(case: &str) -> Vec<(String, String, String)> {
    let output = espq(&["lint", "--no-cache", "--format", "json", folder(case).to_str().unwrap()]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let word = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_string();
    let all = found.as_array().unwrap().iter().map(|f| (word(f, "code"), word(f, "layer"), word(f, "message")));
    all.filter(|(code, ..)| !matches!(code.as_str(), "E001" | "E002" | "S002")).collect()
}

fn codes(case: &str) -> Vec<String> {
    // These projects are not about the observer, needless bits, what stands before the first layer, and lines without effect.
    let about = findings(case).into_iter().filter(|(code, _, _)| !["E004", "E013", "M004", "C010"].contains(&&**code));
    about.map(|(code, layer, _)| format!("{code} {layer}").trim().to_string()).collect()
}

/// Standard output of a report that could measure.
fn report(case: &str) -> String {
    let output = espq(&["report", "--no-cache", folder(case).to_str().unwrap()]);
    assert!(output.status.success(), "{case}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The refusal of an export.
fn refused(case: &str) -> String {
    let out = tempfile::tempdir().unwrap();
    let folder = folder(case);
    let arguments = ["export", "--no-cache", folder.to_str().unwrap(), "-o", out.path().to_str().unwrap()];
    let output = espq(&arguments);
    assert_eq!(output.status.code(), Some(2), "{case}");
    assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 0, "{case}");
    text(&output.stderr)
}

/// Checks that lint has no finding, and that the file is written with test values.
fn is_written(case: &str) {
    assert_eq!(codes(case), [""; 0], "{case}");
    let out = tempfile::tempdir().unwrap();
    let folder = folder(case);
    let output =
        espq(&["export", "--no-cache", "--test-values", folder.to_str().unwrap(), "-o", out.path().to_str().unwrap()]);
    assert!(output.status.success(), "{case}: {}", text(&output.stderr));
}

#[test]
fn free_dimensions_are_those_of_the_samples() {
    is_written("free-sides");
    let note = "dimensions 2 ('height'), 3 ('width') of input 'x' are not fixed: set to 16, 12 from the samples";
    assert!(report("free-sides").contains(note));
    is_written("free-steps");
    assert!(
        report("free-steps").contains("dimension 2 ('time') of input 'b' is not fixed: set to 40 from the samples")
    );
}

#[test]
fn free_dimensions_are_those_of_input_shape() {
    is_written("free-sides-named");
    assert!(report("free-sides-named").contains("set to 16, 12 from `input-shape`"));
    assert_eq!(codes("free-sides-other"), ["S003"]);
    assert!(refused("free-sides-other").contains("expects 1x3x16x16"));
}

#[test]
fn one_free_dimension_with_two_lengths_is_refused() {
    assert!(refused("free-steps-two").contains("dimension 'time' is 40 in input 'a' and 30 in input 'b'"));
    assert_eq!(codes("free-steps-two").len(), 1);
}

#[test]
fn samples_of_two_sizes_are_refused_also_where_one_file_has_enough() {
    let refusal = refused("free-sides-mixed");
    assert!(refusal.contains("z.npy: the array is 1x3x12x12") && refusal.contains("for input `x`"), "{refusal}");
    assert_eq!(codes("free-sides-mixed"), ["S003"]);
}

#[test]
fn init_takes_a_model_of_free_dimensions() {
    let out = tempfile::tempdir().unwrap();
    let model = folder("free-sides").join("model.onnx");
    let file = out.path().join("net.espq.toml");
    assert!(espq(&["init", model.to_str().unwrap(), "-o", file.to_str().unwrap()]).status.success());
    let written = std::fs::read_to_string(file).unwrap();
    assert!(written.contains("x  1x3xheightxwidth float32"), "{written}");
    assert!(written.contains("# input-shape = [1, 3, 224, 224]"), "{written}");
}

#[test]
fn other_samples_give_a_free_model_another_shape() {
    let top = tempfile::tempdir().unwrap();
    for file in ["model.onnx", "calib.npz", "espq.toml"] {
        std::fs::copy(folder("free-steps").join(file), top.path().join(file)).unwrap();
    }
    let cache = Cache::at(Some(&top.path().join("cache"))).unwrap();
    let engine = Engine::new(Some(cache));
    let notes = |engine: &Arc<Engine>| -> String {
        let project = Project::load(top.path()).unwrap();
        let report = engine.open(project).report(false, &Silent).unwrap();
        report.notes.iter().map(ToString::to_string).collect()
    };
    assert!(notes(&engine).contains("set to 40"));
    // The same inputs, with 30 steps.
    std::fs::copy(folder("free-steps").join("calib30.npz"), top.path().join("calib.npz")).unwrap();
    assert!(notes(&engine).contains("set to 30"));
    let later = Engine::new(Cache::at(Some(&top.path().join("cache"))));
    assert!(notes(&later).contains("set to 30"));
}

#[test]
fn a_batch_is_reported_with_its_fix() {
    assert_eq!(codes("batch-of-8"), ["M003 /stem/Conv"]);
    assert!(refused("batch-of-8").contains("set input-shape = [1, 3, 8, 8] in [model]"));
    is_written("batch-of-8-to-1");
    assert_eq!(codes("batch-in-reshape"), ["M003 /flat/Reshape"]);
    let refusal = refused("batch-in-reshape");
    assert!(refusal.contains("has a batch of 8 written in it") && refusal.contains("x.flatten(1)"), "{refusal}");
}

#[test]
fn operator_sets_22_to_25_are_read() {
    for opset in 22..=25 {
        is_written(&format!("opset-{opset}"));
    }
    let operators = findings("opset-23-operators");
    assert!(operators.iter().all(|(code, ..)| code != "D001" && code != "M001"), "{operators:?}");
    report("opset-23-operators");
}

#[test]
fn layers_of_one_name_are_chosen_by_new_names() {
    is_written("same-names");
    let report = report("same-names");
    let note = "2 layers of the file are called 'layer::anon': the second is called 'layer::anon_1'";
    assert!(report.contains(note), "{report}");
}

#[test]
fn names_of_nodes_within_a_layer_select_it() {
    is_written("linear-names");
    assert!(report("linear-names").contains("(1 layer overridden)"));
    is_written("folded-names");
}

#[test]
fn one_layer_with_two_precisions_is_refused() {
    assert_eq!(codes("linear-contradiction").len(), 1);
    let (code, _, message) = &findings("linear-contradiction")[0];
    assert!(code == "C006" && message.contains("\"/fc1/MatMul\" and \"/fc1/Add\" are one layer"), "{message}");
    assert!(refused("linear-contradiction").contains("`/fc1/Add` and `/fc1/MatMul` are one layer"));
}

#[test]
fn a_name_that_was_folded_is_no_layer_and_says_so() {
    assert_eq!(codes("folded-constant-name"), ["C006 /power/Exp"]);
    assert!(refused("folded-constant-name").contains("`/power/Exp` was folded: its result is a constant"));
}

#[test]
fn modules_stand_beside_names_that_say_nothing() {
    assert!(report("modules").contains("layer1.0"));
    let output = espq(&["lint", "--no-cache", "--format", "json", folder("modules").to_str().unwrap()]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let about = |f: &&Value| f["layer"] == "node_Conv_0";
    let finding = found.as_array().unwrap().iter().find(about).unwrap();
    assert!(finding["help"].as_str().unwrap().contains("node_Conv_0 is in module layer1.0"), "{finding}");
}

#[test]
fn all_unknown_operators_are_named_at_once() {
    let layers = ["/odd/Snake", "/left/TFL_Erf", "/mix/Attention"];
    assert_eq!(codes("unknown-operators"), layers.map(|layer| format!("D001 {layer}")));
    let refusal = refused("unknown-operators");
    assert!(layers.iter().all(|layer| refusal.contains(layer)), "{refusal}");
    let output = espq(&["report", "--no-cache", folder("unknown-operators").to_str().unwrap()]);
    let stopped = text(&output.stderr);
    assert!(output.status.code() == Some(2) && layers.iter().all(|layer| stopped.contains(layer)), "{stopped}");
}

#[test]
fn factors_of_gemm_are_in_its_constants() {
    is_written("gemm-factors");
    assert!(report("gemm-factors").contains("its alpha of 0.3 is multiplied into the weights"));
}

#[test]
fn operators_that_esp_dl_lacks_are_written_with_those_that_it_has() {
    for case in [
        "constant-branch",
        "cast-like",
        "einsum-scores",
        "einsum-places",
        "einsum-gates",
        "einsum-shapes",
        "sum-of-nothing",
    ] {
        is_written(case);
    }
    assert_eq!(codes("einsum-diagonal"), ["D001 /product/Einsum"]);
    assert!(refused("einsum-diagonal").contains("write it as MatMul"));
}

/// Outputs of the simplified model on the first sample.
fn outputs(case: &str, shapes: &[(&str, &[usize])]) -> Vec<f32> {
    let mut imported = model::load(&folder(case).join("model.onnx")).unwrap();
    let shapes = shapes.iter().map(|(name, shape)| ((*name).to_string(), shape.to_vec())).collect();
    imported.fix(&shapes, "the test").unwrap();
    let graph = simplify(imported).unwrap().graph;
    let project = Project::load(&folder(case)).unwrap();
    let samples = Samples::open(project.samples().unwrap(), &InputSpec::of(&graph).unwrap()).unwrap();
    let program = Program::float(&graph).unwrap();
    let sample = samples.sample(0).unwrap();
    let made = program.run(&sample, &vec![false; graph.values.len()], &mut |_, _| Ok(())).unwrap();
    made.iter().flat_map(|output| output.slice::<f32>().unwrap().to_vec()).collect()
}

#[test]
fn simplified_models_compute_what_the_file_says() {
    let sides: &[(&str, &[usize])] = &[("x", &[1, 3, 16, 12])];
    let steps: &[(&str, &[usize])] = &[("a", &[1, 4, 40])];
    let mut cases = vec![("free-sides", sides), ("free-steps", steps)];
    cases.extend(
        [
            "opset-25",
            "opset-23-operators",
            "same-names",
            "linear-names",
            "folded-names",
            "gemm-factors",
            "constant-branch",
            "cast-like",
            "einsum-scores",
            "einsum-windows",
            "einsum-places",
            "einsum-linear",
            "einsum-gates",
            "einsum-shapes",
            "sum-of-nothing",
        ]
        .map(|case| (case, &[][..])),
    );
    for (case, shapes) in cases {
        let bytes = std::fs::read(folder(case).join("float.bin")).unwrap();
        let expected: Vec<f32> = bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        let found = outputs(case, shapes);
        assert_eq!(found.len(), expected.len(), "{case}");
        let largest = expected.iter().fold(0f32, |largest, v| largest.max(v.abs()));
        let off = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
        assert!(largest > 0.0 && off <= 1e-5 * largest.max(1.0), "{case}: off by {off} of {largest}");
    }
}

#[test]
#[cfg(unix)]
fn a_pipe_is_refused_and_not_waited_for() {
    let project = tempfile::tempdir().unwrap();
    let pipe = project.path().join("model.onnx");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/digits/calib.npz");
    let text_of = |samples: &Path| {
        format!("[model]\npath = \"model.onnx\"\ntarget = \"esp32s3\"\n[calibration]\ndata = {samples:?}\n")
    };
    std::fs::write(project.path().join("espq.toml"), text_of(&samples)).unwrap();
    for command in [&["lint", "--no-cache"][..], &["report", "--no-cache"], &["export", "--no-cache"]] {
        let output = espq(&[command, &[project.path().to_str().unwrap()]].concat());
        let said = text(&[output.stdout, output.stderr].concat());
        assert!(said.contains("a pipe or a device"), "{command:?}: {said}");
    }
    let output = espq(&["init", pipe.to_str().unwrap(), "--target", "esp32s3"]);
    assert!(text(&output.stderr).contains("a pipe or a device"), "{}", text(&output.stderr));
}
