//! `judge PROGRAM`: exported files held to ESP-DL's own code, built for the PC.
//!
//! PROGRAM takes an `.espdl` file, runs its test inputs, compares with its test outputs, and ends with 0 where all are equal.
//! The program's output is shown for files that differ. Never: such a program, which is made of ESP-DL's sources.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::{at, cargo, root};

const PRECISIONS: [&str; 2] = ["int8", "int16"];

/// Files that were judged, and what was found of those that differ.
#[derive(Debug, Default, PartialEq)]
pub struct Verdict {
    /// Number of files whose outputs on ESP-DL equal those in the file.
    pub equal: usize,
    /// Projects that espq does not write at a precision.
    pub refused: Vec<String>,
    /// Names of the other files, each with the lines of the program's output that show the fault.
    pub differing: Vec<String>,
}

impl Verdict {
    fn add(&mut self, name: String, output: &Output, predicted: Option<[u64; 2]>) {
        let found = memory(output);
        if let (Some(found), Some(predicted)) = (found, predicted)
            && found != predicted
        {
            let line = format!("{name}\n  arena and parameters take {found:?} bytes, predicted were {predicted:?}\n");
            self.differing.push(line);
            return;
        }
        if output.status.success() {
            return self.equal += 1;
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let lines = text.lines().filter(|line| !line.contains(" ok: ") && !line.contains(": memory: "));
        self.differing.push(format!("{name}\n{}", lines.map(|line| format!("  {line}\n")).collect::<String>()));
    }
}

/// Judges `.espdl` files as they are, and projects by what espq exports of them for `target`; without any, those of
/// `fixtures/`.
pub fn judge(program: &Path, target: &str, named: &[&str]) -> Result<Verdict, String> {
    let folder = std::env::temp_dir().join(format!("espq-judge-{}", std::process::id()));
    let verdict = judge_in(&folder, program, target, named);
    // Made below; where it was not, there is nothing to remove.
    let _ = std::fs::remove_dir_all(&folder);
    verdict
}

fn judge_in(folder: &Path, program: &Path, target: &str, named: &[&str]) -> Result<Verdict, String> {
    let projects = if named.is_empty() { fixtures()? } else { named.iter().map(PathBuf::from).collect() };
    let mut verdict = Verdict::default();
    for project in projects {
        let name = project.strip_prefix(root()).unwrap_or(&project).display().to_string();
        if project.extension().is_some_and(|e| e == "espdl") {
            verdict.add(name, &run(program, &project)?, predicted(&project, target)?);
            continue;
        }
        for precision in PRECISIONS {
            let out = folder.join(name.replace('/', "-")).join(precision);
            let name = format!("{name} {precision}");
            match export(&project, &out, target, precision)? {
                None => verdict.refused.push(name),
                Some(file) => verdict.add(name, &run(program, &file)?, predicted(&file, target)?),
            }
        }
    }
    Ok(verdict)
}

/// Bytes of the arena and of the parameters that the program printed.
fn memory(output: &Output) -> Option<[u64; 2]> {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.split_once(": memory: ")).map(|(_, rest)| rest)?;
    let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    numbers.try_into().ok()
}

/// Bytes of the arena and of the parameters that `espq inspect` predicts.
fn predicted(file: &Path, target: &str) -> Result<Option<[u64; 2]>, String> {
    let mut command = espq();
    command.args(["inspect", "--format", "json", "--target", target]).arg(file).current_dir(root());
    let output = command.output().map_err(|error| format!("espq: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let number = |key: &str| {
        let (_, rest) = text.split_once(&format!("\"{key}\": "))?;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    Ok(number("peak_bytes").zip(number("copy_bytes")).map(|(arena, copies)| [arena, copies]))
}

fn run(program: &Path, file: &Path) -> Result<Output, String> {
    Command::new(program).arg(file).output().map_err(at(program))
}

/// The program that `ESPQ` names, or that of this repository.
fn espq() -> Command {
    if let Some(program) = std::env::var_os("ESPQ") {
        return Command::new(program);
    }
    let mut command = Command::new(cargo());
    command.args(["run", "--quiet", "--bin", "espq", "--"]);
    command
}

/// The file that espq writes; `None` where it writes none.
fn export(project: &Path, out: &Path, target: &str, precision: &str) -> Result<Option<PathBuf>, String> {
    let mut command = espq();
    command.args(["export", "--no-cache", "--test-values"]);
    command.args(["--target", target, "--precision", precision, "-o"]).args([out, project]).current_dir(root());
    let output = command.output().map_err(|error| format!("espq: {error}"))?;
    match output.status.code() {
        Some(0) => {}
        Some(2) => return Ok(None),
        _ => return Err(format!("{}: {}", project.display(), String::from_utf8_lossy(&output.stderr))),
    }
    let files = std::fs::read_dir(out).map_err(at(out))?.filter_map(Result::ok).map(|entry| entry.path());
    Ok(files.into_iter().find(|path| path.extension().is_some_and(|e| e == "espdl")))
}

/// Projects in `fixtures/` and one folder below it.
fn fixtures() -> Result<Vec<PathBuf>, String> {
    let folder = root().join("fixtures");
    let mut found = projects(&folder)?;
    found.extend(projects(&folder.join("rewrites"))?);
    Ok(found)
}

fn projects(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(at(folder))?.filter_map(Result::ok).map(|entry| entry.path());
    let mut found: Vec<PathBuf> = entries.filter(|path| path.join("espq.toml").is_file()).collect();
    found.sort();
    Ok(found)
}
