use super::text::{First, configuration as text_of};
use super::*;
use crate::chip::Target;
use crate::graph::DataType;
use crate::project::Project;
use crate::samples::InputSpec;

fn configuration(model: &str, target: Target, inputs: &[InputSpec], layer: Option<&str>) -> String {
    text_of(&First { model, target, inputs, layer, has_scales: false, data: None, samples: None, normalization: None })
}

fn input(name: &str, shape: &[usize], data_type: DataType) -> InputSpec {
    InputSpec { name: name.into(), data_type, shape: shape.to_vec(), free: Vec::new() }
}

#[test]
fn a_classifier_of_pictures() {
    let text = configuration(
        "../mobilenet_v2.onnx",
        Target::Esp32p4,
        &[input("input.1", &[1, 3, 224, 224], DataType::F32)],
        Some("/features/features.0/features.0.0/Conv"),
    );
    insta::assert_snapshot!(text);
}

#[test]
fn two_inputs() {
    let inputs = [input("audio", &[1, 40, 98], DataType::F32), input("ids", &[1, 16], DataType::I64)];
    insta::assert_snapshot!(configuration("net.onnx", Target::C, &inputs, None));
}

#[test]
fn the_written_file_has_no_problems_even_if_uncommented() {
    let inputs = [input("a \"b\"", &[1, 1, 28, 28], DataType::F32)];
    let text = configuration("odd \"name\\.onnx", Target::Esp32s3, &inputs, Some("a \"b\""));
    let uncommented: String = text
        .lines()
        .map(|l| l.strip_prefix("# ").filter(|l| l.starts_with('[') || l.contains(" = ")).unwrap_or(l))
        .fold(String::new(), |all, line| all + line + "\n");
    for text in [text, uncommented] {
        let project = Project::parse("espq.toml", text);
        assert_eq!(project.problems, []);
        assert_eq!(project.config.model.path.unwrap().value, "odd \"name\\.onnx");
    }
}

#[test]
fn the_path_to_the_model_is_relative() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    std::fs::create_dir_all(at("a/b")).unwrap();
    std::fs::create_dir_all(at("a/c")).unwrap();
    std::fs::write(at("a/b/net.onnx"), "").unwrap();
    assert_eq!(relative(&at("a/b/net.onnx"), &at("a/b")).unwrap(), "net.onnx");
    assert_eq!(relative(&at("a/b/net.onnx"), &at("a/c")).unwrap(), "../b/net.onnx");
    assert_eq!(relative(&at("a/b/net.onnx"), &at("a")).unwrap(), "b/net.onnx");
}

#[test]
fn an_existing_file_is_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("espq.toml");
    std::fs::write(&file, "mine").unwrap();
    let error = write_new(&file, "yours").unwrap_err();
    assert_eq!(error.what(), "already exists and was left unchanged");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}

#[test]
fn the_name_must_be_one_that_espq_finds() {
    assert_eq!(configuration_at(Path::new("nets")).unwrap(), Path::new("nets/espq.toml"));
    assert_eq!(configuration_at(Path::new("nets/kws.espq.toml")).unwrap(), Path::new("nets/kws.espq.toml"));
    assert_eq!(configuration_at(Path::new("kws.toml")).unwrap_err().help(), Some("`-o kws.espq.toml`"));
}

#[test]
fn the_precision_of_trained_scales_is_not_replaced() {
    let inputs = [input("x", &[1, 3, 32, 32], DataType::F32)];
    let first = First {
        model: "m.onnx",
        target: Target::Esp32s3,
        inputs: &inputs,
        layer: None,
        has_scales: true,
        data: None,
        samples: None,
        normalization: None,
    };
    let text = text_of(&first);
    assert!(text.contains("\n# precision = \"int8\"\n"), "{text}");
    assert_eq!(Project::parse("espq.toml", text).config.model.precision, None);
}

#[test]
fn samples_and_normalization_are_written() {
    let inputs = [input("x", &[1, 3, 32, 32], DataType::F32)];
    for normalization in Normalization::value_variants() {
        let first = First {
            model: "m.onnx",
            target: Target::Esp32s3,
            inputs: &inputs,
            layer: None,
            has_scales: false,
            data: Some("pictures"),
            samples: Some(9),
            normalization: Some(Chosen { normalization: *normalization, is_assumed: false }),
        };
        let project = Project::parse("espq.toml", text_of(&first));
        assert_eq!(project.problems, [], "{}", project.text);
        let image = &project.config.calibration.image;
        assert!(image.mean.is_some() && image.std.is_some());
        assert_eq!(image.scale.is_some(), *normalization == Normalization::Raw);
        assert_eq!(project.config.calibration_samples(), 9);
        let comment = format!("# As chosen in `espq init`: {}.", normalization.words());
        assert!(
            project.text.replace("\n# ", " ").replace("[calibration.image] ", "# ").contains(&comment[2..]),
            "{}",
            project.text
        );
    }
}

#[test]
fn a_layer_whose_name_has_several_lines_is_no_example() {
    let inputs = [input("x", &[1, 8], DataType::F32)];
    let text = configuration("m.onnx", Target::Esp32s3, &inputs, Some("a\nb"));
    assert_eq!(text, configuration("m.onnx", Target::Esp32s3, &inputs, None));
    assert!(Project::parse("espq.toml", text).problems.is_empty());
}
