//! `espq lint`: checks projects, for people and for commit hooks.
//!
//! Never: rules and formats, which belong to `lint` and `render`.

mod baseline;
mod fixing;
mod inputs;
mod watch;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crate::engine::{Engine, LintDepth};
use crate::file;
use crate::lint::{Safety, Selection, Severity};
use crate::project::{Project, Spanned, overlay_text};
use crate::text::units::count;

use super::progress::Bar;
use super::{Failure, Outcome, cache, paths, tell};
use crate::render::findings::{Form, Linted, show, statistics, summary};
use crate::render::terminal::Terminal;

use baseline::Known;
use fixing::Fixed;

/// Checks projects: configuration, files, operators that the chip lacks, and quantization error
///
/// Checks every espq.toml and *.espq.toml under the paths; for a model or a sample file, the project that it belongs
/// to. Hidden folders, links to folders, paths that .gitignore ignores and those in `exclude` of [lint] are skipped
/// unless given as an argument. `espq explain CODE` documents a rule. `espq-lint` is this command as a program, for commit
/// hooks. The exit code is 0 if there are no findings above info, 1 if there are, and 2 on errors (bad arguments, nothing
/// to check).
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  espq lint                            every project under this folder
  espq lint nets/kws.espq.toml         one project
  espq lint model.onnx                 the project of a model
  espq lint --static                   without running the network
  espq lint --select C,D --ignore D003 some rules only
  espq lint --unsafe-fixes --diff      what the measured fixes would change
  espq lint --write-baseline lint.json accept today's findings; later, --baseline lint.json reports new ones only
  espq lint - < espq.toml              a text from an editor; --stdin-filename says which file it is

Ends with 0 when nothing was found, with 1 when something was, and with 2 when it could not look.")]
pub struct Arguments {
    /// Configurations, folders, models or sample files; `-` for a configuration on stdin
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,

    /// Report only these rules: codes, names, or prefixes of codes
    #[arg(long, value_delimiter = ',', value_name = "CODES")]
    select: Vec<String>,

    /// Do not report these rules: codes, names, or prefixes of codes
    #[arg(long, value_delimiter = ',', value_name = "CODES")]
    ignore: Vec<String>,

    /// Static checks only: skip E001 to E003 and everything else that runs the network
    #[arg(long = "static")]
    is_static: bool,

    /// Value over those of every project: KEY = VALUE, or a file with keys of espq.toml; can be repeated
    #[arg(long, value_name = "VALUE")]
    config: Vec<String>,

    /// Name of the configuration that is read from stdin; paths in it are relative to its folder
    #[arg(long, value_name = "FILE")]
    stdin_filename: Option<PathBuf>,

    /// Apply safe fixes, which change no result
    #[arg(long, help_heading = "Fixes")]
    fix: bool,

    /// Apply all fixes: also precisions of layers and guessed names
    #[arg(long, help_heading = "Fixes")]
    unsafe_fixes: bool,

    /// Show the fixes as a diff without applying them
    #[arg(long, help_heading = "Fixes")]
    diff: bool,

    /// List each fix that was applied
    #[arg(long, help_heading = "Fixes")]
    show_fixes: bool,

    /// Report only findings that this file does not have
    #[arg(long, value_name = "FILE", help_heading = "Baseline")]
    baseline: Option<PathBuf>,

    /// Write all findings into a file for --baseline in place of showing them, and end with 0
    #[arg(long, value_name = "FILE", help_heading = "Baseline",
        conflicts_with_all = ["fix", "unsafe_fixes", "diff", "watch", "baseline", "output_file", "statistics", "show_files"])]
    write_baseline: Option<PathBuf>,

    /// Format of the findings
    #[arg(long, value_enum, default_value = "full", visible_alias = "output-format", help_heading = "Output")]
    format: Form,

    /// Write the findings, or the diff, into a file instead of stdout
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output_file: Option<PathBuf>,

    /// Print the number of findings by rule instead of the findings
    #[arg(long, help_heading = "Output")]
    statistics: bool,

    /// Print findings and nothing else
    #[arg(short, long, help_heading = "Output", conflicts_with = "verbose")]
    quiet: bool,

    /// Also print each project with its files and the time that it took
    #[arg(short, long, help_heading = "Output")]
    verbose: bool,

    /// Print the configurations that would be checked
    #[arg(long, help_heading = "Output")]
    show_files: bool,

    /// End with 0 even if there are findings
    #[arg(long, help_heading = "Output")]
    exit_zero: bool,

    /// Check again whenever a configuration, a model or a sample changes, until Ctrl-C
    #[arg(short, long, help_heading = "Output", conflicts_with_all = ["diff", "output_file", "show_files"])]
    watch: bool,

    #[command(flatten)]
    cache: cache::Arguments,
}

impl Arguments {
    fn depth(&self) -> LintDepth {
        if self.is_static { LintDepth::Static } else { LintDepth::Search }
    }

    /// Returns the fixes to apply.
    fn allowed(&self) -> Option<Safety> {
        match (self.fix, self.unsafe_fixes) {
            (_, true) => Some(Safety::Unsafe),
            (true, false) => Some(Safety::Safe),
            (false, false) => self.diff.then_some(Safety::Safe),
        }
    }

    fn is_stdin(&self) -> bool {
        self.paths.iter().any(|path| path.as_os_str() == "-")
    }
}

pub(super) fn run(arguments: &Arguments, out: &Terminal) -> Result<Outcome, Failure> {
    let run = Run::of(arguments, out)?;
    match arguments.watch {
        true => watch::run(&run),
        false => run.once(),
    }
}

