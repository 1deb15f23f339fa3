//! Tests of `espq lint` on the command line: for every rule, a project with a finding, and one without.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use espq::lint::Severity;
use serde_json::Value;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/lint")
}

fn espq(folder: &Path, arguments: &[&str]) -> Output {
    // A separate, empty cache, since tests must not use the user's.
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
    for rule in espq::lint::RULES {
        let code = rule.code;
        let (exit, text) = lint(&fixtures(), &["--select", code, &format!("{code}/fires")]);
        // Information does not fail a hook.
        assert_eq!(exit, Some(i32::from(rule.severity > Severity::Info)), "{code}: {text}");
        assert!(text.contains(code), "{text}");
        insta::assert_snapshot!(code, text);
    }
}

#[test]
fn every_rule_is_quiet_without_an_issue() {
    for code in codes() {
        let (exit, text) = lint(&fixtures(), &["--select", code, &format!("{code}/quiet")]);
        assert_eq!((exit, text), (Some(0), format!("Found no issues in {code}/quiet/espq.toml\n")));
    }
}

#[test]
fn a_joint_is_reported_inside_of_the_network_and_where_its_values_are_moved_to_an_output() {
    for place in ["inside", "moved"] {
        let (exit, text) = lint(&fixtures(), &["--select", "E010", &format!("E010/{place}")]);
        assert_eq!(exit, Some(1), "{text}");
        insta::assert_snapshot!(format!("E010_{place}"), text);
    }
}

#[test]
fn a_joint_at_int16_has_the_error_that_its_fix_promises() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(fixtures().join("E010/inside/espq.toml")).unwrap();
    let files = fixtures().join("files").to_string_lossy().replace('\\', "/");
    let text = text.replace("../../files", &files) + "[limits]\noutput-nsr = '0.1%'\n";
    std::fs::write(folder.path().join("espq.toml"), text).unwrap();
    let before = findings(folder.path(), &["--no-cache", "--select", "E010"]);
    let title = before[0]["fixes"][0]["title"].as_str().unwrap();
    let promised = title.split("-> ").nth(1).unwrap().split(',').next().unwrap();
    assert_eq!(lint(folder.path(), &["--select", "E010", "--unsafe-fixes"]).0, Some(0));
    let after = findings(folder.path(), &["--no-cache", "--select", "E001"]);
    let message = after[0]["message"].as_str().unwrap();
    assert!(message.contains(&format!("error {promised} NSR")), "{message} against {promised}");
}

#[test]
fn every_rule_has_documentation() {
    for rule in espq::lint::RULES {
        let output = espq(&fixtures(), &["explain", rule.name]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with(&format!("# {} {}\n", rule.code, rule.name)), "{text}");
        for part in ["## What it does", "## Why is this bad?", "## Example", "## What to do"] {
            assert!(text.contains(part), "{} has no {part:?}", rule.code);
        }
    }
}

/// Makes a project of one of the fixtures' models.
fn project_of(model: &str) -> tempfile::TempDir {
    let project = tempfile::tempdir().unwrap();
    let [model, samples] = [model, "samples.npy"].map(|f| fixtures().join("files").join(f));
    let text = format!("[model]\npath = {model:?}\ntarget = 'esp32p4'\n[calibration]\ndata = {samples:?}\n");
    std::fs::write(project.path().join("espq.toml"), text).unwrap();
    project
}

/// Returns exit code and output of an export into the project's own folder.
fn export(project: &Path) -> (Option<i32>, String) {
    let output = espq(project, &["export", "--no-cache", "-o", "out"]);
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code(), text)
}

#[test]
fn forms_that_the_kernels_compute_differently_are_reported() {
    let mut found = String::new();
    for model in ["clipped", "lengths", "broadcast", "rows", "places"] {
        let project = project_of(&format!("{model}.onnx"));
        let select = ["--static", "--select", "D003", "--format", "concise"];
        found += &lint(project.path(), &select).1;
        assert_eq!(export(project.path()).0, Some(2), "{model}");
    }
    insta::assert_snapshot!("forms", found);
}

#[test]
fn operators_that_are_rewritten_are_not_reported() {
    let project = project_of("pieces.onnx");
    assert_eq!(lint(project.path(), &["--select", "D"]).0, Some(0));
    let (exit, text) = export(project.path());
    assert_eq!(exit, Some(0), "{text}");
    assert!(text.contains("replaced by one Gelu"), "{text}");
    let project = project_of("grouped.onnx");
    assert_eq!(lint(project.path(), &["--select", "D"]).0, Some(0));
    let (exit, text) = export(project.path());
    assert_eq!(exit, Some(0), "{text}");
    assert!(text.contains("/body/Conv: its 2 groups are one dense Conv with zeros"), "{text}");
    let project = project_of("reversed.onnx");
    assert_eq!(lint(project.path(), &["--select", "D"]).0, Some(0));
    let (exit, text) = export(project.path());
    assert_eq!(exit, Some(0), "{text}");
    assert!(text.contains("Gathers turn its sequence around"), "{text}");
}

