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

/// Runs `espq optimize` and returns its JSON; the first exit code is that of the command.
fn optimized(folder: &Path, arguments: &[&str]) -> (Option<i32>, Value) {
    let output = espq(folder, &[&["optimize", "--format", "json", "--budget", "1000"], arguments].concat());
    (output.status.code(), serde_json::from_str(&stdout(&output)).unwrap())
}

/// Precisions that a search has set, by layer.
fn layers_at(found: &Value, scheme: &str) -> Vec<String> {
    let layers = found["precisions"]["layers"].as_array().unwrap().iter();
    layers.filter(|line| line[1] == scheme).map(|line| line[0].as_str().unwrap().to_string()).collect()
}

#[test]
fn a_limit_decides_which_layers_get_16_bits() {
    let set = |flash: &str| {
        let project = project("esp32p4", "[limits]\noutput-nsr = '0.05%'\n");
        let (code, found) = optimized(project.path(), &["--flash", flash]);
        assert_eq!(code, Some(0), "{flash}");
        let after = found["cost"]["after"]["flash_bytes"].as_u64().unwrap();
        // The cost is that of the project as it was written.
        assert_eq!(cost(project.path())["flash"]["file_bytes"].as_u64(), Some(after), "{flash}");
        assert!(found["after"]["nsr"].as_f64().unwrap() < found["before"]["nsr"].as_f64().unwrap());
        (layers_at(&found, "int16"), after)
    };
    let (many, most) = set("1 MB");
    let (few, least) = set("25 KB");
    assert!(few.len() < many.len() && least <= 25 << 10 && most > 25 << 10, "{few:?} {least}, {many:?} {most}");
}

#[test]
fn a_network_over_its_limit_gets_8_bits_where_they_cost_least() {
    let project = project("esp32p4", "[limits]\noutput-nsr = '0.05%'\nflash = '24 KB'\n");
    let file = project.path().join("espq.toml");
    let text = std::fs::read_to_string(&file).unwrap().replace("[calibration]", "precision = 'int16'\n[calibration]");
    std::fs::write(&file, text).unwrap();
    assert!(cost(project.path())["flash"]["file_bytes"].as_u64().unwrap() > 24 << 10);
    let (code, found) = optimized(project.path(), &[]);
    assert_eq!((code, found["precisions"]["whole"].as_str()), (Some(0), Some("int8")));
    assert!(!layers_at(&found, "int16").is_empty());
    assert!(cost(project.path())["flash"]["file_bytes"].as_u64().unwrap() <= 24 << 10);
    assert!(std::fs::read_to_string(&file).unwrap().contains("precision = \"int8\""));
}

#[test]
fn where_nothing_fits_nothing_is_written() {
    for (limit, words) in
        [(["--flash", "10 KB"], "of flash, over the limit of 10.0 KiB"), (["--latency", "10 us"], " ms")]
    {
        let project = project("esp32p4", "");
        let before = std::fs::read_to_string(project.path().join("espq.toml")).unwrap();
        let output = espq(project.path(), &[&["optimize"], &limit[..]].concat());
        let text = stdout(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.starts_with("nothing fits: with int8 for every layer") && text.contains(words), "{text}");
        assert_eq!(std::fs::read_to_string(project.path().join("espq.toml")).unwrap(), before);
    }
    let wrong = espq(project("esp32p4", "").path(), &["optimize", "--flash", "3 apples"]);
    assert!(wrong.status.code() == Some(2) && String::from_utf8_lossy(&wrong.stderr).contains("must be a size"));
}

