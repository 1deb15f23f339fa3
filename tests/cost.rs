//! Tests of flash, RAM and time on the command line: report, inspect, limits, projects for a board, and its logs.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn espq(folder: &Path, arguments: &[&str]) -> Output {
    // A separate cache, since tests must not use the user's.
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache-of-cost");
    let mut command = Command::new(env!("CARGO_BIN_EXE_espq"));
    command.args(arguments).current_dir(folder).env("ESPQ_CACHE_DIR", cache).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.code().is_some_and(|code| code < 2), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&stdout(&espq(folder, arguments))).unwrap()
}

/// Makes a project of the digits network with these lines in its espq.toml.
fn project(target: &str, lines: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let digits = fixture("digits");
    let digits = digits.display();
    let text = format!(
        "[model]\npath = '{digits}/model.onnx'\ntarget = '{target}'\n[calibration]\ndata = '{digits}/calib.npz'\n{lines}"
    );
    std::fs::write(folder.path().join("espq.toml"), text).unwrap();
    folder
}

fn cost(folder: &Path) -> Value {
    json(folder, &["report", "--format", "json"])["cost"].clone()
}

#[test]
fn the_report_has_the_size_of_the_file_that_export_writes() {
    for lines in ["", "[export]\ntest-values = true\n"] {
        let project = project("esp32p4", lines);
        let flash = &cost(project.path())["flash"];
        stdout(&espq(project.path(), &["export", "-o", "out"]));
        let bytes = std::fs::metadata(project.path().join("out/model.espdl")).unwrap().len();
        assert_eq!(flash["file_bytes"].as_u64(), Some(bytes));
        let parts = ["weight_bytes", "exponent_bytes", "table_bytes", "name_bytes", "test_bytes", "other_bytes"];
        assert_eq!(parts.iter().map(|part| flash[part].as_u64().unwrap()).sum::<u64>(), bytes);
        assert_eq!(flash["test_bytes"].as_u64().unwrap() > 0, !lines.is_empty());
    }
}

