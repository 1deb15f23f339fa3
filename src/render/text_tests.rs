use super::*;
use crate::analysis::{ErrorFigures, Histogram, Seconds, Statistics, TensorStatistics};
use crate::chip::Target;
use crate::note::Note;
use crate::quant::Settings;

fn error(nsr: f64) -> ErrorFigures {
    ErrorFigures { nsr, cosine: 1.0 - nsr / 2.0, mse: nsr * 3.0 }
}

fn statistics_of(name: &str) -> TensorStatistics {
    let float = Statistics {
        min: -0.25,
        max: 6.0,
        mean: 0.5,
        std: 1.25,
        skewness: 2.0,
        kurtosis: 5.5,
        histogram: Histogram(vec![0, 5, 90, 40, 20, 10, 5, 1]),
    };
    TensorStatistics {
        name: name.into(),
        float: float.clone(),
        quantized: float.clone(),
        noise: float,
        error: error(0.004),
        saturated: 0.0125,
    }
}

fn layer(name: &str, op: &str, errors: Option<(f64, f64)>) -> Layer {
    Layer {
        name: name.into(),
        module: None,
        op: op.into(),
        scheme: Scheme::Int8,
        graphwise: errors.map(|e| error(e.0)),
        layerwise: errors.map(|e| error(e.1)),
        estimate: None,
        inputs: vec![],
        outputs: vec![],
        statistics: Some(statistics_of(name)),
    }
}

fn report() -> Report {
    let mut fine = layer("/features/features.18/features.18.0/Conv", "Conv", Some((0.1256, 0.0001)));
    fine.scheme = Scheme::Int16;
    Report {
        model: "mobilenet_v2.onnx".into(),
        settings: Settings {
            target: Target::Esp32p4,
            scheme: Scheme::Int8,
            layer_schemes: [(fine.name.clone(), Scheme::Int16)].into(),
            method: None,
            layer_methods: Default::default(),
            recipe: Default::default(),
            equalization: Default::default(),
            correction: Default::default(),
        },
        calibration_samples: 32,
        analysis_samples: 9,
        layers: vec![
            layer("/features/features.0/features.0.0/Conv", "Conv", Some((0.00183, 0.0221))),
            layer("/features/features.0/features.0.2/Clip", "Clip", None),
            layer("/features/features.1/conv/conv.0/conv.0.0/Conv", "Conv", Some((0.2563, 0.0712))),
            layer("/features/features.2/Add", "Add", None),
            fine,
            layer("/classifier/classifier.1/Gemm", "Gemm", Some((0.1134, 0.0))),
        ],
        outputs: vec![
            OutputError {
                name: "logits".into(),
                error: error(0.1134),
                standard_error: 0.0125,
                before: None,
                equal: None,
                agreement: None,
            },
            OutputError {
                name: "features".into(),
                error: error(0.004),
                standard_error: 0.0003,
                before: None,
                equal: None,
                agreement: None,
            },
        ],
        joints: Vec::new(),
        saturation: Vec::new(),
        detection: None,
        observers: None,
        notes: vec![Note::new("/features/features.0/features.0.1/BatchNormalization was folded into its Conv")],
        on_chip: None,
        accuracy: None,
        seconds: Seconds { load: 0.04, calibrate: 0.81, graphwise: 0.12, layerwise: 0.7, ..Seconds::default() },
    }
}

fn view(width: Option<usize>) -> View<'static> {
    let terminal = Terminal { width, color: false };
    View {
        terminal,
        statistics: false,
        cost: false,
        top: None,
        output_limit: 0.1,
        layer_limits: &|_| 0.01,
        trials: None,
        profile: None,
    }
}

#[test]
fn a_report_in_a_pipe() {
    insta::assert_snapshot!(text(&report(), None, &view(None)));
}

#[test]
fn an_output_of_tiny_values_is_lost_whatever_the_ratio() {
    let mut report = report();
    report.outputs[1].error = ErrorFigures { nsr: 0.0, cosine: 0.0, mse: 1e-17 };
    let shown = text(&report, None, &view(None));
    let line = shown.lines().find(|line| line.contains("features  NSR")).unwrap();
    assert!(line.starts_with("  ✗ features  NSR 0.000%"), "{line}");
    assert!(line.ends_with("nothing is left of it: its values are too small for a ratio to show it"), "{line}");
}

