//! `espq lint` as a person runs it: every rule with a project that it finds something in, and one that it does not.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/lint")
}

fn espq(folder: &Path, arguments: &[&str]) -> Output {
    // Not into the cache of whoever runs the tests, and nothing from earlier runs.
    let mut command = Command::new(env!("CARGO_BIN_EXE_espq"));
    command.args(arguments).current_dir(folder).env("ESPQ_CACHE_DIR", "never-used-because-of---no-cache");
    command.output().unwrap()
}

fn lint(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = espq(folder, &[&["lint", "--no-cache"], arguments].concat());
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code(), text)
}

fn codes() -> impl Iterator<Item = &'static str> {
    espq::lint::RULES.iter().map(|rule| rule.code)
}

#[test]
fn every_rule_fires() {
    for code in codes() {
        let (exit, text) = lint(&fixtures(), &["--select", code, &format!("{code}/fires")]);
        assert_eq!(exit, Some(1), "{code}: {text}");
        assert!(text.contains(code), "{text}");
        insta::assert_snapshot!(code, text);
    }
}

#[test]
fn every_rule_is_quiet_where_nothing_is_wrong() {
    for code in codes() {
        let (exit, text) = lint(&fixtures(), &["--select", code, &format!("{code}/quiet")]);
        assert_eq!((exit, text), (Some(0), format!("No findings in {code}/quiet/espq.toml\n")));
    }
}

#[test]
fn every_rule_explains_itself() {
    for rule in espq::lint::RULES {
        let output = espq(&fixtures(), &["explain", rule.name]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with(&format!("# {} {}\n", rule.code, rule.name)), "{text}");
        for part in ["## What it does", "## Why is this bad?", "## Example", "## What to do"] {
            assert!(text.contains(part), "{} has no {part:?}", rule.code);
        }
    }
}

/// A project of one of the fixtures' models.
fn project_of(model: &str) -> tempfile::TempDir {
    let project = tempfile::tempdir().unwrap();
    let [model, samples] = [model, "samples.npy"].map(|f| fixtures().join("files").join(f));
    let text = format!("[model]\npath = {model:?}\ntarget = 'esp32p4'\n[calibration]\ndata = {samples:?}\n");
    std::fs::write(project.path().join("espq.toml"), text).unwrap();
    project
}

/// Exit and words of an export that writes into the project's own folder.
fn export(project: &Path) -> (Option<i32>, String) {
    let output = espq(project, &["export", "--no-cache", "-o", "out"]);
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code(), text)
}

#[test]
fn what_the_kernels_run_otherwise_than_the_model_says() {
    let mut found = String::new();
    for model in ["reversed", "clipped", "lengths", "broadcast", "rows", "places"] {
        let project = project_of(&format!("{model}.onnx"));
        let select = ["--static", "--select", "D003", "--format", "concise"];
        found += &lint(project.path(), &select).1;
        assert_eq!(export(project.path()).0, Some(2), "{model}");
    }
    insta::assert_snapshot!("forms", found);
}

#[test]
fn what_is_written_in_other_operators_is_not_reported() {
    let project = project_of("pieces.onnx");
    assert_eq!(lint(project.path(), &["--select", "D"]).0, Some(0));
    let (exit, text) = export(project.path());
    assert_eq!(exit, Some(0), "{text}");
    assert!(text.contains("are one Gelu"), "{text}");
    let project = project_of("grouped.onnx");
    assert_eq!(lint(project.path(), &["--select", "D"]).0, Some(0));
    let (exit, text) = export(project.path());
    assert_eq!(exit, Some(0), "{text}");
    assert!(text.contains("/body/Conv: its 2 groups are one dense Conv with zeros"), "{text}");
}

/// A copy that may be written to.
fn copy(code: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(fixtures().join(code).join("fires/espq.toml")).unwrap();
    let files = fixtures().join("files").to_string_lossy().replace('\\', "/");
    let digits = fixtures().join("../digits").to_string_lossy().replace('\\', "/");
    let text = text.replace("../../files", &files).replace("../../../digits", &digits);
    std::fs::write(folder.path().join("espq.toml"), text).unwrap();
    folder
}

