//! Tests of what a user does with findings: formats, comments that ignore, baselines, and projects that cannot be read.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/lint")
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_espq"));
    command.args(arguments).current_dir(folder).env("ESPQ_CACHE_DIR", "never-used-because-of---no-cache");
    for name in ["NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command
}

/// Returns exit code, stdout and stderr.
fn espq(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = command(folder, arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn lint(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    espq(folder, &[&["lint", "--no-cache", "--static"], arguments].concat())
}

/// Makes a folder with the small network as a project of these lines.
fn project(lines: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    for file in ["small.onnx", "samples.npy"] {
        std::fs::copy(fixtures().join("files").join(file), folder.path().join(file)).unwrap();
    }
    std::fs::write(folder.path().join("espq.toml"), text(lines)).unwrap();
    folder
}

fn text(lines: &str) -> String {
    format!("[model]\npath = 'small.onnx'\ntarget = 'esp32p4'\n[calibration]\ndata = 'samples.npy'\n{lines}")
}

const TYPO: &str = "metod = 'kl'\n";

fn valid(schema: &str, instance: &Value) {
    let schema = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(schema)).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let faults: Vec<String> =
        validator.iter_errors(instance).map(|e| format!("{e} at {}", e.instance_path())).collect();
    assert!(faults.is_empty(), "{faults:#?}\n{instance:#}");
}

/// Names that a terminal, a shell or XML would read as something else.
const HOSTILE: &str = "[precision]\n\"a\\n\\u001B[2J\\u202E<&>'%,:|\" = 'int16'\n\"/stem/Con\" = 'int16'\n";

#[test]
fn formats_for_programs_are_valid_by_their_schemas() {
    let folder = project(&format!("{TYPO}{HOSTILE}"));
    let shown = |form: &str| {
        let (exit, text, error) = lint(folder.path(), &["--format", form]);
        assert_eq!((exit, error.as_str()), (Some(1), ""), "{form}");
        let hidden = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!text.contains(hidden), "{form}: {text:?}");
        text
    };
    let json = |form: &str| serde_json::from_str::<Value>(&shown(form)).unwrap();
    let findings = json("json");
    valid("docs/findings.schema.json", &findings);
    let count = findings.as_array().unwrap().len();
    assert_eq!(count, 3);

    let gitlab = json("gitlab");
    valid("tests/schemas/gitlab.json", &gitlab);
    let fingerprints: std::collections::BTreeSet<&str> =
        gitlab.as_array().unwrap().iter().map(|issue| issue["fingerprint"].as_str().unwrap()).collect();
    assert_eq!(fingerprints.len(), count);

    let sarif = json("sarif");
    valid("tests/schemas/sarif.json", &sarif);
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), count);

    // The Jenkins schema: names and numbers of suites and cases, one failure each.
    let junit = shown("junit");
    let document = roxmltree::Document::parse(&junit).unwrap();
    let suites = document.root_element();
    assert_eq!((suites.tag_name().name(), suites.attribute("failures")), ("testsuites", Some("3")));
    let suite = suites.children().find(|child| child.is_element()).unwrap();
    let numbers = ["name", "tests", "failures", "errors", "skipped"].map(|name| suite.attribute(name).unwrap());
    assert_eq!(numbers, ["espq.toml", "3", "3", "0", "0"]);
    for case in suite.children().filter(|child| child.is_element()) {
        let failure = case.children().find(|child| child.is_element()).unwrap();
        assert!(case.has_attribute("name") && case.has_attribute("classname"));
        assert!(
            failure.tag_name().name() == "failure" && failure.has_attribute("type") && failure.has_attribute("message")
        );
    }

    // workflow-commands: one line each, values without raw separators.
    let github = shown("github");
    assert_eq!(github.lines().count(), count);
    for line in github.lines() {
        let (properties, _) =
            line.strip_prefix("::error ").or(line.strip_prefix("::warning ")).unwrap().split_once("::").unwrap();
        let names: Vec<&str> = properties.split(',').map(|property| property.split_once('=').unwrap().0).collect();
        assert_eq!(names, ["file", "line", "col", "endLine", "endColumn", "title"], "{line}");
    }
}

