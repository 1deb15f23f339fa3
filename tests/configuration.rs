//! The JSON Schema and the reader accept the same configurations.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

use std::path::{Path, PathBuf};

use espq::project::{ProblemKind, Project, schema};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn configurations(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => configurations(&path, found),
            false if path.to_string_lossy().ends_with("espq.toml") => found.push(path),
            false => {}
        }
    }
}

fn validator() -> jsonschema::Validator {
    let schema = serde_json::from_str(&schema::json_schema()).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    jsonschema::draft7::new(&schema).unwrap()
}

/// Validates by the schema; `None` if the text is not TOML.
fn is_valid(validator: &jsonschema::Validator, text: &str) -> Option<bool> {
    let value: toml::Value = toml::from_str(text).ok()?;
    Some(validator.is_valid(&serde_json::to_value(value).unwrap()))
}

/// Validates by the reader.
fn is_sound(text: &str) -> bool {
    Project::parse("espq.toml", text).problems.is_empty()
}

#[test]
fn schema_and_reader_agree_on_the_fixtures() {
    let validator = validator();
    let mut files = Vec::new();
    configurations(&root().join("fixtures"), &mut files);
    assert!(files.len() > 50);
    for file in files {
        // One of them is not UTF-8, which no schema can see.
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        if let Some(valid) = is_valid(&validator, &text) {
            assert_eq!(valid, is_sound(&text), "{}", file.display());
        }
    }
}

#[test]
fn schema_and_reader_agree_on_values() {
    let validator = validator();
    let values = [
        "0",
        "1",
        "-1",
        "32",
        "16384",
        "16385",
        "0.5",
        "1.5",
        "0.0",
        "true",
        "\"\"",
        "\"x\"",
        "\"1%\"",
        "\"150%\"",
        "\"-1%\"",
        "\"1.5e1 %\"",
        "\"3.3.9\"",
        "\"3.3\"",
        "\"int8\"",
        "\"esp32p4\"",
        "\"kl\"",
        "\"crop\"",
        "\"rgb\"",
        "\"nchw\"",
        "[]",
        "[1, 2]",
        "[0.5, 0]",
        "[224, 0]",
        "[\"E\"]",
        "[\"E\", \"\"]",
        "[1, 2, 3]",
        "{}",
        "{ x = \"a.npy\" }",
        "{ x = 1 }",
    ];
    let required = [("model.path", "\"m.onnx\""), ("model.target", "\"c\""), ("calibration.data", "\"c.npz\"")];
    for (path, _) in schema::values() {
        for value in values {
            let others = required.iter().filter(|(other, _)| *other != path);
            let text: String = others
                .map(|(key, value)| format!("{key} = {value}\n"))
                .chain([format!("{path} = {value}\n")])
                .collect();
            assert_eq!(is_valid(&validator, &text), Some(is_sound(&text)), "{text}");
        }
    }
}

#[test]
fn schema_and_reader_agree_on_required_keys() {
    let validator = validator();
    let lines = ["model.path = 'm'", "model.target = 'c'", "model.quantization = 'q'", "calibration.data = 'd'"];
    for chosen in 0..16 {
        let has = |bit: &usize| chosen >> bit & 1 == 1;
        let text = (0..4).filter(has).map(|bit| lines[bit]).collect::<Vec<_>>().join("\n");
        assert_eq!(is_valid(&validator, &text), Some(is_sound(&text)), "{text}");
    }
    let missing = Project::parse("espq.toml", "").problems;
    assert!(missing.iter().all(|p| p.kind == ProblemKind::MissingKey));
}