#[test]
fn a_set_over_the_limit_is_not_offered_as_a_fix() {
    let found = |flash: &str| {
        let lines = format!("[limits]\nlayer-nsr = '1%'\noutput-nsr = '2%'\nflash = '{flash}'\n");
        let found = json(project("esp32p4", &lines).path(), &["lint", "--select", "E", "--format", "json"]);
        let of = |code: &str| found.as_array().unwrap().iter().find(|f| f["code"] == code).cloned().unwrap();
        ["E001", "E002"].map(of)
    };
    let sets = |finding: &Value| {
        let fixes = finding["fixes"].as_array().unwrap();
        fixes.iter().filter(|fix| fix["title"].as_str().unwrap().contains("to int16")).count()
    };
    let [output, layer] = found("1 MB");
    assert!(sets(&output) == 1 && sets(&layer) > 0, "{output} {layer}");
    let [output, layer] = found("22.5 KB");
    assert_eq!((sets(&output), sets(&layer)), (0, 0));
    for finding in [output, layer] {
        let help = finding["help"].as_str().unwrap();
        assert!(help.starts_with("int16 for ") && help.contains("over the limit of 22.5 KiB"), "{help}");
    }
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
fn a_report_has_what_the_board_measured() {
    let project = project("esp32p4", "");
    std::fs::write(project.path().join("board.log"), log(&cost(project.path()), 1.0)).unwrap();
    let found = json(project.path(), &["report", "--profile", "board.log", "--format", "json"]);
    let profile = &found["profile"];
    assert_eq!((profile["test"].as_str(), profile["unknown"].as_array().map(Vec::len)), (Some("passed"), Some(0)));
    assert_eq!(profile["layers"].as_array().unwrap().len(), found["cost"]["layers"].as_array().unwrap().len());
    let text = stdout(&espq(project.path(), &["report", "--profile", "board.log"]));
    assert!(text.contains("Layers on esp32p4, measured and estimated") && text.contains("as predicted"), "{text}");
    let page = stdout(&espq(project.path(), &["report", "--profile", "board.log", "--format", "html"]));
    assert!(page.contains("Measured on the board") && page.contains("\"parameter_copy\""));
    assert!(json(project.path(), &["report", "--format", "json"]).get("profile").is_none());
    let missing = espq(project.path(), &["report", "--profile", "other.log"]);
    assert!(missing.status.code() == Some(2) && String::from_utf8_lossy(&missing.stderr).contains("cannot be read"));
}

#[test]
fn fitted_constants_are_read_back() {
    let project = project("esp32p4", "[board]\npsram = 100\n");
    let before = cost(project.path());
    std::fs::write(project.path().join("board.log"), log(&before, 2.0)).unwrap();
    let text = stdout(&espq(project.path(), &["profile", "board.log", "--fit", "-o", "p4-board.toml"]));
    let line = "constants = \"p4-board.toml\"";
    assert!(text.ends_with(&format!("add to espq.toml:\n\n  [board]\n  {line}\n")), "{text}");
    let file = project.path().join("espq.toml");
    let configuration = std::fs::read_to_string(&file).unwrap() + line + "\n";
    std::fs::write(&file, configuration).unwrap();
    let after = cost(project.path());
    let time = |cost: &Value| cost["time"]["total"]["estimate"].as_f64().unwrap();
    let factor = time(&after) / time(&before);
    assert!((1.7..2.3).contains(&factor), "{factor}");
    assert!(after["time"]["conditions"].as_str().unwrap().ends_with(", constants of the board"));
    // The board agrees with its own constants, which a second fit leaves as they are.
    let found = json(project.path(), &["profile", "board.log", "--fit", "--format", "json"]);
    assert!(found["fit"]["before"].as_f64().unwrap() < 0.2, "{}", found["fit"]);
    // Another content of the file gives another result.
    let constants = project.path().join("p4-board.toml");
    let text = std::fs::read_to_string(&constants).unwrap();
    std::fs::write(&constants, text.replace("clock_mhz = 400.0", "clock_mhz = 200.0")).unwrap();
    assert_ne!(time(&cost(project.path())), time(&after));
}

#[test]
fn a_wrong_file_of_constants_is_a_finding_and_an_error() {
    let project = project("esp32p4", "[board]\nconstants = 'board.toml'\n");
    let codes = || {
        let found = json(project.path(), &["lint", "--select", "C", "--format", "json"]);
        found.as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(codes(), ["C005"]);
    std::fs::write(project.path().join("board.toml"), "target = 'esp32p4'\nclock = 400\n").unwrap();
    assert_eq!(codes(), ["C003"]);
    for command in [&["report"][..], &["optimize", "--flash", "1 MB"]] {
        let output = espq(project.path(), command);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(
            text.contains("these are no constants of a board") && text.contains("constants = 'board.toml'"),
            "{text}"
        );
    }
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
