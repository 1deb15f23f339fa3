//! Tests of the program on the command line.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn espq(folder: &Path, arguments: &[&str]) -> Output {
    // A separate cache, since tests must not use the user's.
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache");
    let mut command = Command::new(env!("CARGO_BIN_EXE_espq"));
    command.args(arguments).current_dir(folder).env("ESPQ_CACHE_DIR", cache).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Makes a folder with a copy of the digits network, its samples and this espq.toml.
fn project(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in ["model.onnx", "calib.npz"] {
        std::fs::copy(fixture("digits").join(file), folder.path().join(file)).unwrap();
    }
    std::fs::write(folder.path().join("espq.toml"), text).unwrap();
    folder
}

/// Returns the error output of a failing `espq report`.
fn refusal(text: &str) -> String {
    let output = espq(project(text).path(), &["report"]);
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(2), ""), "{}", stderr(&output));
    stderr(&output)
}

const DIGITS: &str = "[model]\npath = 'model.onnx'\ntarget = 'esp32p4'\n[calibration]\ndata = 'calib.npz'\n";

#[test]
fn report_shows_both_tables_and_the_verdict() {
    let output = espq(&fixture("digits"), &["report"]);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
    // The seconds differ from run to run and are left out.
    let text = stdout(&output);
    let (report, seconds) = text.trim_end().rsplit_once('\n').unwrap();
    assert!(seconds.contains(" s: load "), "{seconds}");
    insta::assert_snapshot!(report);
}

#[test]
fn a_refused_export_lists_its_layers_line_by_line() {
    let output = espq(&fixture("verdicts/pad-rank"), &["export", "--output", env!("CARGO_TARGET_TMPDIR")]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    insta::assert_snapshot!(stderr(&output));
}

#[test]
fn a_report_is_one_page_that_needs_no_network() {
    let folder = project(DIGITS);
    let output = espq(folder.path(), &["report", "--format", "html", "-o", "r.html"]);
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(0), "Wrote r.html\n"), "{}", stderr(&output));
    let page = std::fs::read_to_string(folder.path().join("r.html")).unwrap();
    let foreign: Vec<&str> = page.lines().filter(|line| line.contains("://") && !line.contains("www.w3.org")).collect();
    assert_eq!(foreign, Vec::<&str>::new());
    let data = page.split_once("id=\"data\">").and_then(|(_, rest)| rest.split_once("</script>")).unwrap().0;
    let data: Value = serde_json::from_str(data).unwrap();
    let shown = espq(folder.path(), &["report", "--format", "json", "--statistics"]);
    let mut report: Value = serde_json::from_str(&stdout(&shown)).unwrap();
    report["seconds"] = data["report"]["seconds"].clone();
    assert_eq!(data["report"], report);
    assert_eq!(data["weights"]["/stem/stem.0/Conv"].as_array().map(Vec::len), Some(8), "{}", data["weights"]);
}

