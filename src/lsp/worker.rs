//! Thread that analyzes one document, in increasing depth, until a newer text arrives.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use lsp_types::Url;

use crate::engine::{Engine, LintDepth, Token, Watch};
use crate::lint::Finding;
use crate::project::Project;
use crate::{Error, Result, memory};

use super::knowledge::Fact;
use super::progress::Meter;

/// Text to analyze.
pub struct Job {
    pub project: Arc<Project>,
    pub generation: u64,
    pub token: Token,
    pub meter: Arc<Meter>,
    /// The network is run; otherwise the text, the model and the samples are only checked.
    pub measures: bool,
}

/// Result of the analysis of one generation of a document.
pub struct Update {
    pub uri: Url,
    pub generation: u64,
    pub outcome: Outcome,
}

pub enum Outcome {
    Findings {
        depth: LintDepth,
        findings: Vec<Finding>,
    },
    Files(Vec<PathBuf>),
    Fact(Fact),
    /// The job has ended: complete after this time, or cancelled.
    Ended(Option<Duration>),
}

pub type Notify = Arc<dyn Fn(Update) + Send + Sync>;

/// Handle of the thread. It is dropped with its document; the thread then ends after its current job.
pub struct Worker(Sender<Job>);

impl Worker {
    pub fn start(uri: Url, engine: Arc<Engine>, notify: Notify) -> Result<Worker> {
        let (sender, jobs) = channel();
        let run = move || {
            while let Some(job) = newest(&jobs, REST, memory::give_back) {
                let generation = job.generation;
                run_job(&engine, &job, &mut |outcome| notify(Update { uri: uri.clone(), generation, outcome }));
                job.meter.end();
            }
        };
        std::thread::Builder::new()
            .name("analysis".to_string())
            .spawn(run)
            .map_err(|e| Error::new(format!("cannot start a thread: {e}")))?;
        Ok(Worker(sender))
    }

    /// Submits a job; the token of the previous one ends it.
    pub fn submit(&self, job: Job) {
        // The thread ends only when this sender is dropped.
        let _ = self.0.send(job);
    }
}

/// Time without a job after which free memory goes back to the system: longer than a thought between two edits, since getting it again
/// takes half of the time to the first figures of the next one.
const REST: Duration = Duration::from_secs(600);

/// Returns the newest waiting job; `None` once all senders are dropped. `rested` is called if none comes for a time.
fn newest(jobs: &Receiver<Job>, rest: Duration, rested: impl FnOnce()) -> Option<Job> {
    let first = match jobs.recv_timeout(rest) {
        Err(RecvTimeoutError::Timeout) => {
            rested();
            jobs.recv().ok()?
        }
        found => found.ok()?,
    };
    let job = jobs.try_iter().last();
    Some(match job {
        None => first,
        Some(newer) => {
            first.meter.end();
            newer
        }
    })
}

fn run_job(engine: &Arc<Engine>, job: &Job, send: &mut dyn FnMut(Outcome)) {
    let begun = Instant::now();
    // Cancellation is the only error: a newer text has arrived, or the user has stopped the analysis.
    let is_complete = analyze(engine, job, send).is_ok();
    send(Outcome::Ended(is_complete.then(|| begun.elapsed())));
}

fn analyze(engine: &Arc<Engine>, job: &Job, send: &mut dyn FnMut(Outcome)) -> Result<()> {
    let watch = Watch { token: &job.token, progress: &*job.meter };
    let project = &*job.project;
    // All results of this generation use one reading of its files.
    let opened = engine.open(job.project.clone());
    let lint = |depth: LintDepth, send: &mut dyn FnMut(Outcome)| -> Result<()> {
        job.token.check()?;
        let findings = opened.lint(depth, &watch)?;
        job.token.check()?;
        send(Outcome::Findings { depth, findings });
        Ok(())
    };
    lint(LintDepth::Static, send)?;
    send(Outcome::Files(project.files()));
    if let Ok(layers) = opened.layers() {
        send(Outcome::Fact(Fact::Layers(layers)));
    }
    if let Ok(places) = opened.places() {
        send(Outcome::Fact(Fact::Places(places)));
    }
    // While a line is incomplete, the figures of the previous text stay.
    if !project.is_sound() {
        return Ok(());
    }
    if !job.measures {
        send(Outcome::Fact(Fact::Outdated));
        return Ok(());
    }
    // Scales rarely change with a precision: the figures of an edit are published before recalibration.
    let is_expected = opened.expected(&watch, &mut |findings, report| {
        job.token.check()?;
        send(Outcome::Findings { depth: LintDepth::Measured, findings });
        send(Outcome::Fact(Fact::Expected(Arc::new(report))));
        Ok(())
    })?;
    if !is_expected {
        // The first figures of a text: those of the outputs and all cumulative ones, with estimates beside them.
        match opened.estimated(&watch) {
            Ok(report) => report.into_iter().for_each(|report| send(Outcome::Fact(Fact::Report(Arc::new(report))))),
            Err(error) if error.is_cancelled() => return Err(error),
            // The error itself is one of the findings.
            Err(_) => {}
        }
    }
    lint(LintDepth::Measured, send)?;
    match opened.judged(&watch) {
        Ok(report) => send(Outcome::Fact(Fact::Report(report))),
        Err(error) if error.is_cancelled() => return Err(error),
        // The error itself is one of the findings.
        Err(_) => {}
    }
    // The stages from here on have values of other sizes.
    memory::give_back();
    lint(LintDepth::Proved, send)?;
    match opened.cost(&watch) {
        Ok(cost) => cost.into_iter().for_each(|cost| send(Outcome::Fact(Fact::Cost(cost)))),
        Err(error) if error.is_cancelled() => return Err(error),
        // Its error is one of the findings, too.
        Err(_) => {}
    }
    match opened.precision_costs(&watch) {
        Ok(prices) => send(Outcome::Fact(Fact::Prices(prices.into_iter().collect()))),
        Err(error) if error.is_cancelled() => return Err(error),
        Err(_) => {}
    }
    memory::give_back();
    lint(LintDepth::Fixes, send)?;
    // Last, since nothing waits for it: the errors of layers that are certain to keep their limit.
    match opened.completed(&watch, &mut |report| send(Outcome::Fact(Fact::Report(report)))) {
        Ok(report) => send(Outcome::Fact(Fact::Report(report))),
        Err(error) if error.is_cancelled() => return Err(error),
        Err(_) => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(generation: u64) -> Job {
        let project = Arc::new(Project::parse("espq.toml", ""));
        Job { project, generation, token: Token::new(), meter: Arc::default(), measures: true }
    }

    #[test]
    fn memory_is_given_back_when_no_job_comes() {
        let (sender, jobs) = channel();
        let next = |rested: &dyn Fn()| newest(&jobs, Duration::ZERO, rested).unwrap().generation;
        assert_eq!(next(&|| sender.send(job(1)).unwrap()), 1);
        sender.send(job(2)).unwrap();
        assert_eq!(next(&|| panic!("a job was there")), 2);
    }
}
