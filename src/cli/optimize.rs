//! `espq optimize`: finds the observer and the passes that lower the error, and writes them into espq.toml.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use serde_json::json;

use crate::analysis::Report;
use crate::chip::Scheme;
use crate::engine::{Engine, Optimized, Precisions, Scope, Tried};
use crate::file;
use crate::lint::changed_boxes;
use crate::project::{Bytes, Milliseconds, Overrides, Project, Value as _};
use crate::text::units::{and_more, count, percent};
use crate::text::visible;

use super::progress::Bar;
use super::{Failure, Outcome, cache, difference, tell};

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
///
/// Of a recognized detection network, the boxes are compared, too. A candidate is not taken, whatever its error, if it loses
/// boxes that the settings as they are find: if those that it loses exceed those that only it finds by more than the square
/// root of both together, which is the standard error of the difference. One lost box is within it, two without a gained one are not.
/// Of candidates whose errors differ by less than the standard error, the one that finds more boxes is taken, or has fewer new ones.
///
/// With a limit on flash, RAM or time, precisions are chosen, too. If the outputs exceed `limits.output-nsr`, layers get 16
/// bits as far as the limits allow; if the file exceeds a limit, all but the layers that gain most get int8. Candidates that
/// break a limit are not taken.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  espq optimize                        the project in this folder
  espq optimize --diff                 show the change of espq.toml without writing it
  espq optimize --budget 60            search for a minute at most
  espq optimize --flash '300 KB'       also choose precisions, for a file of at most 300 KB
  espq optimize --latency '30 ms'      the same for a run of at most 30 ms, as estimated

Ends with 0 when the search was made, whether it helped or not; with 1 when the limits on flash, RAM and time leave nothing to
take, and espq.toml is unchanged; and with 2 on errors.")]
pub struct Arguments {
    /// An espq.toml, or the folder that contains one
    #[arg(default_value = ".")]
    path: PathBuf,

    /// Seconds after which no further observer or pass is measured; a search for precisions comes on top, and begins it anew
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    budget: Duration,

    /// Largest file, over `limits.flash` of espq.toml
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    flash: Option<Bytes>,

    /// Longest run, as estimated, over `limits.latency` of espq.toml
    #[arg(long, value_name = "TIME", value_parser = time)]
    latency: Option<Milliseconds>,

    /// Most RAM, over `limits.ram` of espq.toml
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    ram: Option<Bytes>,

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

fn bytes(text: &str) -> Result<Bytes, String> {
    Bytes::of(text).ok_or_else(|| format!("must be {}", Bytes::expected()))
}

/// Returns a time limit; `inf` and what is as good as that is a very long one.
fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds >= 0.0 => {
            Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX).min(Duration::MAX / 4))
        }
        _ => Err("must be a number of seconds from 0".to_string()),
    }
}

fn time(text: &str) -> Result<Milliseconds, String> {
    Milliseconds::of(text).ok_or_else(|| format!("must be {}", Milliseconds::expected()))
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let &Arguments { flash, ram, latency, .. } = arguments;
    let mut project = Project::load(&arguments.path)?;
    project.apply(&Overrides { flash, ram, latency, ..Overrides::default() });
    if !project.problems.is_empty() {
        return Err(Failure::Problems(Box::new(project)));
    }
    optimize(arguments, &project).map_err(|error| Failure::Within(Box::new(project), error))
}

fn optimize(arguments: &Arguments, project: &Project) -> crate::Result<Outcome> {
    if !arguments.dry_run && !arguments.diff {
        // Before the search, which takes half a minute.
        file::check_writable(&project.file)?;
    }
    let engine = Engine::new(arguments.cache.chosen());
    let found = engine.open(project.clone()).optimize(arguments.budget, Scope::Precisions, &Bar::new())?;
    let mut text = project.text.clone();
    if let Some(edit) = &found.edit {
        text.replace_range(edit.span.clone(), &edit.text);
    }
    if text != project.text && !arguments.dry_run && !arguments.diff {
        file::write(&project.file, text.as_bytes())?;
    }
    let shown = match arguments.format {
        Format::Json => json(&found, engine.open(Project::parse(&project.file, text)).report(false, &Bar::new())?),
        Format::Text if arguments.diff && found.fits() => {
            if text == project.text {
                // An empty diff may be the input of `patch`.
                tell(said(&found, project, true).trim_end());
            }
            difference::of(&project.file, &project.text, &text)
        }
        Format::Text => said(&found, project, arguments.dry_run || arguments.diff),
    };
    Ok(Outcome { text: shown, found: !found.fits() })
}

fn json(found: &Optimized, report: Report) -> String {
    let figures = json!({
        "before": found.before,
        "after": found.after,
        "cost": found.cost,
        "precisions": found.precisions,
        "refused": found.refused,
        "losing": found.losing,
        "samples": found.samples,
        "exceeded": found.exceeded,
        "tried": found.tried,
        "complete": !found.is_cut_short,
        "report": report,
    });
    format!("{figures:#}\n")
}