#[test]
fn a_narrow_terminal_cuts_names_not_figures() {
    let shown = text(&report(), None, &View { statistics: true, ..view(Some(60)) });
    let wide: Vec<&str> = shown.lines().filter(|l| l.starts_with("  /") && l.chars().count() > 60).collect();
    assert_eq!(wide, Vec::<&str>::new());
    insta::assert_snapshot!(shown);
}

#[test]
fn statistics_and_the_worst_only() {
    insta::assert_snapshot!(text(&report(), None, &View { statistics: true, top: Some(2), ..view(None) }));
}

fn trial(layers: &[&str], after: f64, flash: i64) -> Trial {
    Trial {
        layers: layers.iter().map(ToString::to_string).collect(),
        scheme: Scheme::Int16,
        before: 0.1134,
        after,
        is_estimate: false,
        stays: None,
        flash,
        latency: None,
        cost: None,
        breaks: vec![],
    }
}

#[test]
fn trade_offs_are_lines_of_error_flash_and_layers() {
    let guess = Trial { is_estimate: true, ..trial(&["/a/Conv"], 0.0912, 400) };
    let trade_offs = vec![guess, trial(&["/a/Conv", "/b/Conv", "/c/Conv"], 0.0134, 13_400)];
    let trials = Trials { trade_offs, searched: true, ..Trials::default() };
    let shown = text(&report(), None, &View { trials: Some(Arc::new(trials)), ..view(None) });
    let section = shown.split("\n\n").find(|section| section.starts_with("int16 by flash")).unwrap();
    assert_eq!(
        section,
        "int16 by flash: error of the worst output, 11.3% without\n   about 9.12%    +0.4 KB  1 layer    /a/Conv\n         1.34%     \
         +13 KB  3 layers   /a/Conv, /b/Conv and 1 more"
    );
}

#[test]
fn advice_is_what_was_measured() {
    let (first, second) = ("/features/features.0/Conv", "/features/features.1/Conv");
    let trials = Trials {
        layers: vec![
            (first.to_string(), Some(trial(&[first], 0.134, 900))),
            (second.to_string(), Some(trial(&[second], 0.091, 400))),
        ],
        outputs: Some(trial(&[second], 0.091, 400)),
        searched: true,
        ..Trials::default()
    };
    let shown = text(&report(), None, &View { trials: Some(Arc::new(trials)), ..view(None) });
    let advice: Vec<&str> = shown.lines().filter(|line| line.contains("KB flash")).collect();
    assert_eq!(
        advice,
        [
            "    Set `/features/features.1/Conv` to int16: output error 11.3% -> 9.1%, +0.4 KB flash",
            "    Set `/features/features.1/Conv` to int16: output error 11.3% -> 9.1%, +0.4 KB flash",
        ]
    );
}

#[test]
fn nan_is_the_largest_error() {
    let mut report = report();
    report.layers[0].graphwise = Some(error(f64::NAN));
    report.outputs[0].error = error(f64::INFINITY);
    let shown = text(&report, None, &View { top: Some(1), ..view(None) });
    insta::assert_snapshot!(shown);
}

#[test]
fn colours_take_no_room() {
    let plain = text(&report(), None, &view(Some(100)));
    let colored = text(&report(), None, &View { terminal: Terminal { width: Some(100), color: true }, ..view(None) });
    let mut bare = String::new();
    for part in colored.split('\x1b') {
        bare.push_str(part.split_once('m').filter(|(code, _)| code.starts_with('[')).map_or(part, |(_, rest)| rest));
    }
    assert_eq!(bare, plain);
}

#[test]
fn json_is_read_back_unchanged() {
    let mut read: serde_json::Value =
        serde_json::from_str(&crate::render::json(&report(), None, &view(None)).unwrap()).unwrap();
    assert_eq!(read["notes"], serde_json::json!(crate::note::sentences(&report().notes)));
    read["notes"] = serde_json::to_value(report().notes).unwrap();
    assert_eq!(serde_json::from_value::<Report>(read).unwrap(), report());
}