#[test]
fn compare_says_what_became_better() {
    let folder = project(DIGITS);
    let written = espq(folder.path(), &["report", "--format", "json", "-o", "before.json"]);
    assert_eq!(written.status.code(), Some(0), "{}", stderr(&written));
    let wide = format!("{DIGITS}method = 'minmax'\n").replace("target", "precision = 'int16'\ntarget");
    std::fs::write(folder.path().join("wide.espq.toml"), wide).unwrap();
    let output = espq(folder.path(), &["compare", "before.json", "wide.espq.toml"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    insta::assert_snapshot!(stdout(&output));
    let same = espq(folder.path(), &["report", "--baseline", "before.json"]);
    assert!(stdout(&same).ends_with(": unchanged\n"), "{}", stdout(&same));
    let mixed = espq(folder.path(), &["compare", "before.json", "model.onnx"]);
    assert_eq!(mixed.status.code(), Some(2), "{}", stdout(&mixed));
}

#[test]
fn report_for_machines() {
    let output = espq(&fixture("digits"), &["report", "--format", "json", "--no-cache"]);
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let layers = report["layers"].as_array().unwrap();
    let conv = layers.iter().find(|l| l["op"] == "Conv").unwrap();
    assert!(conv["graphwise"]["nsr"].as_f64().unwrap() > 0.0);
    assert!(conv["layerwise"]["nsr"].as_f64().unwrap() > 0.0);
    assert_eq!(conv["inputs"][0]["bits"], 8);
    assert!(conv["outputs"][0]["exponents"][0].is_i64());
    for phase in ["load", "calibrate", "graphwise", "layerwise"] {
        assert!(report["seconds"][phase].as_f64().unwrap() > 0.0, "{phase}");
    }
}

#[test]
fn the_command_line_overrides_the_file() {
    let arguments = ["report", "--precision", "int16", "--target", "c", "--samples", "3", "--format", "json"];
    let report: Value = serde_json::from_str(&stdout(&espq(&fixture("digits"), &arguments))).unwrap();
    assert_eq!(report["settings"]["target"], "c");
    assert_eq!(report["settings"]["scheme"], "int16");
    assert_eq!(report["calibration_samples"], 3);
    assert_eq!(report["analysis_samples"], 3);
}

#[test]
fn an_unknown_layer_is_an_error() {
    insta::assert_snapshot!(refusal(&format!("{DIGITS}[precision]\n\"/conv9/Conv\" = 'int16'\n")));
}

#[test]
fn missing_samples_are_an_error() {
    insta::assert_snapshot!(refusal(&DIGITS.replace("calib.npz", "calib/*.npy")));
}

#[test]
fn a_missing_model_is_an_error() {
    insta::assert_snapshot!(refusal(&DIGITS.replace("model.onnx", "modle.onnx")));
}

#[test]
fn a_file_that_is_not_a_model_is_an_error() {
    insta::assert_snapshot!(refusal(&DIGITS.replace("model.onnx", "calib.npz")));
}

#[test]
fn several_typos_are_reported_together() {
    insta::assert_snapshot!(refusal(&DIGITS.replace("target", "traget").replace("data", "date")));
}

#[test]
fn init_without_samples_says_where_to_put_them() {
    let folder = project("");
    std::fs::remove_file(folder.path().join("espq.toml")).unwrap();
    let samples = folder.path().join("calib.npz");
    let elsewhere = tempfile::tempdir().unwrap();
    let moved = elsewhere.path().join("calib.npz");
    std::fs::rename(&samples, &moved).unwrap();
    let output = espq(folder.path(), &["init", "model.onnx"]);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
    insta::assert_snapshot!(stdout(&output));
    let file = folder.path().join("espq.toml");
    let written = std::fs::read_to_string(&file).unwrap();
    insta::assert_snapshot!(written);

    let again = espq(folder.path(), &["init", "model.onnx"]);
    assert_eq!(again.status.code(), Some(2));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), written);

    let empty = espq(folder.path(), &["report"]);
    assert!(stderr(&empty).contains("there is no file or folder calib\n"), "{}", stderr(&empty));
    std::fs::create_dir(folder.path().join("calib")).unwrap();
    std::fs::rename(&moved, folder.path().join("calib/any.npz")).unwrap();
    assert_eq!(espq(folder.path(), &["report"]).status.code(), Some(0));
}

#[test]
fn samples_of_another_ending_are_named_and_a_fix_takes_them() {
    let folder = project(&DIGITS.replace("calib.npz", "calib/*.npy"));
    std::fs::create_dir(folder.path().join("calib")).unwrap();
    std::fs::rename(folder.path().join("calib.npz"), folder.path().join("calib/any.npz")).unwrap();
    let lint = |arguments: &[&str]| espq(folder.path(), &[&["lint", "--static", "--select", "C"], arguments].concat());
    insta::assert_snapshot!(stdout(&lint(&[])));
    assert_eq!(lint(&["--unsafe-fixes"]).status.code(), Some(0));
    let text = std::fs::read_to_string(folder.path().join("espq.toml")).unwrap();
    assert!(text.contains("data = \"calib/any.npz\""), "{text}");
}

#[test]
fn init_finds_samples_and_measures() {
    let folder = project("");
    let file = folder.path().join("espq.toml");
    std::fs::remove_file(&file).unwrap();
    // Neither is of the model's input.
    std::fs::write(folder.path().join("a_calib.npy"), "no array").unwrap();
    std::fs::write(folder.path().join("labels.npy"), "").unwrap();
    let output = espq(folder.path(), &["init", "model.onnx"]);
    let text = stdout(&output);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""), "{text}");
    assert!(text.starts_with("Wrote espq.toml, with the samples in calib.npz.\n"), "{text}");
    assert!(text.contains("Layerwise error") && text.ends_with("  espq export   the file for the chip\n"), "{text}");
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written.contains("\ndata = \"calib.npz\"\n"), "{written}");
    // A command follows that works.
    assert_eq!(espq(folder.path(), &["lint", "--static", "--select", "S,C"]).status.code(), Some(0));
    let missing = espq(folder.path(), &["init", "model.onnx", "-o", "b.espq.toml", "--data", "gone"]);
    assert!(missing.status.code() == Some(2) && stderr(&missing).contains("there are no such samples"));
    let wrong = espq(folder.path(), &["init", "model.onnx", "-o", "b.espq.toml", "--data", "a_calib.npy"]);
    assert!(wrong.status.code() == Some(2) && !folder.path().join("b.espq.toml").exists(), "{}", stderr(&wrong));
}