fn said(found: &Optimized, project: &Project, is_dry: bool) -> String {
    let file = project.file.display();
    if !found.exceeded.is_empty() {
        let exceeded = found.exceeded.join(" and ");
        return format!(
            "nothing fits: with int8 for every layer, the network takes {exceeded}, and no observer or pass makes it less; \
             {file} is unchanged\n"
        );
    }
    let mut text = candidates(found);
    let tries = count(found.tried.len(), "candidate");
    let (before, after) = (percent(found.before.nsr), percent(found.after.nsr));
    text += &match (&found.edit, is_dry) {
        (None, _) => {
            format!("{tries} measured, none below the error of {before}{}; {file} is unchanged\n", within(found))
        }
        (Some(_), true) => format!("{tries} measured: error {before} -> {after}; {file} is unchanged (--dry-run)\n"),
        (Some(_), false) => format!("{tries} measured: error {before} -> {after}, written to {file}\n"),
    };
    text += &boxes(found);
    text += &precisions(&found.precisions);
    text += &found.cost.map(|cost| cost.words() + "\n").unwrap_or_default();
    if let Some(refused) = &found.refused {
        let (error, breaks) = (percent(refused.nsr), refused.breaks.join(" and "));
        text += &format!("A candidate with an error of {error} was not taken: it takes {breaks}.\n");
    }
    text += &losing(found);
    if project.config.limits.latency.is_some() && found.cost.is_some_and(|cost| cost.before.time.is_none()) {
        text += "The limit on time was not applied: no time of a network on this chip was ever published.\n";
    }
    if found.is_cut_short {
        text += "The time limit was reached before all candidates were measured; raise it with --budget.\n";
    }
    text
}

/// " within the limits", if a candidate broke one; " that keeps the boxes", if one loses some.
fn within(found: &Optimized) -> &'static str {
    match (&found.refused, &found.losing) {
        (Some(_), Some(_)) => " within the limits that keeps the boxes",
        (Some(_), None) => " within the limits",
        (None, Some(_)) => " that keeps the boxes",
        (None, None) => "",
    }
}

/// A line of a detector's boxes before and after.
fn boxes(found: &Optimized) -> String {
    let (Some(before), Some(after)) = (found.before.boxes, found.after.boxes) else { return String::new() };
    let samples = count(found.samples, "sample");
    match changed_boxes(&before, &after) {
        Some(change) => format!("{change} ({samples})\n"),
        None => format!("The float network finds no box in {samples}: samples should be photos with objects.\n"),
    }
}

/// A line on the candidate that loses boxes.
fn losing(found: &Optimized) -> String {
    let Some(figure) = found.losing else { return String::new() };
    let (Some(before), Some(boxes)) = (found.before.boxes, figure.boxes) else { return String::new() };
    format!(
        "A candidate with an error of {} was not taken: it finds {} of {} boxes, and the settings as they are find {}.\n",
        percent(figure.nsr),
        boxes.found,
        boxes.boxes,
        before.found
    )
}

/// A line for each candidate that became the best, and for one with nearly the least error that keeps more boxes.
fn candidates(found: &Optimized) -> String {
    let mut best = f64::INFINITY;
    let mut text = String::new();
    for tried in found.tried.iter().filter(|tried| tried.is_allowed && !tried.loses_boxes) {
        if tried.figure.nsr < best {
            best = tried.figure.nsr;
            text += &format!("{}\n", candidate(tried));
        }
    }
    let is_taken = |tried: &&Tried| found.edit.is_some() && tried.figure == found.after && tried.figure.nsr > best;
    match found.tried.iter().find(is_taken) {
        Some(taken) => text + &format!("{}: nearly the same error, and more boxes\n", candidate(taken)),
        None => text,
    }
}

/// "   0.189%  minmax + equalize"
fn candidate(tried: &Tried) -> String {
    let method = tried.method.map_or("as configured", |m| m.name());
    let passes: String = tried.recipe.names().map(|n| format!(" + {n}")).collect();
    format!("{:>9}  {method}{passes}", percent(tried.figure.nsr))
}

/// "int8 for the model; int16 for 2 layers: a, b"
fn precisions(found: &Precisions) -> String {
    const NAMED: usize = 3;
    let of = |wanted: Scheme| -> Vec<&str> {
        found.layers.iter().filter(|(_, scheme)| *scheme == wanted).map(|(layer, _)| layer.as_str()).collect()
    };
    let set = |scheme: Scheme| {
        let layers = of(scheme);
        let named = visible(&and_more(&layers, NAMED)).into_owned();
        (!layers.is_empty()).then(|| format!("{scheme} for {}: {named}", count(layers.len(), "layer")))
    };
    let whole = found.whole.map(|scheme| format!("{scheme} for the model"));
    let parts: Vec<String> = whole.into_iter().chain(set(Scheme::Int16)).chain(set(Scheme::Int8)).collect();
    if parts.is_empty() { String::new() } else { parts.join("; ") + "\n" }
}
