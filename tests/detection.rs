//! Tests of detection networks: their ends, heads, parts and boxes, on the command line.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/detectors").join(name)
}

fn espq(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_espq"));
    command.args(arguments).current_dir(folder).env("ESPQ_CACHE_DIR", "never-used-because-of---no-cache");
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Makes a copy of a network with lines of [model], and of what follows.
fn project(name: &str, model: &str, rest: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(fixture(name).join("model.onnx"), folder.path().join("model.onnx")).unwrap();
    std::fs::copy(fixture("calib.npz"), folder.path().join("calib.npz")).unwrap();
    let text = format!(
        "[model]\npath = 'model.onnx'\ntarget = 'esp32p4'\n{model}\n[calibration]\ndata = 'calib.npz'\nsamples = 4\nmethod = 'minmax'\n{rest}"
    );
    std::fs::write(folder.path().join("espq.toml"), text).unwrap();
    folder
}

fn report(folder: &Path) -> Value {
    let output = espq(folder, &["report", "--no-cache", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn outputs(report: &Value) -> Vec<(String, f64)> {
    let one = |output: &Value| (output["name"].as_str().unwrap().to_string(), output["error"]["nsr"].as_f64().unwrap());
    report["outputs"].as_array().unwrap().iter().map(one).collect()
}

fn names(report: &Value) -> Vec<String> {
    outputs(report).into_iter().map(|(name, _)| name).collect()
}

/// Returns the error output of a failing report.
fn refusal(model: &str) -> String {
    let folder = project("yolo11", model, "");
    let output = espq(folder.path(), &["report", "--no-cache"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    text(&output)
}

const CUT: &str = "outputs = { box0 = '/head/box0/Conv', score0 = '/head/score0/Conv_output_0' }\n";

#[test]
fn a_network_ends_at_layers_and_values_with_new_names() {
    let folder = project("yolo11", CUT, "");
    let report = report(folder.path());
    assert_eq!(names(&report), ["box0", "score0"]);
    let layers: Vec<&str> = report["layers"].as_array().unwrap().iter().map(|l| l["name"].as_str().unwrap()).collect();
    assert!(layers.contains(&"/head/box0/Conv") && !layers.contains(&"/head/box1/Conv"), "{layers:?}");
    assert!(report["notes"].to_string().contains("layers of the file are outside of `outputs` and `inputs`"));
    let list = project("yolo11", "outputs = ['/head/box0/Conv', '/head/score0/Conv']\n", "");
    assert_eq!(names(&self::report(list.path())), ["/head/box0/Conv_output_0", "/head/score0/Conv_output_0"]);
}

#[test]
fn a_cut_network_is_exported_with_its_names_and_test_values() {
    let folder = project("yolo11", CUT, "");
    let output = espq(folder.path(), &["export", "--no-cache", "--test-values", "-o", "out"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let file = std::fs::read_dir(folder.path().join("out")).unwrap().flatten().map(|f| f.path());
    let file = file.into_iter().find(|f| f.extension().is_some_and(|e| e == "espdl")).unwrap();
    let inspected = text(&espq(folder.path(), &["inspect", file.to_str().unwrap()]));
    for shape in ["box0    int8  1x8x8x64", "score0  int8  1x8x8x3"] {
        assert!(inspected.contains(shape), "{inspected}");
    }
}

#[test]
fn a_network_begins_behind_its_inputs_and_samples_run_through_the_part_before() {
    let begins = "inputs = ['/body/0/act/Mul']\n";
    let whole = project("yolo11", CUT, "");
    let cut = project("yolo11", &format!("{CUT}{begins}"), "");
    let (whole, cut) = (report(whole.path()), report(cut.path()));
    assert_eq!(names(&cut), names(&whole));
    // The first layer is not quantized any more, so the error is another, but of the same kind.
    for ((_, whole), (_, cut)) in outputs(&whole).iter().zip(outputs(&cut)) {
        assert!(cut < 4.0 * whole && *whole < 20.0 * cut, "{whole} {cut}");
    }
    let first = &cut["layers"][0];
    assert_eq!(first["name"], "/body/1/Conv");
    // Both an input of the file and one behind it, under new names.
    let named = project("yolo11", &format!("{CUT}inputs = {{ photo = 'images' }}\n"), "");
    let report = self::report(named.path());
    assert_eq!(report["layers"][0]["inputs"][0]["name"], "photo");
}

#[test]
fn errors_of_ends_are_on_their_line_with_what_to_do() {
    let cases = [
        ("outputs = ['/head/box0/Con']", "the model has no value and no layer `/head/box0/Con`", "/head/box0/Conv"),
        ("outputs = ['images']", "`images` is an input of the model", "computed from it"),
        ("outputs = ['/head/centers']", "`/head/centers` is a constant", "between the model's inputs"),
        ("outputs = ['/head/box0/Conv', '/head/box0/Conv_output_0']", "are one value", "remove one of them"),
        ("outputs = ['/head/box0/Conv', '/head/box0/Conv']", "is in `model.outputs` twice", "remove one of them"),
        ("outputs = []", "`model.outputs` must be a list of names", "box0"),
        ("outputs = { a = 3 }", "`model.outputs` must be a list of names", "box0"),
        ("outputs = { images = '/head/box0/Conv' }", "`images` is the name of another value", "choose a name"),
        (
            "inputs = ['/body/3/act/Mul']\noutputs = ['/body/2/Conv']",
            "output `/body/2/Conv` cannot be reached from `inputs`",
            "outputs behind the inputs",
        ),
        ("inputs = ['/body/3/act/Mul']", "also reads `/head/box0/Reshape_output_0`", "to `inputs`"),
        (
            "inputs = ['/body/2/act/Mul', '/head/box0/Conv']\noutputs = ['/body/3/Conv']",
            "no output depends on `/head/box0/Conv`",
            "remove it",
        ),
        ("inputs = ['/body/0/Conv']\noutputs = ['/body/0/Conv']", "is both an input and an output", "remove it"),
    ];
    for (model, what, help) in cases {
        let error = refusal(&format!("{model}\n"));
        let words = error.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
        assert!(words.contains(what) && words.contains(help), "{model}: {error}");
        assert!(error.contains("espq.toml:4:") || error.contains("espq.toml:5:"), "{model}: {error}");
    }
}

#[test]
fn a_split_names_its_outputs() {
    let folder = project("yolov8", "outputs = ['/head/Split']\n", "");
    let error = text(&espq(folder.path(), &["report", "--no-cache"]));
    assert!(error.contains("layer `/head/Split` has 2 outputs") && error.contains("`/head/Split_output_1`"), "{error}");
}

#[test]
fn a_precision_of_a_layer_that_is_cut_off_is_reported() {
    let folder = project("yolo11", CUT, "[precision]\n'/head/box1/Conv' = 'int16'\n");
    let output = text(&espq(folder.path(), &["lint", "--no-cache", "--static"]));
    assert!(output.contains("`/head/box1/Conv` was cut off"), "{output}");
}

/// Returns the outputs that the fix of D010 writes.
fn fixed(name: &str) -> (String, Vec<String>) {
    let folder = project(name, "", "");
    let arguments = ["lint", "--no-cache", "--static", "--select", "D010", "--unsafe-fixes"];
    let output = espq(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let written = std::fs::read_to_string(folder.path().join("espq.toml")).unwrap();
    (written, names(&report(folder.path())))
}

fn of(levels: std::ops::Range<usize>, parts: &[&str]) -> Vec<String> {
    levels.flat_map(|level| parts.iter().map(move |part| format!("{part}{level}"))).collect()
}

#[test]
fn heads_end_at_the_values_that_the_postprocessors_read() {
    let plain = of(0..3, &["box", "score"]);
    for name in ["yolo11", "yolov8", "espdet"] {
        let (written, names) = fixed(name);
        assert_eq!(names, plain, "{written}");
        assert!(written.contains("[model.outputs]\nbox0 = \"/head/box0/Conv\"\n"), "{written}");
    }
    assert_eq!(fixed("pose").1, [plain.clone(), of(0..3, &["kpt"])].concat());
    assert_eq!(fixed("seg").1, [plain, of(0..3, &["mc"]), vec!["p".to_string()]].concat());
    let yolo26: Vec<String> =
        [3, 4, 5].iter().flat_map(|p| ["box", "cls"].map(|part| format!("one2one_p{p}_{part}"))).collect();
    assert_eq!(fixed("yolo26").1, yolo26);
}

#[test]
fn other_networks_have_no_head() {
    for name in ["digits", "mixed", "shapes"] {
        let folder = fixture("..").join(name);
        let output = text(&espq(&folder, &["lint", "--no-cache", "--static", "--select", "D010"]));
        assert!(output.contains("Found no issues"), "{output}");
    }
}

#[test]
fn a_decoded_head_loses_its_scores_and_a_cut_one_keeps_its_boxes() {
    let folder = project("yolo11", "", "");
    let whole = report(folder.path());
    let joints = whole["joints"].as_array().unwrap();
    let part = &joints.iter().find(|joint| joint["output"] == "output0").unwrap()["parts"][1];
    assert_eq!((part["first"].as_u64(), part["last"].as_u64()), (Some(4), Some(6)));
    assert!(part["nsr"].as_f64().unwrap() > 0.5, "{part}");
    assert!(whole["outputs"][0]["error"]["nsr"].as_f64().unwrap() < 0.1);
    let boxes = &whole["detection"];
    assert!(boxes["boxes"].as_u64().unwrap() > 5, "{boxes}");
    let arguments = ["lint", "--no-cache", "--format", "json", "--select", "D010,E010,E011"];
    let findings: Value = serde_json::from_slice(&espq(folder.path(), &arguments).stdout).unwrap();
    let findings: Vec<&Value> = findings.as_array().unwrap().iter().collect();
    let of = |code: &str| findings.iter().find(|f| f["code"] == code).unwrap_or_else(|| panic!("{code}: {findings:?}"));
    assert!(of("E010")["message"].as_str().unwrap().contains("channels 4 to 6 lose"), "{findings:?}");
    assert!(of("E011")["message"].as_str().unwrap().contains("under the limit of 90%"), "{findings:?}");
    let title = of("D010")["fixes"][0]["title"].as_str().unwrap();
    assert!(title.contains("error output0") && title.contains("-> box0") && title.contains("boxes found"), "{title}");
    let cut = project("yolo11", "", "");
    espq(cut.path(), &["lint", "--no-cache", "--static", "--select", "D010", "--unsafe-fixes"]);
    let found = &report(cut.path())["detection"];
    assert_eq!(found["boxes"], boxes["boxes"]);
    assert!(found["found"].as_u64() > boxes["found"].as_u64(), "{found} {boxes}");
}

#[test]
fn key_points_and_masks_are_compared() {
    for (name, key) in [("pose", "key_point_distance"), ("seg", "mask_overlap")] {
        let folder = project(name, "", "");
        espq(folder.path(), &["lint", "--no-cache", "--static", "--select", "D010", "--unsafe-fixes"]);
        let detection = &report(folder.path())["detection"];
        assert!(detection[key].as_f64().is_some_and(|figure| figure.is_finite()), "{detection}");
    }
}

#[test]
fn photos_of_detection_networks_are_letterboxed() {
    let folder = project("yolo11", "", "");
    std::fs::create_dir(folder.path().join("photos")).unwrap();
    // Twice as wide as high: a quarter of the input is gray above, and a quarter below.
    for at in 0..2 {
        let photo = image::RgbImage::from_fn(128, 64, |x, y| image::Rgb([(x * 2) as u8, (y * 4) as u8, 40 * at]));
        photo.save(folder.path().join(format!("photos/{at}.png"))).unwrap();
    }
    let with = |image: &str| {
        let text = "[model]\npath = 'model.onnx'\ntarget = 'esp32p4'\n[calibration]\ndata = 'photos'\nsamples = 2\n";
        std::fs::write(folder.path().join("espq.toml"), format!("{text}{image}")).unwrap();
        report(folder.path())
    };
    let recognized = with("");
    assert!(
        recognized["notes"].to_string().contains("letterboxed to its input, with gray 114"),
        "{}",
        recognized["notes"]
    );
    let chosen = with("[calibration.image]\nfit = 'letterbox'\n");
    assert!(!chosen["notes"].to_string().contains("letterboxed"), "{}", chosen["notes"]);
    assert_eq!(outputs(&recognized), outputs(&chosen));
    let stretched = with("[calibration.image]\nresize = 'stretch'\n");
    assert_ne!(outputs(&stretched), outputs(&chosen));
}

/// Makes a project of a network that ends before decoding.
fn cut(name: &str) -> tempfile::TempDir {
    let folder = project(name, "", "");
    espq(folder.path(), &["lint", "--no-cache", "--static", "--select", "D010", "--unsafe-fixes"]);
    folder
}

fn optimized(name: &str, arguments: &[&str]) -> Output {
    let folder = cut(name);
    let arguments = [&["optimize", "--no-cache", "--budget", "600", "--dry-run"], arguments].concat();
    let output = espq(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    output
}

/// Replaces numbers, which another processor's sums can move.
fn without_numbers(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars() {
        match c.is_ascii_digit() || (c == '.' && shown.ends_with('#')) {
            false => shown.push(c),
            true if shown.ends_with('#') => {}
            true => shown.push('#'),
        }
    }
    shown
}

#[test]
fn a_search_shows_boxes_before_and_after() {
    let shown = text(&optimized("seg", &[]));
    let (_, last) = shown.split_once("candidates measured").unwrap();
    insta::assert_snapshot!("optimize", without_numbers(last));
    let folder = cut("yolo11");
    let arguments = ["optimize", "--no-cache", "--budget", "600", "--dry-run", "--format", "json"];
    let found: Value = serde_json::from_slice(&espq(folder.path(), &arguments).stdout).unwrap();
    for figure in ["before", "after"] {
        let boxes = &found[figure]["boxes"];
        assert!(boxes["boxes"].as_u64() > Some(5) && boxes["new"].is_u64(), "{figure}: {boxes}");
    }
    // Few samples are all held out, as all of them calibrate: those of the report.
    assert_eq!(found["samples"], 4);
    assert_eq!(found["before"]["boxes"], report(folder.path())["detection"]);
}

#[test]
fn a_candidate_that_loses_boxes_is_not_taken_whatever_its_error() {
    let found: Value = serde_json::from_slice(&optimized("pose", &["--format", "json"]).stdout).unwrap();
    let tried = found["tried"].as_array().unwrap();
    let nsr = |figure: &Value| figure["nsr"].as_f64().unwrap();
    let losing: Vec<&Value> = tried.iter().filter(|tried| tried["loses_boxes"] == true).collect();
    assert!(losing.iter().all(|tried| tried["figure"] != found["after"]));
    // A box more or less, as processors differ in the last bit, decides if there is one.
    let is_named = losing.iter().any(|tried| nsr(&tried["figure"]) < nsr(&found["after"]));
    assert_eq!(found["losing"].is_object(), is_named, "{losing:?}");
    let shown = text(&optimized("pose", &[]));
    assert!(shown.contains("key points"), "{shown}");
    assert_eq!(shown.contains("was not taken: it finds"), is_named, "{shown}");
    if is_named {
        assert!(nsr(&found["losing"]) < nsr(&found["after"]), "{}", found["losing"]);
        assert!(found["losing"]["boxes"]["found"].as_u64() < found["before"]["boxes"]["found"].as_u64());
    }
}
