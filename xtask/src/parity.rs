//! `parity NAME`: the parity test of one fixture, printing only its differences.

use std::process::Command;

use crate::{cargo, root};

/// Runs the test of a fixture; returns its differences, or one line if there are none.
pub fn parity(name: &str) -> Result<String, String> {
    let folder = root().join("fixtures").join(name);
    if !["model.onnx", "model.tflite", "model.pt2"].iter().any(|model| folder.join(model).is_file()) {
        return Err(format!(
            "there is no model in fixtures/{name}; fixtures with references: {}",
            fixtures()?.join(", ")
        ));
    }
    let test = name.replace(['-', '/'], "_");
    let mut command = Command::new(cargo());
    command.args(["test", "--quiet", "--test", "parity", "--", "--exact", &test]).env("RUST_BACKTRACE", "0");
    let output = command.current_dir(root()).env("PARITY_ALL", "1").output().map_err(|e| format!("cargo: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.split_once("differences:\n") {
        Some((_, differences)) => Ok(differences.split("\nnote: ").next().unwrap_or_default().trim_end().to_string()),
        None if output.status.success() => Ok(format!("{name}: equal to esp-ppq on every reference")),
        None => Err(format!("{text}{}", String::from_utf8_lossy(&output.stderr))),
    }
}

fn fixtures() -> Result<Vec<String>, String> {
    let folder = root().join("fixtures");
    let entries = std::fs::read_dir(&folder).map_err(crate::at(&folder))?.filter_map(Result::ok);
    let with_model = entries.filter(|entry| entry.path().join("model.onnx").is_file());
    let mut names: Vec<String> = with_model.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}
