//! Tests of `espq export` on the command line, whose files are compared with esp-ppq's.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use espq::espdl::{self, Attribute, DataType, Graph, Model, Tensor, ValueInfo};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn export(folder: &Path, arguments: &[&str]) -> Output {
    let arguments = [&["export", "-o", "out"], arguments].concat();
    Command::new(env!("CARGO_BIN_EXE_espq")).args(arguments).current_dir(folder).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Makes the digits project with these lines in its espq.toml.
fn project(lines: &str) -> tempfile::TempDir {
    project_of("digits", lines)
}

fn project_of(network: &str, lines: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let network = fixture(network);
    let text = format!(
        "[model]\npath = '{0}/model.onnx'\ntarget = 'esp32p4'\n[calibration]\ndata = '{0}/calib.npz'\n{lines}",
        network.display()
    );
    std::fs::write(folder.path().join("espq.toml"), text).unwrap();
    folder
}

fn written(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder.join("out")) else { return Vec::new() };
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn model(folder: &Path) -> Model {
    espdl::read(&std::fs::read(folder.join("out/model.espdl")).unwrap()).unwrap()
}

/// Formats nodes without defaults that esp-ppq leaves out, and without the numbers of tables.
fn node_lines(graph: &Graph, reference: &Graph) -> Vec<String> {
    let left_out =
        |node: &str, name: &str| reference.nodes.iter().any(|n| n.name == node && n.attribute(name).is_none());
    let line = |node: &espdl::Node| {
        let attributes: Vec<&(String, Attribute)> = node
            .attributes
            .iter()
            .filter(|(name, _)| {
                name != "lut" && !(["dilations", "strides"].contains(&name.as_str()) && left_out(&node.name, name))
            })
            .collect();
        format!("{} {} {attributes:?} -> {:?}", node.op, node.name, node.outputs)
    };
    graph.nodes.iter().map(line).collect()
}

/// Returns constants, including tables, by the place that reads them.
fn constants(graph: &Graph) -> Vec<(String, Tensor)> {
    let mut found = Vec::new();
    for node in &graph.nodes {
        let names = node.inputs.iter().map(String::as_str).chain(node.text("lut"));
        for (index, name) in names.enumerate() {
            if let Some(tensor) = graph.initializers.iter().find(|t| t.name == name) {
                // The doc of tables is left out there.
                let tensor = Tensor { name: String::new(), doc: String::new(), ..tensor.clone() };
                found.push((format!("{} {index}", node.name), tensor));
            }
        }
    }
    found
}

fn places(constants: &[(String, Tensor)]) -> Vec<(&str, DataType, &[usize])> {
    constants.iter().map(|(place, t)| (place.as_str(), t.data_type, t.dims.as_slice())).collect()
}

/// Returns values; esp-ppq writes wrong shapes for those that it inserts.
fn values(graph: &Graph) -> Vec<&ValueInfo> {
    let mut values: Vec<&ValueInfo> = graph.values.iter().filter(|v| !v.name.starts_with("PPQ_")).collect();
    values.sort_by_key(|v| &v.name);
    values
}

#[test]
fn the_file_of_another_project_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let digits = fixture("digits");
    for (name, target) in [("a", "esp32p4"), ("c", "esp32s3")] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        let text = format!(
            "[model]\npath = '{0}/model.onnx'\ntarget = '{target}'\n[calibration]\ndata = '{0}/calib.npz'\n",
            digits.display()
        );
        std::fs::write(folder.path().join(name).join("espq.toml"), text).unwrap();
    }
    let export = |arguments: &[&str]| export(folder.path(), arguments);
    let configuration = folder.path().join("a/espq.toml");
    let edited = |line: &str| std::fs::read_to_string(&configuration).unwrap() + line;
    assert_eq!(export(&["a"]).status.code(), Some(0));
    let first = model(folder.path());
    let refused = export(&["c"]);
    insta::assert_snapshot!(stderr(&refused));
    assert_eq!((refused.status.code(), model(folder.path())), (Some(2), first));
    // One's own is, also with other settings.
    std::fs::write(&configuration, edited("method = 'minmax'\n")).unwrap();
    assert_eq!(export(&["a"]).status.code(), Some(0));
    assert_eq!(export(&["c", "--force"]).status.code(), Some(0));
    assert_eq!(export(&["a"]).status.code(), Some(2));
    std::fs::write(&configuration, edited("[export]\nname = 'own'\n")).unwrap();
    assert_eq!(export(&["a"]).status.code(), Some(0));
}

