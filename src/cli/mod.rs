//! The command line: one command per file. Output formats are in `render`.
//!
//! Never: functions that another program could use; those belong to `engine`.

mod accuracy;
mod cache;
mod clean;
mod compare;
mod completions;
mod difference;
mod explain;
mod export;
mod init;
mod inspect;
mod lint;
mod lsp;
mod optimize;
mod overrides;
mod paths;
mod profile;
mod progress;
mod report;
mod schema;

use std::io::Write;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, Subcommand};
use serde::Serialize;

use crate::project::{Problem, Project};
use crate::text::{units, visible};
use crate::{Error, Result};

use crate::render::diagnostics::Diagnostics;
use crate::render::terminal::{Color, Terminal};

/// Shows the error that quantization for an Espressif chip adds to a network, layer by layer.
///
/// espq quantizes an ONNX or TensorFlow Lite model by ESP-DL's rules and measures the error, like esp-ppq, in seconds. A
/// project is an espq.toml beside the model; `espq init MODEL.onnx` writes the first one.
#[derive(Parser)]
#[command(name = "espq", version, propagate_version = true, max_term_width = 100, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,

    /// Colour of the output; `auto` colours on a terminal, unless NO_COLOR is set, and everywhere with FORCE_COLOR
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    color: Color,
}

#[derive(Subcommand)]
enum Command {
    Report(report::Arguments),
    Accuracy(accuracy::Arguments),
    Lint(lint::Arguments),
    Optimize(optimize::Arguments),
    Compare(compare::Arguments),
    #[command(visible_alias = "rule")]
    Explain(explain::Arguments),
    Export(export::Arguments),
    Init(init::Arguments),
    Inspect(inspect::Arguments),
    Profile(profile::Arguments),
    Schema(schema::Arguments),
    Clean(clean::Arguments),
    Completions(completions::Arguments),
    Man(completions::Man),
    Lsp(lsp::Arguments),
}

/// Reason why a command ended without a result.
enum Failure {
    /// Error without a project, or without a place in its text.
    Plain(Error),
    /// Error with the project whose text shows the place.
    Within(Box<Project>, Error),
    /// Configuration with errors.
    Problems(Box<Project>),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Plain(error)
    }
}

/// Output of a command, and its verdict: with `found`, the exit code is 1.
struct Outcome {
    text: String,
    found: bool,
}

impl From<String> for Outcome {
    fn from(text: String) -> Outcome {
        Outcome { text, found: false }
    }
}

/// Exit code after a panic, as Rust defines it.
const PANICKED: i32 = 101;

/// Ends the process at the first panic of any thread, with what to do about it and exit code 101.
pub fn end_at_panics() {
    let shown = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        shown(panic);
        let issues = concat!(env!("CARGO_PKG_REPOSITORY"), "/issues");
        tell(&format!("This is a bug in espq. Please report it at {issues}, with these lines and what you did."));
        // Instead of an abort, which writes all memory to a file on some systems.
        std::process::exit(PANICKED)
    }));
}

/// Runs a command and returns its exit code: 0 for success, 1 for findings, 2 for errors.
pub fn main() -> ExitCode {
    let arguments = Arguments::try_parse().unwrap_or_else(|error| understood(error).exit());
    let out = Terminal::stdout(arguments.color);
    let outcome = match &arguments.command {
        Command::Lsp(lsp) => return lsp::run(lsp).unwrap_or_else(|e| finish(Err(e.into()), arguments.color)),
        Command::Report(report) => report::run(report, &out).map(Outcome::from),
        Command::Accuracy(accuracy) => accuracy::run(accuracy, &out).map(Outcome::from),
        Command::Lint(lint) => lint::run(lint, &out),
        Command::Optimize(optimize) => optimize::run(optimize),
        Command::Compare(compare) => compare::run(compare, &out).map(Outcome::from),
        Command::Explain(explain) => explain::run(explain).map(Outcome::from),
        Command::Export(export) => export::run(export).map(Outcome::from),
        Command::Init(init) => init::run(init, &out).map(Outcome::from),
        Command::Inspect(inspect) => inspect::run(inspect, &out).map(Outcome::from),
        Command::Profile(profile) => profile::run(profile, &out),
        Command::Schema(schema) => Ok(schema::run(schema).into()),
        Command::Clean(clean) => clean::run(clean).map(Outcome::from),
        Command::Completions(completions) => Ok(completions::run(completions).into()),
        Command::Man(man) => completions::man(man).map(Outcome::from),
    };
    finish(outcome, arguments.color)
}

/// Leaves out the advice to write an unknown flag as the name of a file.
fn understood(mut error: clap::Error) -> clap::Error {
    if error.kind() == ErrorKind::UnknownArgument && error.get(ContextKind::SuggestedArg).is_none() {
        error.insert(ContextKind::Suggested, ContextValue::None);
    }
    error
}

fn finish(outcome: Result<Outcome, Failure>, color: Color) -> ExitCode {
    match outcome.and_then(|outcome| print(&outcome.text).map(|_| outcome.found).map_err(Failure::from)) {
        Ok(found) => ExitCode::from(u8::from(found)),
        Err(failure) => {
            // If that cannot be written either, only the exit code remains.
            let _ = std::io::stderr().write_all(explain(&failure, &Terminal::stderr(color)).as_bytes());
            ExitCode::from(2)
        }
    }
}

fn explain(failure: &Failure, terminal: &Terminal) -> String {
    let diagnostics = Diagnostics::new(terminal);
    match failure {
        Failure::Plain(error) => diagnostics.error(error, None),
        Failure::Within(project, error) => diagnostics.error(error, Some(project)),
        Failure::Problems(project) => {
            let shown: Vec<String> =
                project.problems.iter().map(|p: &Problem| diagnostics.problem(p, project)).collect();
            let count = project.problems.len();
            let file = project.file.display().to_string();
            let sum = format!("{} in {}\n", units::count(count, "problem"), visible(&file));
            format!("{}\n{sum}", shown.join("\n"))
        }
    }
}

/// Writes a line beside the result, for a person; if nobody reads stderr, nothing is lost.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Shows a result as JSON.
fn json(result: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(result)
        .map_err(|e| Error::new(format!("the result cannot be shown as JSON: {e}")))?;
    Ok(text + "\n")
}

/// Writes to stdout. Returns `false` if nobody reads any more (`| head`), which is not an error.
fn print(text: &str) -> Result<bool> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(e) => Err(Error::new(format!("the output cannot be written: {e}"))),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
