//! `espq optimize`: finds the observer and the passes that lower the error, and writes them into espq.toml.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use serde_json::json;

use crate::engine::{Engine, Optimized, Options};
use crate::project::Project;
use crate::text::units::{count, percent};

use super::progress::Bar;
use super::{Failure, cache, write};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One line for each candidate that became the best
    Text,
    /// Every candidate with its figures
    Json,
}

/// Finds the observer and the passes that lower the error, and writes them into espq.toml
///
/// Candidates are compared on held-out samples: every fourth one. The error is that of the values before a final
/// Softmax or Sigmoid. The model's file is never changed. If nothing lowers the error, espq.toml is not changed either.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  espq optimize                        the project in this folder
  espq optimize --diff                 show the change of espq.toml without writing it
  espq optimize --budget 60            search for a minute at most

Ends with 0 when the search was made, whether it helped or not, and with 2 on errors.")]
pub struct Arguments {
    /// An espq.toml, or the folder that contains one
    #[arg(default_value = ".")]
    path: PathBuf,

    /// Seconds after which no further candidate is measured
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0)]
    budget: f64,

    /// Show the change of espq.toml as a diff without writing it
    #[arg(long)]
    diff: bool,

    /// Do not write espq.toml
    #[arg(long)]
    dry_run: bool,

    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    #[command(flatten)]
    cache: cache::Arguments,
}

pub(super) fn run(arguments: &Arguments) -> Result<String, Failure> {
    let project = Project::load(&arguments.path)?;
    if !project.problems.is_empty() {
        return Err(Failure::Problems(Box::new(project)));
    }
    optimize(arguments, &project).map_err(|error| Failure::Within(Box::new(project), error))
}

fn optimize(arguments: &Arguments, project: &Project) -> crate::Result<String> {
    let engine = Engine::new(Options { cache: arguments.cache.chosen(), ..Options::default() });
    let time = Duration::try_from_secs_f64(arguments.budget.max(0.0)).unwrap_or(Duration::MAX / 4);
    let found = engine.open(project.clone()).optimize(time, &Bar::new())?;
    let mut text = project.text.clone();
    if let Some(edit) = &found.edit {
        text.replace_range(edit.span.clone(), &edit.text);
    }
    if text != project.text && !arguments.dry_run && !arguments.diff {
        write::replace(&project.file, &text)?;
    }
    match arguments.format {
        Format::Json => {
            let report = engine.open(Project::parse(&project.file, text)).report(false, &Bar::new())?;
            let figures = json!({
                "before": found.before,
                "after": found.after,
                "tried": found.tried,
                "complete": !found.is_cut_short,
                "report": report,
            });
            Ok(format!("{figures:#}\n"))
        }
        Format::Text if arguments.diff => Ok(write::difference(&project.file, &project.text, &text)),
        Format::Text => Ok(said(&found, project, arguments.dry_run)),
    }
}

fn said(found: &Optimized, project: &Project, is_dry: bool) -> String {
    let mut best = f64::INFINITY;
    let mut text = String::new();
    for tried in &found.tried {
        if tried.figure.nsr < best {
            best = tried.figure.nsr;
            let method = tried.method.map_or("as configured", |m| m.name());
            text += &format!(
                "{:>9}  {method}{}\n",
                percent(best),
                tried.recipe.names().map(|n| format!(" + {n}")).collect::<String>()
            );
        }
    }
    let tries = count(found.tried.len(), "candidate");
    let (before, after) = (percent(found.before.nsr), percent(found.after.nsr));
    let file = project.file.display();
    text += &match (&found.edit, is_dry) {
        (None, _) => format!("{tries} measured, none below the error of {before}; {file} is unchanged\n"),
        (Some(_), true) => format!("{tries} measured: error {before} -> {after}; {file} is unchanged (--dry-run)\n"),
        (Some(_), false) => format!("{tries} measured: error {before} -> {after}, written to {file}\n"),
    };
    if found.is_cut_short {
        text += "The time limit was reached before all candidates were measured; raise it with --budget.\n";
    }
    text
}