#[test]
fn an_output_over_its_limit_is_said_before_the_files_are_written() {
    let over = project("[limits]\noutput-nsr = '0.001%'\n");
    let output = export(over.path(), &["--no-cache"]);
    assert_eq!(output.status.code(), Some(0));
    let said = stderr(&output);
    insta::assert_snapshot!(said);
    let lint = ["lint", "--no-cache", "--select", "E001", "--format", "concise"];
    let lint = Command::new(env!("CARGO_BIN_EXE_espq")).args(lint).current_dir(over.path()).output().unwrap();
    let verdict = said.trim_start_matches("warning: ").split(',').next().unwrap();
    assert!(stdout(&lint).contains(verdict), "{} without {verdict}", stdout(&lint));
    let within = export(project("").path(), &["--no-cache"]);
    assert_eq!((within.status.code(), stderr(&within).as_str()), (Some(0), ""));
}

#[test]
fn files_are_esp_ppqs() {
    for (name, target, precision) in
        [("esp32p4-int8", "esp32p4", "int8"), ("esp32s3-int16", "esp32s3", "int16"), ("c-int8", "c", "int8")]
    {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "[model]\npath = '{0}/small.onnx'\ntarget = '{target}'\nprecision = '{precision}'\n[calibration]\ndata = '{0}/small.npz'\n",
            fixture("espdl").display()
        );
        std::fs::write(folder.path().join("espq.toml"), text).unwrap();
        let output = export(folder.path(), &["--test-values"]);
        assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
        let mine = espdl::read(&std::fs::read(folder.path().join("out/small.espdl")).unwrap()).unwrap().graph;
        let theirs = std::fs::read(fixture("espdl").join(format!("{name}.espdl"))).unwrap();
        let theirs = espdl::read(&theirs).unwrap().graph;
        assert_eq!(node_lines(&mine, &theirs), node_lines(&theirs, &theirs), "{name}");
        let (ours, wanted) = (constants(&mine), constants(&theirs));
        assert_eq!(places(&ours), places(&wanted), "{name}");
        for ((place, mine), (_, theirs)) in ours.iter().zip(&wanted) {
            // Biases of this file were rounded in float32, which has fewer bits than they need.
            let rounded = name == "esp32s3-int16" && theirs.data_type == DataType::Int64;
            assert!(rounded || mine == theirs, "{name}: {place}");
        }
        assert_eq!(values(&mine), values(&theirs), "{name}");
        assert_eq!((&mine.inputs, &mine.outputs), (&theirs.inputs, &theirs.outputs), "{name}");
        assert_eq!(mine.test_inputs, theirs.test_inputs, "{name}");
        assert_eq!(mine.test_outputs.len(), theirs.test_outputs.len(), "{name}");
    }
}

#[test]
fn three_files_are_written_and_listed() {
    let folder = project("");
    let output = export(folder.path(), &[]);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
    assert_eq!(written(folder.path()), ["model.espdl", "model.info", "model.json"]);
    let metadata = model(folder.path()).metadata;
    let keys: Vec<&str> = metadata.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["espq", "target", "model.blake3", "inputs.blake3", "configuration.blake3"]);
    assert_eq!(metadata[1].1, "esp32p4");
}

#[test]
fn an_unsupported_model_is_written_only_with_force() {
    let folder = project("");
    let output = export(folder.path(), &["--precision", "w8a16"]);
    assert_eq!((output.status.code(), written(folder.path())), (Some(2), Vec::new()));
    let said = stderr(&output).replace("\n  │ ", " ");
    assert!(
        said.contains("does not support Conv with 8-bit weights and 16-bit activations") && said.contains("--force"),
        "{said}"
    );
    let output = export(folder.path(), &["--precision", "w8a16", "--force"]);
    assert_eq!((output.status.code(), written(folder.path()).len()), (Some(0), 3));
    assert!(stdout(&output).contains("Written because of --force"), "{}", stdout(&output));
}

/// Expected values are esp-ppq 1.3.12's with `espdl_attention_fusion = False` and `debug=True`.
#[test]
fn a_transformers_test_values_are_esp_ppqs() {
    for (target, precision, wanted) in [
        ("esp32p4", "int8", [19, -68, 4, -29, -23, 24, 61, 4, -8, 5]),
        ("esp32s3", "int8", [19, -68, 4, -29, -23, 24, 61, 4, -8, 5]),
        ("c", "int16", [2476, -8921, 424, -3643, -3076, 3032, 7816, 463, -860, 655]),
    ] {
        let folder = project_of("attention", "");
        let output = export(folder.path(), &["--test-values", "--target", target, "--precision", precision]);
        assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""), "{target} {precision}");
        let outputs = model(folder.path()).graph.test_outputs;
        let made: Vec<i32> = match precision {
            "int8" => outputs[0].bytes.iter().map(|&b| i32::from(b as i8)).collect(),
            _ => outputs[0].bytes.as_chunks().0.iter().map(|&b| i16::from_le_bytes(b).into()).collect(),
        };
        assert_eq!(made, wanted, "{target} {precision}");
    }
}

