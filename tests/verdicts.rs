//! Tests with one tiny model for every limit of ESP-DL's kernels, on which lint, export, export with test values and
//! inspect must agree.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use espq::ops;
use serde_json::Value;

/// Limits without a test model, with the reason: no model can violate them after simplification, or other tests have
/// one.
const WITHOUT_MODEL: [(&str, &str); 32] = [
    ("pooling-indices", "the float kernels give MaxPool one output, so such a model is refused before it is planned"),
    ("resize-antialias", "the float kernels have none, so such a model is refused when it is read"),
    ("resize-axes", "the exporter writes a number for every axis"),
    ("resize-channels", "the exporter writes Gathers"),
    ("resize-coordinates", "the exporter mixes places in float"),
    ("resize-from-one-place", "the exporter writes Gathers"),
    ("resize-mode", "the exporter mixes places in float"),
    ("resize-nearest", "the exporter writes Gathers"),
    ("resize-rank", "the exporter writes Gathers"),
    ("resize-size", "the exporter writes Gathers"),
    ("window-beyond-input", "the exporter writes a Pad"),
    ("padded-pointwise", "the exporter writes a Pad"),
    ("exponentials-overflow", "the exporter runs the layer at 16 bits"),
    ("batch", "the exporter writes a node for each"),
    ("pad-negative", "the exporter crops with a Slice"),
    ("pooling-ceil-mode", "the exporter writes other windows"),
    ("reduction-of-nothing", "the exporter reduces an axis of size 1"),
    ("pad-axes", "simplification writes pads for every axis"),
    ("pad-without-mode", "the exporter writes the default"),
    ("pad-count", "simplification writes pads for every axis"),
    ("split-by-count", "the exporter writes the sizes of the parts"),
    ("recurrent-batch", "the exporter writes a node for each sequence"),
    ("recurrent-direction", "the exporter turns the sequence around"),
    ("gru-outputs", "a plan has all outputs"),
    ("lstm-outputs", "a plan has all outputs"),
    ("matmul-plain-rows", "the exporter packs the right side, unless a later release is configured"),
    ("gather-indices", "indices that are computed need an input of integers; tests/export.rs has such a model"),
    ("concat-of-one", "simplification removes a Concat of one input"),
    ("shift-right-only", "it needs calibrated exponents; fixtures/lint/D004 has such a model"),
    ("prelu-exponents", "the exporter writes exponents that the kernel supports"),
    ("prelu-batch", "the exporter joins the batch to the other axes"),
    ("gemm-trans-a", "the exporter writes a Transpose"),
];

fn folder(limit: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/verdicts").join(limit)
}

fn espq(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_espq")).args(arguments).output().unwrap()
}

fn models() -> BTreeSet<&'static str> {
    let without: BTreeSet<&str> = WITHOUT_MODEL.iter().map(|(name, _)| *name).collect();
    ops::all_limits().iter().map(|limit| limit.name).filter(|name| !without.contains(name)).collect()
}

/// Returns `true` if the text names the layer under test, whose name is that of its operator: `/odd/MaxPool`.
fn names_layer(text: &str) -> bool {
    text.contains("/odd/")
}

#[test]
fn every_limit_has_a_model() {
    let made: BTreeSet<String> = std::fs::read_dir(folder(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(made, models().into_iter().map(String::from).collect());
}

#[test]
fn lint_names_the_layer() {
    for limit in models() {
        let path = folder(limit);
        let output = espq(&["lint", "--static", "--no-cache", "--format", "json", path.to_str().unwrap()]);
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        let about = |f: &&Value| f["code"] == "D003" && f["layer"].as_str().is_some_and(names_layer);
        let finding = found["findings"].as_array().or(found.as_array()).unwrap().iter().find(about);
        assert!(finding.is_some(), "{limit}: {found}");
        assert_eq!(output.status.code(), Some(1), "{limit}");
    }
}

#[test]
fn export_is_refused_and_names_the_layer() {
    for limit in models() {
        for arguments in [&["export", "--no-cache"][..], &["export", "--no-cache", "--test-values"]] {
            let out = tempfile::tempdir().unwrap();
            let path = folder(limit);
            let places = ["-o", out.path().to_str().unwrap(), path.to_str().unwrap()];
            let output = espq(&[arguments, &places].concat());
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{limit} {arguments:?}: {text}");
            assert!(names_layer(&text), "{limit} {arguments:?}: {text}");
            assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 0, "{limit} {arguments:?}");
        }
    }
}

#[test]
fn inspect_names_the_layer_of_a_forced_file() {
    // The exporter has no form for these, so even --force does not write a file.
    let never_written = BTreeSet::from(["grouped-convolution", "spatial-rank", "transposed-convolution"]);
    for limit in models().difference(&never_written) {
        let out = tempfile::tempdir().unwrap();
        let path = folder(limit);
        let forced = ["export", "--no-cache", "--force", "-o", out.path().to_str().unwrap(), path.to_str().unwrap()];
        let output = espq(&forced);
        assert_eq!(output.status.code(), Some(0), "{limit}: {}", String::from_utf8_lossy(&output.stderr));
        let file = out.path().join("model.espdl");
        let output = espq(&["inspect", file.to_str().unwrap(), "--target", "esp32p4"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.lines().any(|line| line.trim_start().starts_with("/odd/")), "{limit}: {text}");
    }
}
