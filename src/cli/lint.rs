//! `espq lint`: what is wrong with projects, for people and for commit hooks.

use std::path::PathBuf;

use crate::engine::{Depth, Engine, Options};
use crate::lint::{Selection, Severity};
use crate::project::{Project, Spanned};
use crate::{Error, Result};

use super::format::findings::{Form, Linted, show};
use super::progress::Bar;
use super::terminal::Terminal;
use super::{Failure, Outcome};

/// Checks projects: their text, their files, what the chip can run, and what quantization costs
///
/// Every espq.toml and *.espq.toml under the paths is checked; for a model or a file of samples, the project that
/// it belongs to. `espq explain CODE` tells what a rule is about.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  espq lint                            every project under this folder
  espq lint nets/kws.espq.toml         one project
  espq lint model.onnx                 the project of a model
  espq lint --static                   without running the network
  espq lint --select C,D --ignore D003 some rules only

Ends with 0 when nothing was found, with 1 when something was, and with 2 when it could not look.")]
pub struct Arguments {
    /// Configurations, folders, models or files of samples
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,

    #[arg(long, value_enum, default_value = "full")]
    format: Form,

    /// Only these rules: codes, names, or beginnings of codes
    #[arg(long, value_delimiter = ',', value_name = "CODES")]
    select: Vec<String>,

    /// Not these rules
    #[arg(long, value_delimiter = ',', value_name = "CODES")]
    ignore: Vec<String>,

    /// Do not run the network: no figures, and what hangs on them
    #[arg(long = "static")]
    is_static: bool,
}

pub(super) fn run(arguments: &Arguments, out: &Terminal) -> Result<Outcome, Failure> {
    Selection { select: arguments.select.clone(), ignore: arguments.ignore.clone() }.check()?;
    let files = files(&arguments.paths)?;
    let engine = Engine::new(Options::default());
    let mut linted = Vec::new();
    for file in &files {
        let mut project = Project::load(file)?;
        choose(&mut project, arguments);
        let depth = if arguments.is_static { Depth::Static } else { Depth::Measured };
        let findings = engine.lint(&project, depth, &Bar::new())?;
        linted.push(Linted { project, findings });
    }
    let text = show(&linted, arguments.format, out);
    let found = linted.iter().flat_map(|l| &l.findings).any(|f| f.severity > Severity::Info);
    Ok(Outcome { text, found })
}

/// `--select` stands for the file's, `--ignore` adds to it.
fn choose(project: &mut Project, arguments: &Arguments) {
    let spanned = |entry: &String| Spanned { value: entry.clone(), span: 0..0 };
    let lint = &mut project.config.lint;
    if !arguments.select.is_empty() {
        lint.select = arguments.select.iter().map(spanned).collect();
    }
    lint.ignore.extend(arguments.ignore.iter().map(spanned));
}

/// The configurations that the paths stand for, each once.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = Vec::new();
    let mut folders = false;
    for path in paths {
        if !path.exists() {
            return Err(Error::new("there is no such file or folder").in_file(path));
        }
        folders |= path.is_dir();
        let mut found = Project::find(path)?;
        if found.is_empty() && path.is_file() {
            found = Project::owners(path)?.into_iter().map(relative).collect();
        }
        found.retain(|f| !files.contains(f));
        files.extend(found);
    }
    if files.is_empty() && folders {
        return Err(Error::new("there is no espq.toml and no *.espq.toml here or in any folder below")
            .with_help("`espq init MODEL.onnx` writes one"));
    }
    Ok(files)
}

/// To the working folder, where it is below it: shorter to read, and what hooks and editors link to.
fn relative(path: PathBuf) -> PathBuf {
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    here.ok().and_then(|here| path.strip_prefix(here).ok().map(PathBuf::from)).unwrap_or(path)
}