#[test]
fn init_says_that_the_file_is_here_and_not_beside_the_model() {
    let folder = project("");
    std::fs::remove_file(folder.path().join("espq.toml")).unwrap();
    std::fs::create_dir(folder.path().join("a")).unwrap();
    std::fs::rename(folder.path().join("model.onnx"), folder.path().join("a/model.onnx")).unwrap();
    let first = |arguments: &[&str]| {
        let output = espq(folder.path(), &[&["init", "a/model.onnx", "--no-report"], arguments].concat());
        stdout(&output).lines().next().unwrap().to_string()
    };
    assert_eq!(first(&[]), "Wrote espq.toml into this folder, for a/model.onnx, with the samples in calib.npz.");
    assert!(first(&["-o", "a"]).starts_with("Wrote a/espq.toml. Put samples into a/calib as described there"));
}

#[test]
fn an_empty_diff_is_explained_beside_it() {
    let folder = project(DIGITS);
    let output = espq(folder.path(), &["optimize", "--diff", "--budget", "0"]);
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(0), ""));
    assert!(stderr(&output).contains("none below the error of"), "{}", stderr(&output));
}

#[test]
fn init_says_which_normalization_it_assumes() {
    let folder = tempfile::tempdir().unwrap();
    let files = fixture("lint/files");
    std::fs::copy(files.join("small.onnx"), folder.path().join("net.onnx")).unwrap();
    std::fs::create_dir(folder.path().join("photos")).unwrap();
    for picture in 0..8 {
        let name = format!("{picture}.png");
        std::fs::copy(files.join("pictures").join(&name), folder.path().join("photos").join(&name)).unwrap();
    }
    let output = espq(folder.path(), &["init", "net.onnx", "--target", "esp32s3"]);
    let text = stdout(&output);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""), "{text}");
    assert!(text.contains("Images are fed as pixel / 255, from 0 to 1. Check this with the training script"), "{text}");
    let written = std::fs::read_to_string(folder.path().join("espq.toml")).unwrap();
    assert!(written.contains("\ndata = \"photos\"\n") && written.contains("\nmean = 0\n"), "{written}");
    assert!(written.contains("\nsamples = 8\n"), "{written}");
    let signed = ["init", "net.onnx", "-o", "s.espq.toml", "--normalization", "signed", "--no-report"];
    let text = stdout(&espq(folder.path(), &signed));
    assert!(text.contains("from -1 to 1.\nNext:\n  espq report s.espq.toml\n"), "{text}");
    assert!(written.contains("# Assumed by `espq init`: pixel / 255"), "{written}");
}

#[test]
fn a_normalization_that_was_chosen_is_not_reported() {
    let folder = tempfile::tempdir().unwrap();
    let files = fixture("lint/files");
    std::fs::copy(files.join("small.onnx"), folder.path().join("net.onnx")).unwrap();
    std::fs::create_dir(folder.path().join("photos")).unwrap();
    std::fs::copy(files.join("pictures/0.png"), folder.path().join("photos/0.png")).unwrap();
    for chosen in ["unit", "signed", "imagenet", "raw"] {
        let file = format!("{chosen}.espq.toml");
        espq(folder.path(), &["init", "net.onnx", "-o", &file, "--normalization", chosen, "--no-report"]);
        let written = std::fs::read_to_string(folder.path().join(&file)).unwrap();
        assert!(written.contains("# As chosen in `espq init`: "), "{written}");
        let output = espq(folder.path(), &["lint", &file, "--static", "--select", "S007"]);
        assert_eq!(output.status.code(), Some(0), "{chosen}: {}", stdout(&output));
    }
}

#[test]
fn the_model_is_never_written() {
    let folder = project(DIGITS);
    let before = std::fs::read(folder.path().join("model.onnx")).unwrap();
    espq(folder.path(), &["report"]);
    assert_eq!(std::fs::read(folder.path().join("model.onnx")).unwrap(), before);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn inspect_lists_the_compatible_chips() {
    let output = espq(&fixture("espdl"), &["inspect", "c-int8.espdl"]);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
    let text = stdout(&output);
    assert!(text.contains("Conv + Relu") && text.contains("esp32c6, c  yes"), "{text}");
}

#[test]
fn inspect_for_machines() {
    let output = espq(&fixture("espdl"), &["inspect", "esp32p4-int8.espdl", "--format", "json", "--target", "esp32s3"]);
    let summary: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let model = &summary["models"][0];
    assert_eq!(model["nodes"][0]["attributes"]["activation"], "Relu");
    assert_eq!(model["fits"][0]["misfits"][0]["node"], "stem");
}

#[test]
fn inspect_names_what_it_cannot_read() {
    let output = espq(&fixture("espdl"), &["inspect", "layouts.json"]);
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(2), ""));
    assert!(stderr(&output).contains("layouts.json") && stderr(&output).contains("not an ESP-DL file"));
}