fn findings(folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let output = espq(folder, &[&["lint", "--format", "json"], arguments].concat());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_measured_fix_brings_what_its_title_says_and_keeps_comments() {
    let project = copy("E002");
    let before = findings(project.path(), &["--no-cache", "--select", "E002"]);
    let titles: Vec<&str> = before.iter().filter_map(|f| f["fixes"][0]["title"].as_str()).collect();
    let promised = titles[0].split("-> ").nth(1).unwrap().split(',').next().unwrap().to_string();

    let text = std::fs::read_to_string(project.path().join("espq.toml")).unwrap();
    let edit = &before[0]["fixes"][0]["edits"][0];
    let line: usize = edit["line"].as_u64().unwrap().try_into().unwrap();
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    assert_eq!((edit["column"].as_u64(), lines[line - 2]), (Some(1), "\"/down/down.0/Conv\" = \"int16\"\n"));
    lines.insert(line - 1, edit["text"].as_str().unwrap());
    let mended = lines.concat() + "output-nsr = 0\n";
    assert!(mended.contains("# one layer is mended already") && mended.contains("# ESP-DL's advice"));
    std::fs::write(project.path().join("espq.toml"), mended).unwrap();

    let after = findings(project.path(), &["--no-cache", "--select", "E001"]);
    let message = after[0]["message"].as_str().unwrap();
    assert!(message.contains(&format!("loses {promised},")), "{message} against {promised}");
}

#[test]
fn a_diff_changes_nothing_and_a_fix_leaves_nothing() {
    let project = copy("C002");
    let file = project.path().join("espq.toml");
    let before = std::fs::read_to_string(&file).unwrap();
    let (exit, diff) = lint(project.path(), &["--diff"]);
    assert_eq!((exit, std::fs::read_to_string(&file).unwrap()), (Some(1), before.clone()));
    assert!(diff.contains("\n-metod = \"minmax\"\n+method = \"minmax\"\n"), "{diff}");
    let (exit, text) = lint(project.path(), &["--fix"]);
    assert_eq!((exit, text.as_str()), (Some(0), "Mended 1 finding in espq.toml\nNo findings in espq.toml\n"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before.replace("metod", "method"));
}

#[test]
fn unsafe_fixes_wait_to_be_asked_for() {
    let project = copy("C006");
    let file = project.path().join("espq.toml");
    let before = std::fs::read_to_string(&file).unwrap();
    lint(project.path(), &["--fix"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    lint(project.path(), &["--unsafe-fixes"]);
    assert!(std::fs::read_to_string(&file).unwrap().contains("\"/stem/Conv\" = \"int16\""));
}

#[test]
fn an_unchanged_project_is_answered_from_the_store_and_a_changed_one_is_not() {
    let (project, store) = (copy("E001"), tempfile::tempdir().unwrap());
    let store = store.path().to_str().unwrap();
    let stored = || findings(project.path(), &["--select", "E001", "--cache-dir", store]);
    let measured = stored();
    assert_eq!(measured.len(), 1);
    assert_eq!(stored(), measured);
    assert_eq!(findings(project.path(), &["--select", "E001", "--no-cache"]), measured);
    let file = project.path().join("espq.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("3%", "99%")).unwrap();
    assert_eq!(stored(), Vec::<Value>::new());
}

#[test]
fn the_project_of_a_model_or_a_sample_is_found() {
    let project = copy("C002");
    std::fs::create_dir(project.path().join(".git")).unwrap();
    for file in ["small.onnx", "samples.npy"] {
        std::fs::copy(fixtures().join("files").join(file), project.path().join(file)).unwrap();
    }
    let text = "[model]\npath = 'small.onnx'\ntarget = 'esp32p4'\n[calibration]\ndata = '*.npy'\nmetod = 'kl'\n";
    std::fs::write(project.path().join("espq.toml"), text).unwrap();
    // Which files hold a model's weights, only the model says.
    std::fs::write(project.path().join("small.onnx.data"), "").unwrap();
    for file in ["small.onnx", "small.onnx.data", "samples.npy", "espq.toml", "."] {
        let (exit, text) = lint(project.path(), &["--static", "--format", "concise", file]);
        let expected = "espq.toml:6:1: C002 unknown key `metod` in [calibration] [write method]\n\
                        1 finding in espq.toml; --fix mends 1\n";
        assert_eq!((exit, text.as_str()), (Some(1), expected), "{file}");
    }
    std::fs::write(project.path().join("other.onnx"), "").unwrap();
    assert_eq!(lint(project.path(), &["other.onnx"]), (Some(0), "No project reads these files\n".to_string()));
}

#[test]
fn a_file_that_was_renamed_or_deleted_checks_the_project_that_misses_it() {
    let around = tempfile::tempdir().unwrap();
    let project = around.path().join("repository");
    let at = |name: &str| project.join(name);
    std::fs::create_dir_all(at("calib")).unwrap();
    std::fs::create_dir(at(".git")).unwrap();
    // What lies outside of the repository is not asked.
    std::fs::write(around.path().join("espq.toml"), "[model]\npath = 'gone.onnx'\ntarget = 'c'\n").unwrap();
    std::fs::copy(fixtures().join("files/small.onnx"), at("small.onnx")).unwrap();
    std::fs::copy(fixtures().join("files/samples.npy"), at("calib/samples.npy")).unwrap();
    let text = "[model]\npath = 'small.onnx'\ntarget = 'esp32p4'\n[calibration]\ndata = 'calib'\n";
    std::fs::write(at("espq.toml"), text).unwrap();
    let found = |file: &str| lint(&project, &["--static", "--format", "concise", file]).1;

    std::fs::rename(at("small.onnx"), at("net.onnx")).unwrap();
    let model = "espq.toml:2:8: C005 there is no file small.onnx\n1 finding in espq.toml\n";
    assert_eq!([found("net.onnx"), found("small.onnx")], [model, model]);
    std::fs::write(at("picture.png"), "").unwrap();
    assert_eq!(found("picture.png"), "No project reads these files\n");

    std::fs::rename(at("net.onnx"), at("small.onnx")).unwrap();
    std::fs::rename(at("calib"), at("samples")).unwrap();
    let samples = "espq.toml:5:8: C005 there is no file or folder calib\n1 finding in espq.toml\n";
    assert_eq!([found("samples/samples.npy"), found("calib/samples.npy")], [samples, samples]);
}

#[test]
fn what_cannot_be_looked_at_ends_with_2() {
    let empty = tempfile::tempdir().unwrap();
    // A repository of its own: projects that lie above are not asked for the missing file.
    std::fs::create_dir(empty.path().join(".git")).unwrap();
    assert_eq!(lint(empty.path(), &[]).0, Some(2));
    assert_eq!(lint(empty.path(), &["nowhere.toml"]).0, Some(2));
    let (exit, text) = lint(&fixtures(), &["--select", "X1", "C001/quiet"]);
    assert_eq!(exit, Some(2));
    assert!(text.contains("there is no rule `X1`"), "{text}");
}

#[test]
fn forms_for_machines() {
    let form = |form| lint(&fixtures(), &["--format", form, "--select", "C006", "C006/fires"]).1;
    insta::assert_snapshot!("json", form("json"));
    insta::assert_snapshot!("github", form("github"));
    let log: Value = serde_json::from_str(&form("sarif")).unwrap();
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), espq::lint::RULES.len());
    insta::assert_snapshot!("sarif", format!("{:#}", run["results"][0]));
}

#[test]
fn a_search_passes_over_what_is_ignored_or_excluded_and_a_named_path_is_checked() {
    let top = tempfile::tempdir().unwrap();
    for folder in ["net", "old", "build"] {
        std::fs::create_dir(top.path().join(folder)).unwrap();
        std::fs::write(top.path().join(folder).join("espq.toml"), "").unwrap();
    }
    std::fs::create_dir(top.path().join(".git")).unwrap();
    std::fs::write(top.path().join(".gitignore"), "build/*\n").unwrap();
    std::fs::write(top.path().join("espq.toml"), "[lint]\nexclude = ['old']\n").unwrap();
    let checked = |arguments: &[&str]| {
        let (_, text) =
            lint(top.path(), &[&["--static", "--select", "C004", "--format", "concise"], arguments].concat());
        let file = |line: &str| line.split(':').next().unwrap().replace('\\', "/");
        text.lines().filter(|line| line.contains(": C004 ")).map(file).collect::<BTreeSet<_>>()
    };
    assert_eq!(checked(&[]), ["espq.toml", "net/espq.toml"].map(String::from).into());
    for named in ["old", "old/espq.toml", "build/espq.toml"] {
        assert_eq!(checked(&[named]).len(), 1, "{named}");
    }
    let (exit, text) = lint(top.path(), &["build"]);
    assert_eq!(exit, Some(2));
    assert!(text.contains("is checked when its path is named"), "{text}");
}

#[test]
fn a_broken_glob_is_found_at_its_entry() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("espq.toml"), "[lint]\nexclude = ['fine', '[z-a]']\n").unwrap();
    let found = findings(folder.path(), &["--static", "--no-cache", "--select", "C003"]);
    let message = "`lint.exclude` must be a list; each entry must be a glob in quotes, as a line of .gitignore has it \
                   (\"build/\", \"*.old.espq.toml\")";
    assert_eq!((found.len(), &found[0]["message"]), (1, &Value::from(message)));
}
