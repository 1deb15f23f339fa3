//! Models with QuantizeLinear and DequantizeLinear from the command line: their scales stay. `tests/parity.rs` compares their
//! exponents and figures with esp-ppq's.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/trained").join(name)
}

/// Makes a project of a fixture's files with other settings.
fn project(name: &str, target: &str, more: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in ["model.onnx", "calib.npz"] {
        std::fs::copy(fixture(name).join(file), folder.path().join(file)).unwrap();
    }
    let text =
        format!("[model]\npath = \"model.onnx\"\ntarget = \"{target}\"\n[calibration]\ndata = \"calib.npz\"\n{more}");
    std::fs::write(folder.path().join("espq.toml"), text).unwrap();
    folder
}

fn espq(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_espq"));
    let output = command.args(arguments).arg("--no-cache").current_dir(folder).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    // Messages are broken into lines.
    (output.status.code(), text.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" "))
}

fn report(folder: &Path) -> Value {
    let (exit, text) = espq(folder, &["report", "--format", "json", "."]);
    assert_eq!(exit, Some(0), "{text}");
    serde_json::from_str(&text[..=text.rfind('}').unwrap()]).unwrap()
}

fn notes(report: &Value) -> String {
    report["notes"].to_string()
}

#[test]
fn the_report_says_that_scales_come_from_the_model() {
    let folder = project("tensors", "esp32s3", "");
    let text = notes(&report(folder.path()));
    assert!(text.contains("scales come from the model") && text.contains("calibration determines none"), "{text}");
    assert!(!text.contains("do not hold"), "{text}");
}

#[test]
fn the_observer_does_not_change_trained_scales() {
    let figures = |method: &str| {
        let folder = project("floats", "esp32p4", &format!("method = \"{method}\"\n"));
        report(folder.path())["layers"].to_string()
    };
    assert_eq!(figures("kl"), figures("minmax"));
}

#[test]
fn the_exported_file_has_the_trained_scales_and_runs() {
    let folder = project("wide", "esp32p4", "");
    let (exit, text) = espq(folder.path(), &["export", ".", "-o", "out"]);
    assert_eq!(exit, Some(0), "{text}");
    assert!(folder.path().join("out").read_dir().unwrap().count() >= 3);
}

#[test]
fn a_precision_of_its_own_replaces_the_trained_scales() {
    let folder = project("integers", "esp32p4", "[precision]\n\"/down/down.0/Conv\" = \"int16\"\n");
    let (_, text) = espq(folder.path(), &["lint", "--static", "--select", "C012", "."]);
    assert!(text.contains("layer /down/down.0/Conv: trained with int8 scales, which do not hold at int16"), "{text}");
    let report = report(folder.path());
    let layers = report["layers"].as_array().unwrap();
    let layer = layers.iter().find(|layer| layer["name"] == "/down/down.0/Conv").unwrap();
    assert_eq!(layer["outputs"][0]["bits"], 16, "{layer}");
    let text = notes(&report);
    assert!(text.contains("calibration determines"), "{text}");
}

#[test]
fn a_model_trained_by_channel_is_refused_where_esp_dl_has_one_scale() {
    let folder = project("integers", "esp32s3", "");
    let (exit, text) = espq(folder.path(), &["report", "."]);
    assert_eq!(exit, Some(2), "{text}");
    assert!(text.contains("scales, but ESP-DL has one scale for all of this constant on esp32s3"), "{text}");
    assert!(text.contains("esp32p4") && text.contains("/stem/stem.0/Conv"), "{text}");
}

#[test]
fn passes_that_change_trained_weights_are_refused() {
    let folder = project("integers", "esp32p4", "[optimize]\nround = true\n");
    let (exit, text) = espq(folder.path(), &["report", "."]);
    assert_eq!(exit, Some(2), "{text}");
    assert!(text.contains("the scales in the model were trained together with its weights"), "{text}");
    let folder = project("integers", "esp32p4", "");
    let (exit, text) = espq(folder.path(), &["optimize", "."]);
    assert_eq!(exit, Some(2), "{text}");
    assert!(text.contains("no observer and no pass can change them"), "{text}");
}
