use super::*;
use crate::chip::{Method, Scheme, Target};
use crate::project::declare::{Form, Stage};
use crate::project::{InputShapes, Project, Spanned, schema};

const WHOLE: &str = r#"
[model]
path   = "mobilenet_v2.onnx"
input-shape = [1, 3, 224, 224]
outputs = ["/a/Conv", "/b/Conv"]
inputs = { photo = "/c/Conv" }
target = "esp32p4"
precision = "int16"
quantization = "scales.json"

[calibration]
data   = "calib/*.npy"
samples = 16
method = "percentile"
[calibration.image]
size = [224, 200]
resize = 256
fit = "letterbox"
channels = "bgr"
layout = "nhwc"
scale = 1
mean = [0.485, 0.456, 0.406]
std  = 0.5
[calibration.methods]
"/a/Conv" = "mse"

[analysis]
data = "test/*.npy"
samples = 3

[accuracy]
labels = "labels.csv"
classes = ["cat", "dog"]
data = "labelled/*.png"
samples = 500
output = "logits"
command = "python score.py"

[precision]
"/features/features.1/conv/conv.0/conv.0.0/Conv" = "int16"

[limits]
boxes-found = 0.8
accuracy-loss = "1%"
output-nsr = "12.5%"
layer-nsr = 0.02
flash = "300 KB"
ram = 524288
latency = "1.5 s"

[board]
clock = 160
cache = "32 KB"
cache-line = 32
psram = 40
cores = 2
storage = "rodata"
param-copy = false
internal = "64 KB"
constants = "board.toml"

[lint]
select = ["E", "C"]
ignore = "E002"
exclude = ["old/", "*.bak.espq.toml"]

[optimize]
equalize = true
align = true
widen = true
scales = true
compensate = true
round = true
held-out = 3
correct = true
layerwise-equalization = { iterations = 4, opt-level = 2 }
bias-correction = { block-size = 1 }
weight-split = { interested-layers = ["/a/Conv"] }
channel-split = true

[export]
name = "small"
esp-dl = "3.3.9"
test-values = true
order = "smallest"
"#;

#[test]
fn backslashes_and_numbers_out_of_range_are_named() {
    let problem = |text: &str| {
        let (_, problems) = read(text);
        let problem = problems.into_iter().find(|problem| problem.kind != ProblemKind::MissingKey).unwrap();
        (problem.message, problem.help)
    };
    for path in [r".\model.onnx", r"C:\Users\me\net.onnx"] {
        let (message, help) = problem(&format!("[model]\npath = \"{path}\"\n"));
        assert_eq!(message, r"a `\` in double quotes begins an escape, and this is none");
        assert!(help.unwrap().starts_with("write `/` between folders"));
    }
    let (message, _) = problem("[calibration]\nsamples = 99999999999999999999\n");
    assert_eq!(message, "`calibration.samples` is out of range: no number above 9223372036854775807 is read");
}

#[test]
fn every_key_is_read() {
    let (config, problems) = read(WHOLE);
    assert_eq!(problems, []);
    let at = |span: &Span| &WHOLE[span.clone()];
    let layer = &config.precision[0];
    assert_eq!(layer.layer.value, "/features/features.1/conv/conv.0/conv.0.0/Conv");
    assert_eq!(at(&layer.layer.span), "\"/features/features.1/conv/conv.0/conv.0.0/Conv\"");
    assert_eq!(at(&layer.choice.span), "\"int16\"");
    assert_eq!(at(&config.calibration.image.size.as_ref().unwrap().span), "[224, 200]");
    assert_eq!(at(&config.span_of("model.path").unwrap()), "\"mobilenet_v2.onnx\"");
    let settings = config.settings().unwrap();
    assert_eq!((settings.target, settings.scheme), (Target::Esp32p4, Scheme::Int16));
    assert_eq!((settings.method, settings.layer_methods["/a/Conv"]), (Some(Method::Percentile), Method::Mse));
    assert_eq!((config.calibration_samples(), config.analysis_samples()), (16, 3));
    assert_eq!((config.output_limit(), config.layer_limit()), (0.125, 0.02));
    let entries = |list: &[Spanned<String>]| list.iter().map(|e| e.value.clone()).collect::<Vec<_>>().join(" ");
    assert_eq!((entries(&config.lint.select), entries(&config.lint.ignore)), ("E C".into(), "E002".into()));
    assert_eq!(config.export.esp_dl().0, [3, 3, 9]);
    let limits = [&config.limits.flash, &config.limits.ram].map(|limit| limit.as_ref().unwrap().value.0);
    assert_eq!((limits, config.limits.latency.as_ref().unwrap().value.0), ([300 << 10, 512 << 10], 1500.0));
    assert_eq!((config.board.internal().0, config.board.cores().0), (64 << 10, 2));
}