#[test]
fn inspect_finds_the_same_cost_in_the_file() {
    let project = project("esp32s3", "");
    let cost = cost(project.path());
    stdout(&espq(project.path(), &["export", "-o", "out"]));
    let found = json(project.path(), &["inspect", "out/model.espdl", "--format", "json"]);
    assert_eq!(found["models"][0]["costs"][0], cost);
    let text = stdout(&espq(project.path(), &["inspect", "out/model.espdl", "--cost"]));
    for part in ["Cost by layer", "Cost on esp32s3", "arena of values", "240 MHz"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn settings_of_the_board_change_time_and_ram() {
    let time = |cost: &Value| cost["time"]["total"]["estimate"].as_f64().unwrap();
    let usual = cost(project("esp32s3", "").path());
    let other = cost(project("esp32s3", "[board]\nclock = 80\nparam-copy = false\ninternal = '1 KB'\n").path());
    assert!(time(&other) > 2.0 * time(&usual));
    assert_eq!(
        (usual["time"]["is_published"].as_bool(), other["time"]["is_published"].as_bool()),
        (Some(true), Some(false))
    );
    assert_eq!((other["ram"]["copy_bytes"].as_u64(), other["ram"]["internal_bytes"].as_u64()), (Some(0), Some(1024)));
    let refused = espq(project("esp32s3", "[board]\ninternal = 1000\n").path(), &["report"]);
    let text = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(2) && text.contains("multiple of 16"), "{text}");
}

#[test]
fn a_chip_without_published_times_has_flash_and_ram_only() {
    let cost = cost(project("esp32c3", "").path());
    assert!(cost["time"].is_null() && cost["untimed"].as_str().unwrap().contains("esp32c3"));
    assert!(cost["ram"]["total_bytes"].as_u64().unwrap() > 0);
    let project = project("esp32c3", "[limits]\nlatency = '30 ms'\n");
    let text = stdout(&espq(project.path(), &["lint", "--select", "P"]));
    assert!(text.contains("the limit on time cannot be checked"), "{text}");
}

#[test]
fn the_layers_make_up_the_network() {
    let cost = cost(project("esp32p4", "").path());
    let layers = cost["layers"].as_array().unwrap();
    let sum: f64 = layers.iter().map(|layer| layer["time"]["estimate"].as_f64().unwrap()).sum();
    let total = &cost["time"]["total"];
    assert!((sum / total["estimate"].as_f64().unwrap() - 1.0).abs() < 1e-9);
    assert!(layers.iter().all(|layer| {
        let [low, estimate, high] = ["low", "estimate", "high"].map(|bound| layer["time"][bound].as_f64().unwrap());
        0.0 < low && low <= estimate && estimate <= high
    }));
    let conv = layers.iter().find(|layer| layer["name"] == "/block2/expand/expand.0/Conv").unwrap();
    assert_eq!((conv["kernel"].as_str(), conv["macs"].as_u64()), (Some("1x1 int8"), Some(8192)));
}

#[test]
fn a_measured_fix_says_what_it_costs() {
    let project = project("esp32p4", "[limits]\nlayer-nsr = 0\n");
    let found = json(project.path(), &["lint", "--select", "E002", "--format", "json"]);
    let titles: Vec<&str> = found.as_array().unwrap().iter().filter_map(|f| f["fixes"][0]["title"].as_str()).collect();
    assert!(titles.iter().any(|title| title.contains(" KB flash, ") && title.ends_with(" ms")), "{titles:?}");
}

#[test]
fn a_measured_fix_of_one_board_is_not_served_for_another() {
    let titles = |board: &str| {
        let project = project("esp32p4", &format!("[limits]\nlayer-nsr = 0\n{board}"));
        let found = json(project.path(), &["lint", "--select", "E002", "--format", "json"]);
        found.as_array().unwrap().iter().map(|f| f["fixes"][0]["title"].to_string()).collect::<Vec<_>>()
    };
    assert_ne!(titles(""), titles("[board]\nclock = 100\n"));
}

/// A log in the runtime's format with the estimates as measurements, each times a factor.
fn log(cost: &Value, factor: f64) -> String {
    let mut text = String::from(
        "I (900) boot: hello\nI (1100) dl::Model: Testing output output.\nI (1102) dl::Model: Test Pass!\n",
    );
    text += "espq: test passed\nespq: run 700 us\n";
    text += "I (1111) dl::Model: |                | internal RAM | PSRAM  | FLASH   |\n";
    let kilobytes = |bytes: &Value| format!("{:.2}KB", bytes.as_f64().unwrap() / 1024.0);
    text += &format!("I (1) dl::Model: | parameter_copy |  | {} |  |\n", kilobytes(&cost["ram"]["copy_bytes"]));
    text += &format!("I (1) dl::Model: | variable |  | {} |  |\n", kilobytes(&cost["ram"]["arena_bytes"]));
    text += "I (1) dl::Model: | others | 30.00KB | 1.00KB |  |\n";
    text += "I (1) dl::Model: | name | type | latency |\n";
    let mut sum = 0.0;
    for layer in cost["layers"].as_array().unwrap() {
        let us = (factor * layer["time"]["estimate"].as_f64().unwrap()).round();
        sum += us;
        text += &format!(
            "I (1) dl::Model: | {} | {} | {us}us |\n",
            layer["name"].as_str().unwrap(),
            layer["op"].as_str().unwrap()
        );
    }
    text + &format!("I (1) dl::Model: | total |  | {sum}us |\n")
}

#[test]
fn a_log_is_shown_beside_the_estimates() {
    let project = project("esp32p4", "");
    let cost = cost(project.path());
    std::fs::write(project.path().join("board.log"), log(&cost, 1.0)).unwrap();
    let text = stdout(&espq(project.path(), &["profile", "board.log"]));
    for part in ["✓ test passed", "/stem/stem.0/Conv", "variable", "as predicted", "all layers", "one run"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("slower") && !text.contains("not in the file"), "{text}");
    let found = json(project.path(), &["profile", "board.log", "--format", "json"]);
    assert_eq!(found["layers"].as_array().unwrap().len(), cost["layers"].as_array().unwrap().len());
    assert_eq!(found["test"], "passed");
}

#[test]
fn a_fit_follows_the_board() {
    let project = project("esp32p4", "");
    let cost = cost(project.path());
    std::fs::write(project.path().join("board.log"), log(&cost, 2.0)).unwrap();
    let found = json(project.path(), &["profile", "board.log", "--fit", "--format", "json"]);
    let (before, after) = (found["fit"]["before"].as_f64().unwrap(), found["fit"]["after"].as_f64().unwrap());
    assert!(before > 0.4 && after < 0.2, "{before} {after}");
    assert!(stdout(&espq(project.path(), &["profile", "board.log", "--fit"])).contains("Constants of this board"));
}

#[test]
fn a_failed_test_is_found_and_a_log_of_nothing_is_an_error() {
    let project = project("esp32p4", "");
    let write = |text: &str| std::fs::write(project.path().join("board.log"), text).unwrap();
    write("E (2) dl::Model: Test output output does not match\n");
    let failed = espq(project.path(), &["profile", "board.log"]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(stdout(&failed).contains("test failed: output output"));
    write("I (900) boot: hello\n");
    let nothing = espq(project.path(), &["profile", "board.log"]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("idf.py monitor | tee board.log"));
}

#[test]
fn a_project_for_the_board_has_all_its_files_and_never_overwrites() {
    let project = project("esp32s3", "");
    let text = stdout(&espq(project.path(), &["export", "-o", "out", "--project", "board"]));
    for command in ["idf.py set-target esp32s3", "idf.py build", "idf.py flash monitor | tee board.log", "espq profile"]
    {
        assert!(text.contains(command), "{command}: {text}");
    }
    let read = |name: &str| std::fs::read(project.path().join(name)).unwrap();
    assert_eq!(read("board/main/model.espdl"), read("out/model.espdl"));
    let program = String::from_utf8(read("board/main/app_main.cpp")).unwrap();
    assert!(program.contains("model->test()") && program.contains("model->profile()"), "{program}");
    let found = json(project.path(), &["inspect", "board/main/model.espdl", "--format", "json"]);
    assert!(!found["models"][0]["test_outputs"].as_array().unwrap().is_empty());
    let again = espq(project.path(), &["export", "-o", "out", "--project", "board"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("not empty"));
}

#[test]
fn another_order_of_nodes_takes_the_arena_that_the_report_promises() {
    let folder = tempfile::tempdir().unwrap();
    let network = fixture("attention");
    let write = |order: &str| {
        let text = format!(
            "[model]\npath = '{0}/model.onnx'\ntarget = 'c'\n[calibration]\ndata = '{0}/calib.npz'\n{order}",
            network.display()
        );
        std::fs::write(folder.path().join("espq.toml"), text).unwrap();
    };
    write("");
    let usual = cost(folder.path());
    let [arena, promised] = ["peak_bytes", "smallest_bytes"].map(|key| usual["memory"][key].as_u64().unwrap());
    assert!(promised < arena);
    write("[export]\norder = 'smallest'\n");
    let text = stdout(&espq(folder.path(), &["export", "-o", "out"]));
    assert!(text.contains(&format!("values take {promised} bytes instead of {arena}")), "{text}");
    let found = json(folder.path(), &["inspect", "out/model.espdl", "--format", "json"]);
    assert_eq!(found["models"][0]["memory"]["peak_bytes"].as_u64(), Some(promised));
}
