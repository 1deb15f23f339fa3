use super::*;
use std::fs;

const PLAIN: Terminal = Terminal { width: None, color: false };

/// Renders the problems of a project with this text.
fn shown(text: &str) -> String {
    explain(&Failure::Problems(Box::new(Project::parse("net/espq.toml", text))), &PLAIN)
}

#[test]
fn problems_are_shown_on_their_lines() {
    insta::assert_snapshot!(shown(
        "[model]\npath = \"net.onnx\"\ntraget = \"esp32p4\"\n\n[calibration]\ndata = \"calib/*.npy\"\nmethod = \"minmx\"\n"
    ));
}

#[test]
fn a_file_that_is_no_toml() {
    insta::assert_snapshot!(shown("[model]\npath = net.onnx\n[precision]\n/a/Conv = \"int16\"\n"));
}

#[test]
fn an_error_at_a_key_shows_the_key() {
    let project = Project::parse(
        "net/espq.toml",
        "[model]\npath = \"net.onnx\"\ntarget = \"c\"\n[calibration]\ndata = \"calib/*.npy\"\n",
    );
    let error = Error::new("the array is 32x8x8x3, but input `x` expects 1x3x8x8")
        .in_file("net/calib/a.npy")
        .at_key("calibration.data")
        .with_help("the samples are channels-last: transpose them");
    insta::assert_snapshot!(explain(&Failure::Within(Box::new(project), error), &PLAIN));
}

#[test]
fn an_error_without_a_key_names_file_and_layer() {
    let error = Error::new("operator `Foo` is not supported").in_file("net.onnx").in_layer("/a/Foo");
    insta::assert_snapshot!(explain(&Failure::Plain(error), &PLAIN));
}

#[test]
fn colours_are_off_by_default() {
    let failure = Failure::Plain(Error::new("it is so").with_help("do this"));
    assert!(!explain(&failure, &PLAIN).contains('\x1b'));
    assert!(explain(&failure, &Terminal { width: Some(80), color: true }).contains('\x1b'));
}

#[test]
fn folders_without_one_configuration_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let load = || {
        let error = Project::load(folder.path()).unwrap_err();
        explain(&Failure::Plain(error), &PLAIN).replace(&folder.path().display().to_string(), "nets")
    };
    let none = load();
    fs::write(folder.path().join("a.espq.toml"), "").unwrap();
    fs::write(folder.path().join("b.espq.toml"), "").unwrap();
    insta::assert_snapshot!(format!("{none}\n{}", load()));
}

#[test]
fn the_arguments_are_consistent() {
    <Arguments as clap::CommandFactory>::command().debug_assert();
}

#[test]
fn layers_that_the_message_does_not_name_are_listed() {
    let related = |layer: &str, is_named| crate::lint::Related {
        message: "too".into(),
        span: None,
        layer: Some(layer.into()),
        is_named,
    };
    let mut finding = crate::lint::Finding::new(crate::lint::RULES[0], 0..1, "layer /a/b and 2 more: too wide");
    // A layer whose name contains another's does not name that one.
    finding.related = vec![related("/a/b", true), related("/a", false), related("/c", false)];
    let project = Project::parse("espq.toml", "x = 1");
    let text = crate::render::diagnostics::Diagnostics::new(&PLAIN)
        .finding(&finding, &crate::render::frame::Source::of(&project));
    assert!(text.contains("help: layers: /a, /c\n"), "{text}");
}