/// Returns the value of a key in `WHOLE`, as it is written.
fn written(path: &str) -> &'static str {
    let (table, name) = path.rsplit_once('.').unwrap();
    let section = WHOLE.split(&format!("[{table}]\n")).nth(1).unwrap();
    let mut entries = section.lines().filter_map(|line| line.split_once('='));
    entries.find(|(key, _)| key.trim() == name).unwrap().1.trim()
}

#[test]
fn every_key_has_its_span() {
    let (config, _) = read(WHOLE);
    for (path, _) in schema::values() {
        let span = config.span_of(&path).unwrap_or_else(|| panic!("{path}"));
        // The span of a list of strings is from its first to its last entry.
        let expected = if path.starts_with("lint.") { written(&path).trim_matches(['[', ']']) } else { written(&path) };
        assert_eq!(&WHOLE[span], expected, "{path}");
    }
}

#[test]
fn an_error_at_any_key_points_at_its_value() {
    for (path, key) in schema::values() {
        let (table, name) = path.rsplit_once('.').unwrap();
        let text = format!("[{table}]\n{name} = 1979-05-27\n");
        let (_, problems) = read(&text);
        let problem = problems.iter().find(|p| p.kind == ProblemKind::InvalidValue).unwrap_or_else(|| panic!("{path}"));
        assert_eq!((&text[problem.span.clone()], &problem.key), ("1979-05-27", &path));
        assert!(problem.message.starts_with(&format!("`{path}` must be ")), "{}", problem.message);
        assert!(key.doc().ends_with('.'), "{path}");
    }
}

#[test]
fn every_default_reads_as_itself() {
    for (path, key) in schema::values() {
        let Some(default) = key.default.map(|default| default()) else { continue };
        let (table, name) = path.rsplit_once('.').unwrap();
        let (config, problems) = read(&format!("[{table}]\n{name} = {default}\n"));
        assert!(problems.iter().all(|p| p.kind == ProblemKind::MissingKey), "{path}");
        assert_eq!(config.precision(), Config::default().precision());
        assert_eq!(config.output_limit(), Config::default().output_limit());
        assert_eq!(config.layer_limit(), Config::default().layer_limit());
    }
}

/// `WHOLE` without a key, or without the lines of a table of layers.
fn without(path: &str) -> String {
    let (table, name) = path.rsplit_once('.').filter(|_| !path.ends_with("methods")).unwrap_or((path, ""));
    let is_named = |line: &str| name.is_empty() || line.split('=').next().is_some_and(|key| key.trim() == name);
    let (mut text, mut section) = (String::new(), "");
    for line in WHOLE.lines() {
        section = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')).unwrap_or(section);
        if line.starts_with('[') || section != table || !is_named(line) {
            text += &format!("{line}\n");
        }
    }
    text
}

#[test]
fn a_key_decides_the_stage_that_it_declares_and_no_other() {
    let stages = |text: &str| {
        let config = read(text).0;
        [
            (Stage::Model, config.identity(Stage::Model)),
            (Stage::Samples, config.identity(Stage::Samples)),
            (Stage::Settings, format!("{:?}", config.settings())),
            (Stage::Analysis, config.identity(Stage::Analysis)),
            (Stage::Accuracy, config.identity(Stage::Accuracy)),
        ]
    };
    let whole = stages(WHOLE);
    for (path, key) in schema::every() {
        if matches!((key.form)(), Form::Table(_)) {
            continue;
        }
        let changed = whole.iter().zip(stages(&without(&path))).filter(|(before, after)| *before != after);
        let changed: Vec<Stage> = changed.map(|((stage, _), _)| *stage).collect();
        assert_eq!(changed, if key.stage == Stage::None { vec![] } else { vec![key.stage] }, "{path}");
    }
}