#[test]
fn formats_for_people_escape_control_characters_and_cut_long_lines() {
    let folder = project(&format!("{HOSTILE}# {}\n\"{}\" = 'int16'\n", "#".repeat(5000), "x".repeat(3000)));
    for form in ["full", "concise", "grouped"] {
        let (exit, text, _) = lint(folder.path(), &["--format", form]);
        assert_eq!(exit, Some(1));
        assert!(!text.contains(|c: char| c != '\n' && (c.is_control() || c == '\u{202e}')), "{form}: {text:?}");
        assert!(text.ends_with("Found 3 issues in espq.toml (1 fixable with `--unsafe-fixes`)\n"), "{form}: {text}");
    }
    let frames = lint(folder.path(), &[]).1;
    let is_frame = |line: &&str| line.contains('│');
    assert!(frames.lines().filter(is_frame).all(|line| line.chars().count() < 220), "{frames}");
    let grouped = lint(folder.path(), &["--format", "grouped"]).1;
    assert!(grouped.starts_with("espq.toml:\n  7:1  C006 ") || grouped.starts_with("espq.toml:\n  7:1 "), "{grouped}");
}

#[test]
fn the_environment_forces_colours() {
    let folder = project(TYPO);
    let coloured = |variables: &[(&str, &str)]| {
        let mut command = command(folder.path(), &["lint", "--static", "--no-cache"]);
        let output = command.envs(variables.iter().copied()).output().unwrap();
        String::from_utf8(output.stdout).unwrap().contains('\u{1b}')
    };
    assert!(!coloured(&[]));
    assert!(coloured(&[("FORCE_COLOR", "1")]) && coloured(&[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[("FORCE_COLOR", "0")]) && !coloured(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "0")]));
}

#[test]
fn a_comment_ignores_a_finding_and_an_unused_one_is_removed() {
    let folder = project("metod = 'kl' # espq: ignore[C002] next week\nsamples = 8 # ours # espq: ignore[C006]\n");
    let (exit, text, _) = lint(folder.path(), &["--format", "concise"]);
    assert_eq!(exit, Some(1), "{text}");
    assert!(text.contains("espq.toml:7:20: C008 no finding of C006 is on this line [remove the comment]\n"), "{text}");
    assert_eq!(text.lines().count(), 2);
    assert_eq!(lint(folder.path(), &["--fix"]).0, Some(0));
    let fixed = std::fs::read_to_string(folder.path().join("espq.toml")).unwrap();
    assert!(fixed.ends_with("metod = 'kl' # espq: ignore[C002] next week\nsamples = 8 # ours\n"), "{fixed}");
}

#[test]
fn ignores_of_measured_rules_are_judged_when_the_network_has_run() {
    let folder = project(
        "samples = 8\n[analysis]\n# espq: ignore[E002] known\nsamples = 8\n[limits]\noutput-nsr = '50%'\nlayer-nsr = '50%'\n",
    );
    assert_eq!(lint(folder.path(), &[]).0, Some(0));
    let (exit, text, _) = espq(folder.path(), &["lint", "--no-cache", "--format", "concise"]);
    assert_eq!(exit, Some(1), "{text}");
    assert!(text.contains("espq.toml:8:1: C008 no finding of E002 is on this line"), "{text}");
}

#[test]
fn a_layer_has_a_limit_of_its_own() {
    let limits = |lines: &str| {
        let folder = project(&format!("samples = 8\n[limits]\noutput-nsr = '90%'\nlayer-nsr = '0.0001%'\n{lines}"));
        espq(folder.path(), &["lint", "--no-cache", "--select", "E002,C006", "--format", "concise"]).1
    };
    let all = limits("");
    assert!(all.contains("layer /stem/Conv alone"), "{all}");
    let one = limits("[limits.layers]\n\"/stem/Conv\" = '50%'\n");
    assert!(!one.contains("layer /stem/Conv alone") && one.contains("layer /body/Conv alone"), "{one}");
    let unknown = limits("[limits.layers]\n\"/gone\" = '50%'\n");
    assert!(unknown.contains("C006 the model has no layer `/gone`"), "{unknown}");
}