/// Arguments with the files that they name, for any number of runs.
struct Run<'a> {
    arguments: &'a Arguments,
    out: &'a Terminal,
    engine: Arc<Engine>,
    /// Texts of `--config`.
    overlays: Vec<String>,
    known: Option<Known>,
}

impl Run<'_> {
    fn of<'a>(arguments: &'a Arguments, out: &'a Terminal) -> crate::Result<Run<'a>> {
        Selection { select: arguments.select.clone(), ignore: arguments.ignore.clone() }.check()?;
        Ok(Run {
            arguments,
            out,
            engine: Engine::new(arguments.cache.chosen()),
            overlays: arguments.config.iter().map(|argument| overlay_text(argument)).collect::<crate::Result<_>>()?,
            known: arguments.baseline.as_deref().map(Known::read).transpose()?,
        })
    }

    /// Checks all projects once.
    fn once(&self) -> Result<Outcome, Failure> {
        let arguments = self.arguments;
        let projects = inputs::projects(arguments)?;
        for file in arguments.output_file.iter().chain(&arguments.write_baseline) {
            paths::check_output(file, &projects)?;
        }
        if arguments.show_files {
            let files: String = projects.iter().map(|p| format!("{}\n", p.file.display())).collect();
            return Ok(self.sent(files)?.into());
        }
        let (mut linted, mut fixed, mut known) = (Vec::new(), Vec::new(), 0);
        for mut project in projects {
            let start = Instant::now();
            self.choose(&mut project)?;
            let checked = self.check(project)?;
            if arguments.verbose {
                tell(&told(&checked.linted, start));
            }
            known += checked.known;
            fixed.extend(checked.fixed);
            linted.push(checked.linted);
        }
        if let Some(file) = &arguments.write_baseline {
            let issues = baseline::write(file, &linted)?;
            return Ok(format!("Wrote {} into {}\n", count(issues, "known issue"), file.display()).into());
        }
        let found = linted.iter().flat_map(|l| &l.findings).any(|f| f.severity > Severity::Info);
        let found = found && !arguments.exit_zero;
        if arguments.diff {
            let text: String = fixed.iter().map(Fixed::diff).collect();
            return Ok(Outcome { text: self.sent(text)?, found: !fixed.is_empty() && !arguments.exit_zero });
        }
        let text = self.text(&linted, &fixed, known);
        if arguments.is_stdin() && arguments.allowed().is_some() {
            // The fixed text is what a program that sent it wants back.
            let _ = std::io::stderr().write_all(self.sent(text)?.as_bytes());
            let text = linted.iter().map(|one| one.project.text.as_str()).collect();
            return Ok(Outcome { text, found });
        }
        write_all(&fixed)?;
        Ok(Outcome { text: self.sent(text)?, found })
    }

    /// Sends findings to the file of `--output-file`, if there is one, and returns what is to be shown.
    fn sent(&self, text: String) -> crate::Result<String> {
        let Some(file) = &self.arguments.output_file else { return Ok(text) };
        file::write(file, text.as_bytes())?;
        Ok(String::new())
    }

    /// Renders the findings; for people, with what was fixed before them and the summary after them.
    fn text(&self, linted: &[Linted], fixed: &[Fixed], known: usize) -> String {
        let (arguments, form) = (self.arguments, self.arguments.format);
        let text = match arguments.statistics {
            true => statistics(linted, form, self.out),
            false => show(linted, form, self.out),
        };
        if !form.is_for_people() || arguments.quiet {
            return text;
        }
        let fixed: String = fixed.iter().map(|one| one.note(arguments.show_fixes)).collect();
        fixed + &text + &summary(linted, known)
    }

    /// Overrides values of the file: by `--config`, and `select` by `--select`; adds `--ignore` to its `ignore`.
    fn choose(&self, project: &mut Project) -> crate::Result<()> {
        for text in &self.overlays {
            project.overlay(text)?;
        }
        let spanned = |entry: &String| Spanned { value: entry.clone(), span: 0..0 };
        let lint = &mut project.config.lint;
        if !self.arguments.select.is_empty() {
            lint.select = self.arguments.select.iter().map(spanned).collect();
        }
        lint.ignore.extend(self.arguments.ignore.iter().map(spanned));
        Ok(())
    }

    /// Returns the findings of a project, and the number of those that the baseline has.
    fn findings(&self, project: &Project) -> crate::Result<(Vec<crate::lint::Finding>, usize)> {
        let bar = if self.arguments.quiet { Bar::hidden() } else { Bar::new() };
        let mut findings = self.engine.open(project.clone()).lint(self.arguments.depth(), &bar)?;
        let all = findings.len();
        if let Some(known) = &self.known {
            known.remove(&project.file, &mut findings);
        }
        let known = all - findings.len();
        Ok((findings, known))
    }
}

/// Writes the fixed configurations, or none if one of them is read-only.
fn write_all(fixed: &[Fixed]) -> crate::Result<()> {
    fixed.iter().try_for_each(|one| file::check_writable(&one.file))?;
    fixed.iter().try_for_each(|one| file::write(&one.file, one.after.as_bytes()))
}

/// "espq.toml: 2 issues in 0.31 s; reads model.onnx, calib.npz"
fn told(linted: &Linted, start: Instant) -> String {
    let files: Vec<String> = linted.project.files().iter().map(|f| f.display().to_string()).collect();
    let reads = match files.is_empty() {
        true => String::new(),
        false => format!("; reads {}", crate::text::units::and_more(&files, 4)),
    };
    let issues = count(linted.findings.len(), "issue");
    format!("{}: {issues} in {:.2} s{reads}", linted.project.file.display(), start.elapsed().as_secs_f64())
}
