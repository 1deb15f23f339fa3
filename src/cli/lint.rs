//! `espq lint`: checks projects, for people and for commit hooks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::engine::{Engine, LintDepth, Options};
use crate::lint::{Safety, Selection, Severity, apply};
use crate::project::{Project, Spanned};
use crate::text::units::count;
use crate::{Error, Result};

use super::progress::Bar;
use super::{Failure, Outcome, cache, write};
use crate::render::terminal::Terminal;
use crate::render::{findings::Form, findings::Linted, findings::show};

/// Checks projects: configuration, files, operators that the chip lacks, and quantization error
///
/// Checks every espq.toml and *.espq.toml under the paths; for a model or a sample file, the project that it belongs
/// to. Hidden folders, links to folders, paths that .gitignore ignores and those in `exclude` of [lint] are skipped
/// unless given as an argument. `espq explain CODE` documents a rule. The exit code is 0 if there are no findings, 1 if
/// there are, and 2 on errors (unreadable files, bad arguments).
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
    /// Configurations, folders, models or sample files
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,

    #[arg(long, value_enum, default_value = "full")]
    format: Form,

    /// Report only these rules: codes, names, or prefixes of codes
    #[arg(long, value_delimiter = ',', value_name = "CODES")]
    select: Vec<String>,

    /// Do not report these rules: codes, names, or prefixes of codes
    #[arg(long, value_delimiter = ',', value_name = "CODES")]
    ignore: Vec<String>,

    /// Static checks only: skip E001 to E003 and everything else that runs the network
    #[arg(long = "static")]
    is_static: bool,

    /// Apply safe fixes, which change no result
    #[arg(long, help_heading = "Fixes")]
    fix: bool,

    /// Apply all fixes: also precisions of layers and guessed names
    #[arg(long, help_heading = "Fixes")]
    unsafe_fixes: bool,

    /// Show the fixes as a diff without applying them
    #[arg(long, help_heading = "Fixes")]
    diff: bool,

    #[command(flatten)]
    cache: cache::Arguments,
}

pub(super) fn run(arguments: &Arguments, out: &Terminal) -> Result<Outcome, Failure> {
    Selection { select: arguments.select.clone(), ignore: arguments.ignore.clone() }.check()?;
    let files = files(&arguments.paths)?;
    let engine = Engine::new(Options { cache: arguments.cache.chosen(), ..Options::default() });
    let (mut linted, mut fixed) = (Vec::new(), Vec::new());
    for file in &files {
        let project = load(file, arguments)?;
        let before = project.text.clone();
        let (checked, count) = check(&engine, project, arguments)?;
        if checked.project.text != before {
            fixed.push(Fixed { file: file.clone(), before, after: checked.project.text.clone(), count });
        }
        linted.push(checked);
    }
    if arguments.diff {
        let text: String = fixed.iter().map(Fixed::diff).collect();
        return Ok(Outcome { text, found: !fixed.is_empty() });
    }
    for one in &fixed {
        write::replace(&one.file, &one.after)?;
    }
    let mut text = show(&linted, arguments.format, out);
    if arguments.format.is_for_people() {
        text = fixed.iter().map(Fixed::note).collect::<String>() + &text;
    }
    let found = linted.iter().flat_map(|l| &l.findings).any(|f| f.severity > Severity::Info);
    Ok(Outcome { text, found })
}

/// Lints a project; if fixes are requested, applies them and returns the remaining findings and the number of fixes.
fn check(engine: &Arc<Engine>, mut project: Project, arguments: &Arguments) -> Result<(Linted, usize)> {
    let depth = if arguments.is_static { LintDepth::Static } else { LintDepth::Search };
    let allowed = match (arguments.fix, arguments.unsafe_fixes) {
        (_, true) => Some(Safety::Unsafe),
        (true, false) => Some(Safety::Safe),
        (false, false) => arguments.diff.then_some(Safety::Safe),
    };
    let mut fixed = 0;
    // Fixes that touch wait for the next round; the limit stops fixes that undo each other.
    for _ in 0..MOST_ROUNDS {
        let findings = engine.open(project.clone()).lint(depth, &Bar::new())?;
        let applied = allowed.map(|allowed| apply(&project.text, &findings, allowed));
        match applied.filter(|a| a.text != project.text) {
            None => return Ok((Linted { project, findings }, fixed)),
            Some(applied) => {
                fixed += applied.count;
                project = Project::parse(&project.file, applied.text);
                choose(&mut project, arguments);
            }
        }
    }
    let findings = engine.open(project.clone()).lint(depth, &Bar::new())?;
    Ok((Linted { project, findings }, fixed))
}

const MOST_ROUNDS: usize = 10;

/// Configuration with fixes applied.
struct Fixed {
    file: PathBuf,
    before: String,
    after: String,
    count: usize,
}

impl Fixed {
    fn diff(&self) -> String {
        write::difference(&self.file, &self.before, &self.after)
    }

    fn note(&self) -> String {
        format!("Fixed {} in {}\n", count(self.count, "issue"), self.file.display())
    }
}

fn load(file: &Path, arguments: &Arguments) -> Result<Project> {
    let mut project = Project::load(file)?;
    choose(&mut project, arguments);
    Ok(project)
}

/// Overrides `select` of the file by `--select`, and adds `--ignore` to its `ignore`.
fn choose(project: &mut Project, arguments: &Arguments) {
    let spanned = |entry: &String| Spanned { value: entry.clone(), span: 0..0 };
    let lint = &mut project.config.lint;
    if !arguments.select.is_empty() {
        lint.select = arguments.select.iter().map(spanned).collect();
    }
    lint.ignore.extend(arguments.ignore.iter().map(spanned));
}

/// Returns the configurations that the paths refer to, each once.
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
        return Err(Error::new("found no espq.toml and no *.espq.toml here or in any folder below").with_help(
            "`espq init MODEL.onnx` writes one; a project that .gitignore or `lint.exclude` excludes, or that is \
                 in a hidden folder, is checked if its path is given",
        ));
    }
    Ok(files)
}

/// Shortens a path below the working folder to a relative one, which hooks and editors link to.
fn relative(path: PathBuf) -> PathBuf {
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    here.ok().and_then(|here| path.strip_prefix(here).ok().map(PathBuf::from)).unwrap_or(path)
}
