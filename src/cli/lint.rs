//! `espq lint`: what is wrong with projects, for people and for commit hooks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::engine::{Depth, Engine, Options};
use crate::lint::{Safety, Selection, Severity, apply};
use crate::project::{Project, Spanned};
use crate::text::units::count;
use crate::{Error, Result};

use super::progress::Bar;
use super::{Failure, Outcome, cache, write};
use crate::render::terminal::Terminal;
use crate::render::{findings::Form, findings::Linted, findings::show};

/// Checks projects: their text, their files, what the chip can run, and what quantization costs
///
/// Every espq.toml and *.espq.toml under the paths is checked; for a model or a file of samples, the project that
/// it belongs to. Hidden folders, links to folders, what .gitignore ignores and what `exclude` in [lint] names are
/// passed over, unless their path is given. `espq explain CODE` tells what a rule is about.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  espq lint                            every project under this folder
  espq lint nets/kws.espq.toml         one project
  espq lint model.onnx                 the project of a model
  espq lint --static                   without running the network
  espq lint --select C,D --ignore D003 some rules only
  espq lint --unsafe-fixes --diff      what the measured fixes would change

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

    /// Make the fixes that change no result
    #[arg(long, help_heading = "Fixes")]
    fix: bool,

    /// Make all fixes: precisions of layers, names that were guessed
    #[arg(long, help_heading = "Fixes")]
    unsafe_fixes: bool,

    /// Show what the fixes would change, and change nothing
    #[arg(long, help_heading = "Fixes")]
    diff: bool,

    #[command(flatten)]
    cache: cache::Arguments,
}

pub(super) fn run(arguments: &Arguments, out: &Terminal) -> Result<Outcome, Failure> {
    Selection { select: arguments.select.clone(), ignore: arguments.ignore.clone() }.check()?;
    let files = files(&arguments.paths)?;
    let engine = Engine::new(Options { cache: arguments.cache.chosen(), ..Options::default() });
    let (mut linted, mut mended) = (Vec::new(), Vec::new());
    for file in &files {
        let project = load(file, arguments)?;
        let before = project.text.clone();
        let (checked, count) = check(&engine, project, arguments)?;
        if checked.project.text != before {
            mended.push(Mended { file: file.clone(), before, after: checked.project.text.clone(), count });
        }
        linted.push(checked);
    }
    if arguments.diff {
        let text: String = mended.iter().map(Mended::diff).collect();
        return Ok(Outcome { text, found: !mended.is_empty() });
    }
    for one in &mended {
        write::replace(&one.file, &one.after)?;
    }
    let mut text = show(&linted, arguments.format, out);
    if arguments.format.is_for_people() {
        text = mended.iter().map(Mended::note).collect::<String>() + &text;
    }
    let found = linted.iter().flat_map(|l| &l.findings).any(|f| f.severity > Severity::Info);
    Ok(Outcome { text, found })
}

/// The findings of a project; those that are left, and how many were mended, where fixes are wanted.
fn check(engine: &Arc<Engine>, mut project: Project, arguments: &Arguments) -> Result<(Linted, usize)> {
    let depth = if arguments.is_static { Depth::Static } else { Depth::Search };
    let allowed = match (arguments.fix, arguments.unsafe_fixes) {
        (_, true) => Some(Safety::Unsafe),
        (true, false) => Some(Safety::Safe),
        (false, false) => arguments.diff.then_some(Safety::Safe),
    };
    let mut mended = 0;
    // Fixes that touch wait for the next round; ones that undo each other must not go on for ever.
    for _ in 0..MOST_ROUNDS {
        let findings = engine.open(project.clone()).lint(depth, &Bar::new())?;
        let applied = allowed.map(|allowed| apply(&project.text, &findings, allowed));
        match applied.filter(|a| a.text != project.text) {
            None => return Ok((Linted { project, findings }, mended)),
            Some(applied) => {
                mended += applied.count;
                project = Project::parse(&project.file, applied.text);
                choose(&mut project, arguments);
            }
        }
    }
    let findings = engine.open(project.clone()).lint(depth, &Bar::new())?;
    Ok((Linted { project, findings }, mended))
}

const MOST_ROUNDS: usize = 10;

/// A configuration with fixes in it.
struct Mended {
    file: PathBuf,
    before: String,
    after: String,
    count: usize,
}

impl Mended {
    fn diff(&self) -> String {
        write::difference(&self.file, &self.before, &self.after)
    }

    fn note(&self) -> String {
        format!("Mended {} in {}\n", count(self.count, "finding"), self.file.display())
    }
}

fn load(file: &Path, arguments: &Arguments) -> Result<Project> {
    let mut project = Project::load(file)?;
    choose(&mut project, arguments);
    Ok(project)
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
        folders |= path.is_dir();
        let mut found = if path.exists() { Project::find(path)? } else { Vec::new() };
        if found.is_empty() && !path.is_dir() {
            found = Project::owners(path)?.into_iter().map(relative).collect();
        }
        if found.is_empty() && !path.exists() {
            return Err(Error::new("there is no such file or folder").in_file(path));
        }
        found.retain(|f| !files.contains(f));
        files.extend(found);
    }
    if files.is_empty() && folders {
        return Err(Error::new("there is no espq.toml and no *.espq.toml here or in any folder below").with_help(
            "`espq init MODEL.onnx` writes one; a project that .gitignore or `lint.exclude` leaves out, or that is \
                 in a hidden folder, is checked when its path is named",
        ));
    }
    Ok(files)
}

/// To the working folder, where it is below it: shorter to read, and what hooks and editors link to.
fn relative(path: PathBuf) -> PathBuf {
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    here.ok().and_then(|here| path.strip_prefix(here).ok().map(PathBuf::from)).unwrap_or(path)
}
