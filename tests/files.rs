//! Tests of what espq does to the user's files: those that it cannot read or write are named, and no content is lost.

#![cfg(unix)]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/lint/files")
}

const TEXT: &str = "[model]\npath = 'small.onnx'\ntarget = 'esp32p4'\n[calibration]\ndata = 'samples.npy'\n";
/// Has a fix that is safe.
const TYPO: &str = "metod = 'kl'\n";

fn project(lines: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in ["small.onnx", "samples.npy"] {
        fs::copy(fixtures().join(file), folder.path().join(file)).unwrap();
    }
    fs::write(folder.path().join("espq.toml"), format!("{TEXT}{lines}")).unwrap();
    folder
}

fn said(output: Output) -> (Option<i32>, String) {
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

/// Returns the exit code and all that was shown.
fn espq(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_espq"));
    said(command.args(arguments).current_dir(folder).env("NO_COLOR", "1").output().unwrap())
}

/// Runs where no byte can be written into a file, as on a full disk.
fn on_full_disk(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -f 0; trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_espq")]);
    said(shell.args(arguments).current_dir(folder).output().unwrap())
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn a_full_disk_leaves_every_file_as_it_was() {
    let folder = project(TYPO);
    let written = espq(folder.path(), &["report", "--no-cache", "-o", "old.txt"]);
    assert_eq!(written.0, Some(2), "the typo is refused: {}", written.1);
    for old in ["old.txt", "old.json"] {
        fs::write(folder.path().join(old), "mine").unwrap();
    }
    let before = names(folder.path());
    let text = fs::read(folder.path().join("espq.toml")).unwrap();
    let lint = ["lint", "--no-cache", "--static"];
    for arguments in [
        &["-o", "new.txt"][..],
        &["-o", "old.txt"],
        &["--write-baseline", "new.json"],
        &["--write-baseline", "old.json"],
        &["--fix"],
    ] {
        let (exit, shown) = on_full_disk(folder.path(), &[&lint[..], arguments].concat());
        assert_eq!(exit, Some(2), "{arguments:?}: {shown}");
        assert!(shown.contains("cannot be written") && shown.contains("free space"), "{arguments:?}: {shown}");
        assert_eq!(names(folder.path()), before, "{arguments:?}");
    }
    fs::write(folder.path().join("espq.toml"), TEXT).unwrap();
    for arguments in [
        &["report", "--no-cache", "-o", "old.txt"][..],
        &["report", "--no-cache", "-o", "new.html", "--format", "html"],
        &["init", "small.onnx", "-o", "new.espq.toml", "--no-report"],
        &["man", "-o", "."],
        &["export", "--no-cache", "-o", "."],
        &["export", "--no-cache", "-o", "firmware", "--project", "firmware/project"],
    ] {
        let (exit, shown) = on_full_disk(folder.path(), arguments);
        assert!(exit == Some(2) && shown.contains("cannot be written"), "{arguments:?}: {shown}");
        let _ = fs::remove_dir(folder.path().join("firmware"));
        assert_eq!(names(folder.path()), before, "{arguments:?}");
    }
    for old in ["old.txt", "old.json"] {
        assert_eq!(fs::read(folder.path().join(old)).unwrap(), b"mine");
    }
    assert!(text.ends_with(TYPO.as_bytes()));
}

#[test]
fn a_read_only_configuration_is_refused_and_kept() {
    let folder = project(TYPO);
    let file = folder.path().join("espq.toml");
    let lint = ["lint", "--no-cache", "--static", "--fix"];
    fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
    for arguments in [&lint[..], &["lint", "--no-cache", "--static", "-o", "read-only"]] {
        fs::write(folder.path().join("read-only"), "mine").unwrap();
        fs::set_permissions(folder.path().join("read-only"), fs::Permissions::from_mode(0o444)).unwrap();
        let (exit, shown) = espq(folder.path(), arguments);
        assert!(exit == Some(2) && shown.contains("read-only") && shown.contains("chmod u+w"), "{shown}");
        assert_eq!(fs::read_to_string(&file).unwrap(), format!("{TEXT}{TYPO}"));
        let _ = fs::remove_file(folder.path().join("read-only"));
    }
    // Before the search.
    fs::remove_file(&file).unwrap();
    fs::write(&file, TEXT).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
    let (exit, shown) = espq(folder.path(), &["optimize", "--no-cache"]);
    assert!(exit == Some(2) && shown.contains("read-only"), "{shown}");
    assert_eq!(espq(folder.path(), &["optimize", "--no-cache", "--diff", "--budget", "0"]).0, Some(0));
}

#[test]
fn an_output_over_what_is_read_is_refused() {
    let folder = project(TYPO);
    for file in ["espq.toml", "small.onnx", "samples.npy", "./samples.npy"] {
        let before = fs::read(folder.path().join(file)).unwrap();
        for option in ["-o", "--write-baseline"] {
            let (exit, shown) = espq(folder.path(), &["lint", "--no-cache", "--static", option, file]);
            assert!(exit == Some(2) && shown.contains("left unchanged"), "{option} {file}: {shown}");
            assert_eq!(fs::read(folder.path().join(file)).unwrap(), before);
        }
    }
}

#[test]
fn the_diff_goes_into_the_file_of_the_output() {
    let folder = project(TYPO);
    let (exit, shown) = espq(folder.path(), &["lint", "--no-cache", "--static", "--diff", "-o", "fixes.patch"]);
    assert_eq!((exit, shown.as_str()), (Some(1), ""));
    assert!(fs::read_to_string(folder.path().join("fixes.patch")).unwrap().contains("+method = 'kl'"));
}

#[test]
fn standard_output_as_a_file_is_appended_to() {
    let folder = project("");
    let mut shell = Command::new("sh");
    let script = "echo before > out; \"$0\" lint --no-cache --static -o /dev/stdout >> out; echo after >> out";
    shell.args(["-c", script, env!("CARGO_BIN_EXE_espq")]).current_dir(folder.path()).status().unwrap();
    let out = fs::read_to_string(folder.path().join("out")).unwrap();
    assert_eq!(out, "before\nFound no issues in espq.toml\nafter\n");
}

#[test]
fn what_a_baseline_would_not_do_is_refused() {
    let folder = project("");
    for other in [&["-o", "a.txt"][..], &["--baseline", "a.json"], &["--statistics"], &["--show-files"]] {
        let (exit, shown) = espq(folder.path(), &[&["lint", "--write-baseline", "b.json"], other].concat());
        assert!(exit == Some(2) && shown.contains("cannot be used with"), "{other:?}: {shown}");
    }
}

#[test]
fn a_cache_that_cannot_be_written_is_told_once() {
    let folder = project("");
    fs::write(folder.path().join("cache"), "a file").unwrap();
    for arguments in [&["lint", "--cache-dir", "cache"][..], &["report", "--cache-dir", "cache/below"]] {
        let (_, shown) = espq(folder.path(), arguments);
        assert_eq!(shown.matches("warning: the cache folder cache").count(), 1, "{shown}");
        assert!(shown.contains("--no-cache") && shown.contains("ESPQ_CACHE_DIR"), "{shown}");
    }
    let (_, shown) = espq(folder.path(), &["lint", "--no-cache"]);
    assert!(!shown.contains("warning:"), "{shown}");
}

/// Makes a pipe without a writer: a program that opens it waits for ever.
fn pipe(path: &Path) {
    let _ = fs::remove_file(path);
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_pipe_in_place_of_any_file_is_refused_and_not_waited_for() {
    let cases: [(&str, &str, &[&str]); 13] = [
        ("espq.toml", "", &["lint"]),
        ("espq.toml", "", &["report"]),
        ("p.espq.toml", "", &["report", "p.espq.toml"]),
        ("lint.json", "", &["lint", "--baseline", "lint.json"]),
        ("more.toml", "", &["lint", "--config", "more.toml"]),
        ("before.json", "", &["report", "--baseline", "before.json"]),
        ("board.log", "", &["profile", "board.log"]),
        ("m.espdl", "", &["inspect", "m.espdl"]),
        ("labels.csv", "[accuracy]\nlabels = 'labels.csv'\n", &["lint"]),
        ("classes.txt", "[accuracy]\nlabels = 'folders'\nclasses = 'classes.txt'\n", &["lint"]),
        ("board.toml", "[board]\nconstants = 'board.toml'\n", &["lint"]),
        ("samples.npy", "", &["lint"]),
        ("small.onnx", "", &["lint"]),
    ];
    for (name, lines, arguments) in cases {
        let folder = project(lines);
        pipe(&folder.path().join(name));
        let (exit, shown) = espq(folder.path(), &[arguments, &["--no-cache"][..]].concat());
        let (exit, shown) = match shown.contains("unexpected argument '--no-cache'") {
            true => espq(folder.path(), arguments),
            false => (exit, shown),
        };
        assert!(exit != Some(0) && shown.contains("a pipe or a device"), "{name} {arguments:?}: {shown}");
        assert!(shown.contains(name), "{name} {arguments:?}: {shown}");
    }
}

#[test]
fn a_folder_in_place_of_a_file_is_named() {
    for (name, arguments) in [
        ("espq.toml", &["report", "--no-cache"][..]),
        ("lint.json", &["lint", "--no-cache", "--static", "--baseline", "lint.json"]),
        ("more.toml", &["lint", "--no-cache", "--static", "--config", "more.toml"]),
    ] {
        let folder = project("");
        let _ = fs::remove_file(folder.path().join(name));
        fs::create_dir(folder.path().join(name)).unwrap();
        let (exit, shown) = espq(folder.path(), arguments);
        assert!(exit == Some(2) && shown.contains("this is a folder") && shown.contains(name), "{name}: {shown}");
    }
}

#[test]
fn pointers_of_git_lfs_are_named_wherever_a_file_is_read() {
    const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n";
    for (name, lines) in [
        ("labels.csv", "[accuracy]\nlabels = 'labels.csv'\n"),
        ("board.toml", "[board]\nconstants = 'board.toml'\n"),
        ("small.onnx", ""),
        ("espq.toml", ""),
    ] {
        let folder = project(lines);
        fs::write(folder.path().join(name), POINTER).unwrap();
        let (_, shown) = espq(folder.path(), &["lint", "--no-cache"]);
        assert!(shown.contains("Git LFS pointer") && shown.contains("git lfs pull"), "{name}: {shown}");
    }
}

#[test]
fn one_image_that_is_a_pointer_of_git_lfs_is_named() {
    for shape in ["", "input-shape = [1, 3, 8, 8]\n"] {
        let folder = project("");
        let pictures = folder.path().join("pictures");
        fs::create_dir(&pictures).unwrap();
        for picture in 0..3 {
            let name = format!("{picture}.png");
            fs::copy(fixtures().join("pictures").join(&name), pictures.join(&name)).unwrap();
        }
        fs::write(pictures.join("1.png"), "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
            .unwrap();
        // Dimensions that the model leaves free come from the images.
        let model = if shape.is_empty() { "small.onnx" } else { "dynamic.onnx" };
        fs::copy(fixtures().join(model), folder.path().join("small.onnx")).unwrap();
        fs::write(folder.path().join("espq.toml"), TEXT.replace("samples.npy", "pictures")).unwrap();
        let (exit, shown) = espq(folder.path(), &["lint", "--no-cache"]);
        assert!(exit == Some(1) && shown.contains("Git LFS pointer") && shown.contains("1.png"), "{model}: {shown}");
    }
}

#[test]
fn a_path_of_windows_with_single_quotes_missing_is_one_finding() {
    let folder = project("");
    fs::write(folder.path().join("espq.toml"), TEXT.replace("'small.onnx'", "\"C:\\x\"")).unwrap();
    let (_, shown) = espq(folder.path(), &["lint", "--no-cache", "--static", "--format", "concise"]);
    assert!(shown.contains("C001") && !shown.contains("C005"), "{shown}");
}