/// Makes a writable copy.
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
fn a_measured_fix_has_the_effect_in_its_title_and_keeps_comments() {
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
    let fixed = lines.concat() + "output-nsr = 0\n";
    assert!(fixed.contains("# one layer is fixed already") && fixed.contains("# ESP-DL's advice"));
    std::fs::write(project.path().join("espq.toml"), fixed).unwrap();

    let after = findings(project.path(), &["--no-cache", "--select", "E001"]);
    let message = after[0]["message"].as_str().unwrap();
    assert!(message.contains(&format!("error {promised} NSR")), "{message} against {promised}");
}

#[test]
fn a_diff_changes_no_file_and_a_fix_leaves_no_finding() {
    let project = copy("C002");
    let file = project.path().join("espq.toml");
    let before = std::fs::read_to_string(&file).unwrap();
    let (exit, diff) = lint(project.path(), &["--diff"]);
    assert_eq!((exit, std::fs::read_to_string(&file).unwrap()), (Some(1), before.clone()));
    assert!(diff.contains("\n-metod = \"minmax\"\n+method = \"minmax\"\n"), "{diff}");
    let (exit, text) = lint(project.path(), &["--fix"]);
    assert_eq!(
        (exit, text.as_str()),
        (Some(0), "Fixed 2 issues with 1 fix in espq.toml\nFound no issues in espq.toml\n")
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before.replace("metod", "method"));
}

#[test]
fn unsafe_fixes_need_their_flag() {
    let project = copy("C006");
    let file = project.path().join("espq.toml");
    let before = std::fs::read_to_string(&file).unwrap();
    lint(project.path(), &["--fix"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    lint(project.path(), &["--unsafe-fixes"]);
    assert!(std::fs::read_to_string(&file).unwrap().contains("\"/stem/Conv\" = \"int16\""));
}

#[test]
fn an_unchanged_project_is_answered_from_the_cache_and_a_changed_one_is_not() {
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
    // Only the model's content determines the files of its weights.
    std::fs::write(project.path().join("small.onnx.data"), "").unwrap();
    for file in ["small.onnx", "small.onnx.data", "samples.npy", "espq.toml", "."] {
        let (exit, text) = lint(project.path(), &["--static", "--format", "concise", file]);
        let expected = "espq.toml:6:1: C002 unknown key `metod` in [calibration] [write method]\n\
                        Found 1 issue in espq.toml (1 fixable with `--fix`)\n";
        assert_eq!((exit, text.as_str()), (Some(1), expected), "{file}");
    }
    std::fs::write(project.path().join("other.onnx"), "").unwrap();
    assert_eq!(lint(project.path(), &["other.onnx"]), (Some(0), "No espq.toml refers to these files\n".to_string()));
}

#[test]
fn a_renamed_or_deleted_file_checks_the_project_that_refers_to_it() {
    let around = tempfile::tempdir().unwrap();
    let project = around.path().join("repository");
    let at = |name: &str| project.join(name);
    std::fs::create_dir_all(at("calib")).unwrap();
    std::fs::create_dir(at(".git")).unwrap();
    // Projects outside of the repository are not checked.
    std::fs::write(around.path().join("espq.toml"), "[model]\npath = 'gone.onnx'\ntarget = 'c'\n").unwrap();
    std::fs::copy(fixtures().join("files/small.onnx"), at("small.onnx")).unwrap();
    std::fs::copy(fixtures().join("files/samples.npy"), at("calib/samples.npy")).unwrap();
    let text = "[model]\npath = 'small.onnx'\ntarget = 'esp32p4'\n[calibration]\ndata = 'calib'\n";
    std::fs::write(at("espq.toml"), text).unwrap();
    let found = |file: &str| lint(&project, &["--static", "--format", "concise", file]).1;

    std::fs::rename(at("small.onnx"), at("net.onnx")).unwrap();
    let model = "espq.toml:2:8: C005 there is no file small.onnx\nFound 1 issue in espq.toml\n";
    assert_eq!([found("net.onnx"), found("small.onnx")], [model, model]);
    std::fs::write(at("picture.png"), "").unwrap();
    assert_eq!(found("picture.png"), "No espq.toml refers to these files\n");

    std::fs::rename(at("net.onnx"), at("small.onnx")).unwrap();
    std::fs::rename(at("calib"), at("samples")).unwrap();
    let samples = "espq.toml:5:8: C005 there is no file or folder calib\nFound 1 issue in espq.toml\n";
    assert_eq!([found("samples/samples.npy"), found("calib/samples.npy")], [samples, samples]);
}

#[test]
fn errors_end_with_exit_code_2() {
    let empty = tempfile::tempdir().unwrap();
    // A separate repository, so that projects above it are not searched for the missing file.
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
fn a_search_skips_ignored_and_excluded_paths_unless_given_as_an_argument() {
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
    assert!(text.contains("is checked if its path is given"), "{text}");
}

#[test]
fn a_broken_glob_is_found_at_its_entry() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("espq.toml"), "[lint]\nexclude = ['fine', '[z-a]']\n").unwrap();
    let found = findings(folder.path(), &["--static", "--no-cache", "--select", "C003"]);
    let message = "`lint.exclude` must be a list; each entry must be a glob in quotes, in the form of .gitignore \
                   (\"build/\", \"*.old.espq.toml\")";
    assert_eq!((found.len(), &found[0]["message"]), (1, &Value::from(message)));
}