#[test]
fn missing_keys_have_defaults() {
    let (config, problems) = read("[model]\npath = 'm.onnx'\ntarget = 'c'\n[calibration]\ndata = 'c.npz'");
    assert_eq!(problems, []);
    assert_eq!((config.precision(), config.calibration.method.clone()), (Scheme::Int8, None));
    assert_eq!((config.calibration_samples(), config.analysis_samples()), (32, 9));
    assert_eq!((config.output_limit(), config.layer_limit()), (0.1, 0.01));
}

/// Formats problems as "marked text: message (help)".
fn problems(text: &str) -> Vec<String> {
    let show = |p: Problem| format!("{}: {} ({})", &text[p.span], p.message, p.help.unwrap_or_default());
    read(text).1.into_iter().map(show).collect()
}

#[test]
fn all_problems_at_once_each_with_its_place() {
    let text = r#"
[model]
pat = "m.onnx"
target = "esp32-p4"
precision = "int7"
batch = 1
[calibration]
samples = 0
method = 3
[calibration.image]
size = [224]
std = [0.2, 0]
[analyses]
[precision]
"/a/Conv" = "int12"
features.0.conv = "int16"
[limits]
output-nsr = "ten"
[export]
esp-dl = "3.3"
test-values = "yes"
"#;
    insta::assert_snapshot!(problems(text).join("\n"));
}

#[test]
fn broken_lines_do_not_hide_each_other() {
    let text = "[model]\npath = m.onnx\ntarget = \"c\n[calibration]\nmehtod = 'kl'\n[precision]\n/a/Conv = \"int16\"\n";
    insta::assert_snapshot!(problems(text).join("\n"));
}

#[test]
fn an_empty_file_lacks_three_keys() {
    insta::assert_snapshot!(problems("").join("\n"));
}

#[test]
fn a_suggestion_replaces_the_marked_text() {
    let text = "[modle]\n[calibration]\nmethod = 'minmx'";
    let fixed = read(text).1.into_iter().filter_map(|p| p.suggestion).rev().fold(text.to_string(), |mut text, s| {
        text.replace_range(s.span, &s.text);
        text
    });
    assert_eq!(fixed, "[model]\n[calibration]\nmethod = \"minmax\"");
}

#[test]
fn the_command_line_overrides_the_file() {
    let mut project = Project::parse("espq.toml", WHOLE);
    project.apply(&crate::project::Overrides { target: Some(Target::C), samples: Some(1), ..Default::default() });
    assert_eq!(project.config.settings().unwrap().target, Target::C);
    assert_eq!(project.config.calibration_samples(), 1);
    assert_eq!(project.config.span_of("model.target"), None);
}

proptest::proptest! {
    #[test]
    fn no_text_panics_and_no_span_leaves_it(text in "(\\[[a-z.]{1,12}\\]|[a-z]{1,8} = |\"|'|[0-9./\\[\\]{},=é]|\n|int8){0,40}") {
        for problem in read(&text).1 {
            proptest::prop_assert!(text.get(problem.span).is_some());
        }
    }

    #[test]
    fn no_cut_panics(at in 0..WHOLE.len()) {
        let _ = read(&WHOLE[..at]);
    }
}

#[test]
fn shapes_of_inputs_are_lists_or_a_table_of_lists() {
    let read = |value: &str| {
        let (config, problems) = read(&format!("[model]\npath = \"m.onnx\"\ntarget = \"c\"\ninput-shape = {value}\n"));
        let wrong = problems.iter().any(|problem| problem.key == "model.input-shape");
        (config.model.input_shape.map(|given| given.value), wrong)
    };
    assert_eq!(read("[1, 3, 16, 12]"), (Some(InputShapes::One(vec![1, 3, 16, 12])), false));
    let by_name = [("x".to_string(), vec![1, 4])].into();
    assert_eq!(read("{ x = [1, 4] }"), (Some(InputShapes::PerInput(by_name)), false));
    for wrong in ["[]", "[0]", "[1, -1]", "[1.5]", "{}", "{ x = 4 }", "\"1x3\"", "4"] {
        assert_eq!(read(wrong), (None, true), "{wrong}");
    }
}