#[test]
fn with_a_baseline_only_new_findings_fail() {
    let folder = project(TYPO);
    let (exit, text, _) = lint(folder.path(), &["--write-baseline", "known.json"]);
    assert_eq!((exit, text.as_str()), (Some(0), "Wrote 1 known issue into known.json\n"));
    let (exit, text, _) = lint(folder.path(), &["--baseline", "known.json"]);
    assert_eq!((exit, text.as_str()), (Some(0), "Found no issues in espq.toml; 1 more are in the baseline\n"));
    // Lines move, and a second issue is new.
    let moved = text_with_comment(&format!("{TYPO}sampels = 8\n"));
    std::fs::write(folder.path().join("espq.toml"), moved).unwrap();
    let (exit, text, _) = lint(folder.path(), &["--baseline", "known.json", "--format", "concise"]);
    assert_eq!(exit, Some(1));
    assert!(text.contains("unknown key `sampels`") && !text.contains("metod"), "{text}");
    // Known findings are not fixed either.
    lint(folder.path(), &["--baseline", "known.json", "--fix"]);
    let fixed = std::fs::read_to_string(folder.path().join("espq.toml")).unwrap();
    assert!(fixed.contains("metod") && fixed.contains("samples = 8"), "{fixed}");
    // From another folder, the paths are the same.
    let above = folder.path().parent().unwrap();
    let known = folder.path().join("known.json");
    let arguments = ["--baseline", known.to_str().unwrap(), folder.path().to_str().unwrap()];
    assert_eq!(lint(above, &arguments).0, Some(0));
    let (exit, _, error) = lint(folder.path(), &["--baseline", "espq.toml"]);
    assert!(exit == Some(2) && error.contains("this is no baseline") && error.contains("--write-baseline"), "{error}");
    let (exit, _, error) = lint(folder.path(), &["--baseline", "none.json"]);
    assert!(exit == Some(2) && error.contains("--write-baseline none.json"), "{error}");
}

fn text_with_comment(lines: &str) -> String {
    format!("# One line more.\n{}", text(lines))
}

