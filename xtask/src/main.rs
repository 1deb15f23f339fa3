//! `cargo xtask`: chores of the repository.

use std::path::Path;
use std::process::{Command, ExitCode};

use xtask::{cargo, judge, new, parity, root, tidy};

const USAGE: &str = "\
Chores of espq's repository.

  cargo xtask new rule CODE NAME    a lint rule: D005 wide-kernel
  cargo xtask new operator NAME     an ONNX operator: Celu
  cargo xtask new pass NAME         a pass of [optimize]: clip-weights
  cargo xtask gen [--check]         writes docs/rules.md, the JSON Schema and the tables of README; or compares them
  cargo xtask parity NAME           differences from esp-ppq on a fixture: digits
  cargo xtask judge PROGRAM [TARGET [PATH...]]   fixtures, projects or .espdl files held to PROGRAM, which runs ESP-DL's code on a file
  cargo xtask tidy                  imports, places of unsafe, forms of docs
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        ["new", "rule", code, name] => new::rule::rule(code, name).and_then(|change| create(&change)),
        ["new", "operator", name] => new::operator::operator(name).and_then(|change| create(&change)),
        ["new", "pass", name] => new::pass::pass(name).and_then(|change| create(&change)),
        ["gen"] => generate(true),
        ["gen", "--check"] => generate(false),
        ["parity", name] => parity::parity(name).map(|differences| println!("{differences}")),
        ["judge", program] => held(judge::judge(Path::new(program), "c", &[])),
        ["judge", program, target, ref paths @ ..] => held(judge::judge(Path::new(program), target, paths)),
        ["tidy"] => check(),
        [] | ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => Err(format!("unknown arguments: {}\n\n{USAGE}", arguments.join(" "))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn create(change: &new::Change) -> Result<(), String> {
    for file in change.write()? {
        println!("wrote {}", file.display());
    }
    println!("\nNext:");
    change.next.iter().for_each(|step| println!("  {step}"));
    Ok(())
}

fn held(verdict: Result<judge::Verdict, String>) -> Result<(), String> {
    let judge::Verdict { equal, refused, differing } = verdict?;
    println!("{equal} files equal, {} differ, {} not written", differing.len(), refused.len());
    refused.iter().for_each(|name| println!("not written: {name}"));
    if differing.is_empty() { Ok(()) } else { Err(differing.concat()) }
}

/// Runs the tests that compare generated files with the code; with `write`, they write the files first.
fn generate(write: bool) -> Result<(), String> {
    let mut command = Command::new(cargo());
    command.args(["test", "--quiet", "--test", "generated"]).current_dir(root());
    if write {
        command.env("UPDATE_DOCS", "1");
    }
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) if write => Err("the files were not written".to_string()),
        Ok(_) => Err("generated files are out of date: cargo xtask gen".to_string()),
        Err(error) => Err(format!("cargo: {error}")),
    }
}

fn check() -> Result<(), String> {
    let tree = tidy::Tree::read()?;
    for (lines, file) in tree.long_files() {
        println!("{}: {lines} lines; most files of this length should be split", file.display());
    }
    match tree.faults() {
        faults if faults.is_empty() => Ok(()),
        faults => Err(format!("{}\n{} faults", faults.join("\n"), faults.len())),
    }
}