/// Project of the digits with labels; `lines` are those of `[accuracy]`.
fn labelled(lines: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/digits");
    let [model, calibration, test] = ["model.onnx", "calib.npz", "test.npz"].map(|file| fixtures.join(file));
    let digits = std::fs::read_to_string(fixtures.join("labels.txt")).unwrap();
    let labels: String = digits.trim().chars().map(|digit| format!("{digit}\n")).collect();
    std::fs::write(folder.path().join("labels.txt"), labels).unwrap();
    let text = format!(
        "[model]\npath = {model:?}\ntarget = 'esp32s3'\n[calibration]\ndata = {calibration:?}\n[accuracy]\ndata = {test:?}\n{lines}"
    );
    std::fs::write(folder.path().join("espq.toml"), text).unwrap();
    folder
}

fn accuracy(project: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_espq"))
        .args([&["accuracy", "--no-cache"], arguments].concat())
        .current_dir(project)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn right_classes_are_counted_in_float_simulated_and_on_the_chip() {
    let project = labelled("labels = 'labels.txt'\n");
    let (exit, text) = accuracy(project.path(), &[]);
    assert_eq!(exit, Some(0), "{text}");
    insta::assert_snapshot!(text);
    let (_, json) = accuracy(project.path(), &["--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    // Of the fixture: what esp-ppq's simulation and onnxruntime get right of 360.
    assert_eq!(json["accuracy"]["float"]["top1"], 357);
    assert_eq!(json["accuracy"]["simulated"], json["accuracy"]["on_chip"]);
}

#[test]
fn the_normalization_that_labelled_images_are_assumed_to_have_is_said() {
    let project = labelled("labels = 'folders'\n");
    let file = project.path().join("espq.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let small = text
        .replace("digits/model.onnx", "lint/files/small.onnx")
        .replace("digits/calib.npz", "lint/files/samples.npy");
    std::fs::write(&file, small.replace(&fixture("digits/test.npz").display().to_string(), "test")).unwrap();
    for class in ["0", "1"] {
        std::fs::create_dir_all(project.path().join("test").join(class)).unwrap();
        std::fs::copy(fixture("lint/files/pictures/0.png"), project.path().join("test").join(class).join("0.png"))
            .unwrap();
    }
    let (exit, text) = accuracy(project.path(), &[]);
    let note =
        "note: images are fed as pixel / 255, from 0 to 1, since [calibration.image] has no `mean`, `std` or `scale`";
    assert!(exit == Some(0) && text.contains(note), "{text}");
    let lint = espq(project.path(), &["lint", "--static", "--select", "S007", "--format", "concise"]);
    assert!(stdout(&lint).starts_with("espq.toml:7:8: S007 the images are fed as pixel / 255"), "{}", stdout(&lint));
    let chosen = small.replace("[accuracy]", "[calibration.image]\nmean = 0\n[accuracy]");
    std::fs::write(&file, chosen.replace(&fixture("digits/test.npz").display().to_string(), "test")).unwrap();
    assert!(!accuracy(project.path(), &[]).1.contains("note:"));
}

#[cfg(unix)]
#[test]
fn a_program_gets_the_outputs_of_all_samples_and_prints_a_number() {
    // The size of the array: 360 x 10 float32 behind a header of 128 bytes.
    let project = labelled("command = 'count() { wc -c < \"$1/output.npy\"; }; count'\n");
    let (exit, text) = accuracy(project.path(), &[]);
    assert_eq!(exit, Some(0), "{text}");
    insta::assert_snapshot!(text);
    let project = labelled("command = 'echo no number; false'\n");
    let (exit, text) = accuracy(project.path(), &[]);
    assert_eq!(exit, Some(2));
    assert!(text.contains("ended with code 1"), "{text}");
}

#[test]
fn accuracy_without_labels_says_how_to_name_them() {
    let project = labelled("samples = 3\n");
    let (exit, text) = accuracy(project.path(), &[]);
    assert_eq!(exit, Some(2));
    insta::assert_snapshot!(text.replace(&project.path().display().to_string(), ""));
}

#[test]
fn a_budget_that_is_no_time_is_refused() {
    for budget in ["nan", "-1", "soon"] {
        let output = espq(Path::new("."), &["optimize", &format!("--budget={budget}")]);
        let shown = stderr(&output);
        assert!(output.status.code() == Some(2) && shown.contains("must be a number of seconds from 0"), "{shown}");
    }
}
