//! Tests of `espq-lint`, the name that commit hooks use: a small program that starts `espq lint`.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

use std::path::Path;
use std::process::{Command, Output};

fn run(program: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/lint");
    let Output { status, stdout, stderr } =
        Command::new(program).args(arguments).current_dir(fixtures).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn output_and_exit_code_equal_those_of_espq_lint() {
    let (espq, espq_lint) = (Path::new(env!("CARGO_BIN_EXE_espq")), Path::new(env!("CARGO_BIN_EXE_espq-lint")));
    for (arguments, code) in [
        (&["--static", "--no-cache", "C006/fires"][..], 1),
        (&["--static", "--no-cache", "C006/quiet"], 0),
        (&["--static", "--no-cache", "nowhere.toml"], 2),
        (&["--no-such-option"], 2),
        (&["--color", "never", "--help"], 0),
    ] {
        let expected = run(espq, &[&["lint"], arguments].concat());
        assert_eq!(expected.0, Some(code), "{arguments:?}: {}{}", expected.1, expected.2);
        assert_eq!(run(espq_lint, arguments), expected, "{arguments:?}");
    }
    let version = format!("espq-lint {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(run(espq_lint, &["--version"]), (Some(0), version, String::new()));
}

#[test]
#[cfg(unix)]
fn a_link_is_resolved_to_the_folder_of_both_programs() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("espq-lint");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_espq-lint"), &link).unwrap();
    assert_eq!(run(&link, &["--version"]).0, Some(0));
}

#[test]
fn without_espq_beside_it_the_exit_code_is_2() {
    let folder = tempfile::tempdir().unwrap();
    let alone = folder.path().join(format!("espq-lint{}", std::env::consts::EXE_SUFFIX));
    std::fs::copy(env!("CARGO_BIN_EXE_espq-lint"), &alone).unwrap();
    let (code, _, error) = run(&alone, &["--static"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("cannot start") && error.contains("help: install both programs"), "{error}");
}