#[test]
fn flags_of_the_output() {
    let folder = project(TYPO);
    assert_eq!(lint(folder.path(), &["--exit-zero"]).0, Some(0));
    assert_eq!(lint(folder.path(), &["-q", "--format", "concise"]).1.lines().count(), 1);
    assert_eq!(lint(folder.path(), &["-q", "--select", "C006"]).1, "");
    let (_, _, told) = lint(folder.path(), &["-v"]);
    assert!(told.starts_with("espq.toml: 1 issue in ") && told.contains("; reads small.onnx, samples.npy\n"), "{told}");
    assert_eq!(lint(folder.path(), &["--show-files"]).1, "espq.toml\n");
    let (exit, text, _) = lint(folder.path(), &["--statistics"]);
    let expected = "1  C002 unknown-key  fixable\nFound 1 issue in espq.toml (1 fixable with `--fix`)\n";
    assert_eq!((exit, text.as_str()), (Some(1), expected));
    let rows: Value = serde_json::from_str(&lint(folder.path(), &["--statistics", "--format", "json"]).1).unwrap();
    assert_eq!((&rows[0]["code"], &rows[0]["count"]), (&Value::from("C002"), &Value::from(1)));
    let (exit, text, _) = lint(folder.path(), &["-o", "found.json", "--output-format", "json"]);
    assert_eq!((exit, text.as_str()), (Some(1), ""));
    let written = std::fs::read_to_string(folder.path().join("found.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap().as_array().unwrap().len(), 1);
    let (_, text, _) = lint(folder.path(), &["--fix", "--show-fixes"]);
    assert_eq!(text, "Fixed 1 issue in espq.toml\n  C002: write method\nFound no issues in espq.toml\n");
}

#[test]
fn values_of_the_command_line_stand_over_those_of_the_file() {
    let folder = project("");
    let with = |value: &str| lint(folder.path(), &["--config", value]);
    assert_eq!(with("lint.ignore = ['C']").0, Some(0));
    let (exit, text, _) = with("precision.'/gone' = 'int16'");
    assert!(exit == Some(1) && text.contains("no layer `/gone`"), "{text}");
    std::fs::write(folder.path().join("strict.toml"), "[precision]\n'/gone' = 'int16'\n").unwrap();
    assert_eq!(with("strict.toml").0, Some(1));
    for value in ["limits.output-nsr = 'x'", "limit.x = 1", "nowhere", "a ="] {
        let (exit, _, error) = with(value);
        assert!(exit == Some(2) && error.contains("help: ") | error.contains("--config"), "{value}: {error}");
    }
}

#[test]
fn a_text_on_stdin_is_checked_and_fixed() {
    let folder = project("");
    let piped = |arguments: &[&str], text: &str| {
        let arguments = [&["lint", "--static", "--no-cache", "-"], arguments].concat();
        let mut command = command(folder.path(), &arguments);
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = pipes.spawn().unwrap();
        running.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = running.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (exit, shown, _) = piped(&["--format", "concise", "--stdin-filename", "net.espq.toml"], &text(TYPO));
    assert!(exit == Some(1) && shown.starts_with("net.espq.toml:6:1: C002 "), "{shown}");
    let (exit, fixed, told) = piped(&["--fix"], &text(TYPO));
    assert_eq!((exit, fixed), (Some(0), text("method = 'kl'\n")));
    assert!(told.starts_with("Fixed 1 issue in espq.toml\n"), "{told}");
    assert_eq!(std::fs::read_to_string(folder.path().join("espq.toml")).unwrap(), text(""));
}

#[test]
fn a_project_that_cannot_be_read_is_a_finding_and_the_others_are_checked() {
    let folder = project(TYPO);
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("b.espq.toml"), b"[model]\npath = '\xff'\n").unwrap();
    std::fs::write(at("c.espq.toml"), vec![0; 300_000]).unwrap();
    std::fs::write(at("d.espq.toml"), "#".repeat((4 << 20) + 1)).unwrap();
    std::fs::create_dir(at("net")).unwrap();
    std::fs::write(at("net/espq.toml"), "[model\n").unwrap();
    let (exit, shown, error) = lint(folder.path(), &["--format", "concise"]);
    assert_eq!((exit, error.as_str()), (Some(1), ""));
    for line in [
        "b.espq.toml:2:9: C009 byte 16 is not UTF-8",
        "c.espq.toml:1:1: C001 ",
        "d.espq.toml:1:1: C009 the file is longer than",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    assert!(shown.contains("espq.toml:6:1: C002 ") && shown.contains("net/espq.toml:1:7: C001 "), "{shown}");
    let found: Value = serde_json::from_str(&lint(folder.path(), &["--format", "json"]).1).unwrap();
    valid("docs/findings.schema.json", &found);
    // With frames, each is short and has the name of its file.
    let frames = lint(folder.path(), &[]).1;
    assert!(frames.contains("b.espq.toml:2:9") && frames.len() < 20_000, "{}", frames.len());
    assert!(frames.lines().all(|line| line.chars().count() < 250));
}

#[test]
fn samples_that_are_pointers_of_git_lfs_are_recognized() {
    for name in ["samples.npy", "samples.npz", "samples.png"] {
        let folder = project("");
        std::fs::remove_file(folder.path().join("samples.npy")).unwrap();
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n";
        std::fs::write(folder.path().join(name), pointer).unwrap();
        std::fs::write(folder.path().join("espq.toml"), text("").replace("samples.npy", name)).unwrap();
        let (exit, text, _) = espq(folder.path(), &["lint", "--no-cache"]);
        assert!(exit == Some(1) && text.contains("Git LFS pointer") && text.contains("git lfs pull"), "{text}");
    }
}

#[test]
fn an_empty_configuration_is_named_in_every_finding() {
    let folder = project("");
    std::fs::write(folder.path().join("espq.toml"), "").unwrap();
    let shown = lint(folder.path(), &[]).1;
    assert_eq!(shown.matches("espq.toml: `").count(), 3, "{shown}");
}

#[test]
fn a_hundred_thousand_unknown_layers_take_linear_time() {
    let lines = |count: usize| (0..count).map(|n| format!("\"/layer/{n}\" = 'int16'\n")).collect::<String>();
    let seconds = |count: usize| {
        let folder = project(&format!("[precision]\n{}", lines(count)));
        let start = Instant::now();
        let (exit, shown, _) = lint(folder.path(), &["--format", "concise"]);
        assert_eq!((exit, shown.lines().count()), (Some(1), count + 1));
        start.elapsed().as_secs_f64()
    };
    let (few, many) = (seconds(10_000), seconds(100_000));
    // Quadratic time would be a hundredfold.
    assert!(many < 30.0 * few.max(0.2), "{few} s and {many} s");
}

#[test]
fn counts_of_fixable_and_fixed_issues_agree() {
    let folder = project("metod = 'kl'\nsampels = 8\n[precision]\n\"/stem/Con\" = \"int16\"\n");
    let shown = lint(folder.path(), &["--format", "concise"]).1;
    assert!(shown.ends_with("(2 fixable with `--fix`, 1 more with `--unsafe-fixes`)\n"), "{shown}");
    let (exit, shown, _) = lint(folder.path(), &["--unsafe-fixes"]);
    assert_eq!((exit, shown.as_str()), (Some(0), "Fixed 3 issues in espq.toml\nFound no issues in espq.toml\n"));
}

#[test]
fn watching_checks_again_after_a_change() {
    let folder = project(TYPO);
    let out = folder.path().join("out.txt");
    let mut command = command(folder.path(), &["lint", "--static", "--no-cache", "--watch", "--format", "concise"]);
    let mut running = command.stdout(std::fs::File::create(&out).unwrap()).stderr(Stdio::null()).spawn().unwrap();
    let shows = |words: &str| {
        let start = Instant::now();
        while !std::fs::read_to_string(&out).unwrap().contains(words) {
            assert!(start.elapsed() < Duration::from_secs(60), "{words}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    shows("C002 unknown key `metod`");
    std::fs::write(folder.path().join("espq.toml"), text("")).unwrap();
    shows("Found no issues in espq.toml");
    running.kill().unwrap();
    running.wait().unwrap();
}

#[test]
fn the_rules_are_listed_for_programs() {
    let rules: Value = serde_json::from_str(&espq(&fixtures(), &["rule", "--all", "--format", "json"]).1).unwrap();
    assert_eq!(rules.as_array().unwrap().len(), espq::lint::RULES.len());
    let one: Value = serde_json::from_str(&espq(&fixtures(), &["explain", "E002", "--format", "json"]).1).unwrap();
    let field = |name: &str| one[name].as_str().unwrap();
    assert_eq!(
        [field("code"), field("name"), field("severity"), field("needs")],
        ["E002", "layer-over-limit", "warning", "figures"]
    );
    assert!(field("explanation").contains("## What to do"));
    let all = espq(&fixtures(), &["rule", "--all"]).1;
    assert!(espq::lint::RULES.iter().all(|rule| all.contains(&format!("# {} {}\n", rule.code, rule.name))));
}

#[test]
fn completions_and_manual_pages_have_every_command() {
    for (shell, word) in [("bash", "complete -F _espq"), ("zsh", "#compdef espq"), ("fish", "complete -c espq")] {
        let text = espq(&fixtures(), &["completions", shell]).1;
        assert!(text.contains(word) && text.contains("write-baseline"), "{shell}");
    }
    // Shells load completions by the name of the program.
    for (shell, word) in
        [("bash", "-o default espq-lint"), ("zsh", "#compdef espq-lint"), ("fish", "complete -c espq-lint")]
    {
        let text = espq(&fixtures(), &["completions", shell, "--command", "espq-lint"]).1;
        assert!(text.contains(word) && text.contains("write-baseline") && text.contains("color"), "{shell}: {text}");
        assert!(!text.contains("optimize"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    let written = espq(folder.path(), &["man", "-o", "man1"]).1;
    assert!(written.lines().count() > 10 && folder.path().join("man1/espq-lint.1").is_file(), "{written}");
    let page = std::fs::read_to_string(folder.path().join("man1/espq-lint.1")).unwrap();
    assert!(page.contains(".TH espq-lint") && page.contains("\\-\\-write\\-baseline"), "{page}");
}

#[test]
fn cleaning_deletes_the_cache() {
    let folder = project("");
    let cache = folder.path().join("cache");
    let cache = cache.to_str().unwrap();
    espq(folder.path(), &["lint", "--cache-dir", cache, "--static"]);
    let (exit, told, _) = espq(folder.path(), &["clean", "--cache-dir", cache]);
    assert!(exit == Some(0) && told.starts_with("Deleted ") && !told.starts_with("Deleted 0 "), "{told}");
    assert!(espq(folder.path(), &["clean", "--cache-dir", cache]).1.starts_with("Deleted 0 "));
}