#[test]
fn a_forced_file_has_a_note_on_assumptions_of_its_test_values() {
    let folder = project("");
    let output = export(folder.path(), &["--precision", "w8a16", "--force", "--test-values"]);
    assert_eq!((output.status.code(), model(folder.path()).graph.test_outputs.len()), (Some(0), 1));
    let said = stdout(&output);
    assert!(said.contains("/stem/stem.0/Conv and 6 more: ESP-DL 3.3.9 has no W8A16 kernel"), "{said}");
}

#[test]
fn a_forced_file_has_no_test_values_if_they_are_unknown() {
    let folder = project_of("verdicts/prelu-slopes", "");
    let output = export(folder.path(), &["--test-values"]);
    assert_eq!((output.status.code(), written(folder.path())), (Some(2), Vec::new()));
    let output = export(folder.path(), &["--test-values", "--force"]);
    let graph = model(folder.path()).graph;
    assert_eq!((output.status.code(), graph.test_inputs.len(), graph.test_outputs.len()), (Some(0), 0, 0));
    let said = stdout(&output);
    let why = "Written without the requested test values:\n  layer /odd/PRelu: slopes of shape";
    assert!(said.contains(why), "{said}");
}

#[test]
fn an_encrypted_file_opens_with_the_key_that_is_printed() {
    let folder = project("");
    let said = stdout(&export(folder.path(), &["--encrypt"]));
    let key = said.lines().find_map(|l| l.strip_prefix("AES 128-bit secret key: ")).unwrap();
    let inspect = |more: &[&str]| {
        let arguments = [&["inspect", "out/model.espdl", "--target", "esp32p4"], more].concat();
        Command::new(env!("CARGO_BIN_EXE_espq")).args(arguments).current_dir(folder.path()).output().unwrap()
    };
    assert_eq!(inspect(&[]).status.code(), Some(2));
    let shown = stdout(&inspect(&["--key", key]));
    assert!(shown.contains("Compatible with"), "{shown}");
}

#[test]
fn a_quantization_replaces_samples() {
    for lines in ["", "[precision]\n'/conv2/Conv' = 'int16'\n"] {
        let folder = project("");
        let names = stdout(&export(folder.path(), &[]));
        assert!(names.contains("model.json"), "{names}");
        let first = model(folder.path()).graph;
        let layer = first.nodes.iter().filter(|n| n.op == "Conv").nth(1).unwrap().name.clone();
        let folder = project(&lines.replace("/conv2/Conv", &layer));
        assert_eq!(export(folder.path(), &[]).status.code(), Some(0));
        let calibrated = model(folder.path()).graph;
        std::fs::rename(folder.path().join("out/model.json"), folder.path().join("known.json")).unwrap();
        let text = format!(
            "[model]\npath = '{}/model.onnx'\ntarget = 'esp32p4'\nquantization = 'known.json'\n",
            fixture("digits").display()
        );
        std::fs::write(folder.path().join("espq.toml"), text).unwrap();
        let output = export(folder.path(), &[]);
        assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
        assert_eq!(model(folder.path()).graph, calibrated);
    }
}

#[test]
fn a_quantization_for_another_chip_is_refused_at_its_line() {
    let folder = project("");
    export(folder.path(), &[]);
    let text = format!(
        "[model]\npath = '{}/model.onnx'\ntarget = 'esp32s3'\nquantization = 'out/model.json'\n",
        fixture("digits").display()
    );
    std::fs::write(folder.path().join("espq.toml"), text).unwrap();
    let output = export(folder.path(), &[]);
    let said = stderr(&output);
    assert!(
        output.status.code() == Some(2) && said.contains("ESP32-P4") && said.contains("quantization = 'out"),
        "{said}"
    );
}

#[test]
fn two_projects_of_one_model_write_two_files() {
    let folder = project("");
    let text = std::fs::read_to_string(folder.path().join("espq.toml")).unwrap();
    std::fs::write(folder.path().join("p4.espq.toml"), &text).unwrap();
    std::fs::write(folder.path().join("named.espq.toml"), text + "[export]\nname = 'board'\n").unwrap();
    for configuration in ["espq.toml", "p4.espq.toml", "named.espq.toml"] {
        let output = export(folder.path(), &[configuration]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
    let espdl: Vec<String> = written(folder.path()).into_iter().filter(|name| name.ends_with(".espdl")).collect();
    assert_eq!(espdl, ["board.espdl", "model.espdl", "p4.espdl"]);
}

#[test]
fn exports_at_the_same_time_end_in_one_whole_set() {
    let folder = project("");
    let start = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_espq"));
        command.args(["export", "-o", "out"]).current_dir(folder.path()).stdout(std::process::Stdio::null());
        command.spawn().unwrap()
    };
    for _ in 0..4 {
        let exports: Vec<_> = (0..3).map(|_| start()).collect();
        exports.into_iter().for_each(|mut export| assert!(export.wait().unwrap().success()));
        assert_eq!(written(folder.path()), ["model.espdl", "model.info", "model.json"]);
        model(folder.path());
    }
}
