//! The thread that looks into one document: ever deeper, until a newer text comes.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use tower_lsp::lsp_types::Url;

use crate::analysis::Report;
use crate::engine::{Depth, Engine, Token, Watch};
use crate::lint::Finding;
use crate::project::Project;
use crate::{Error, Result, memory};

use super::document::{LayerFact, ModelFacts};
use super::progress::Meter;

/// One text to look into.
pub struct Job {
    pub project: Arc<Project>,
    pub generation: u64,
    pub token: Token,
    pub meter: Arc<Meter>,
}

/// What a worker has found out about one generation of a document.
pub struct News {
    pub uri: Url,
    pub generation: u64,
    pub kind: Kind,
}

pub enum Kind {
    Found {
        depth: Depth,
        findings: Vec<Finding>,
    },
    Files(Vec<PathBuf>),
    Model(Arc<ModelFacts>),
    Report(Arc<Report>),
    /// The analysis itself broke; what it said.
    Panicked(String),
}

pub type Tell = Arc<dyn Fn(News) + Send + Sync>;

/// Dropped with its document; the thread then ends after what it is at.
pub struct Worker(Sender<Job>);

impl Worker {
    pub fn start(uri: Url, engine: Arc<Engine>, tell: Tell) -> Result<Worker> {
        Worker::with(uri, tell, move |job, tell| look(&engine, job, tell))
    }

    fn with(uri: Url, tell: Tell, mut look: impl FnMut(&Job, &mut dyn FnMut(Kind)) + Send + 'static) -> Result<Worker> {
        let (sender, jobs) = channel();
        let run = move || {
            while let Some(job) = newest(&jobs) {
                let generation = job.generation;
                let mut say = |kind| tell(News { uri: uri.clone(), generation, kind });
                // What a job leaves behind is the engine's, whose entries are written only when whole.
                let outcome = catch_unwind(AssertUnwindSafe(|| look(&job, &mut say)));
                job.meter.end();
                if let Err(panic) = outcome {
                    say(Kind::Panicked(words(panic)));
                }
            }
        };
        std::thread::Builder::new()
            .name("analysis".to_string())
            .spawn(run)
            .map_err(|e| Error::new(format!("the system gives no thread to analyse on: {e}")))?;
        Ok(Worker(sender))
    }

    /// The one before is not waited for; its token ends it.
    pub fn take(&self, job: Job) {
        // The thread ends only when this sender is dropped.
        let _ = self.0.send(job);
    }
}

/// The last of those that wait; `None` once nobody can send any.
fn newest(jobs: &Receiver<Job>) -> Option<Job> {
    let first = jobs.recv().ok()?;
    let job = jobs.try_iter().last();
    Some(match job {
        None => first,
        Some(newer) => {
            first.meter.end();
            newer
        }
    })
}

fn look(engine: &Arc<Engine>, job: &Job, say: &mut dyn FnMut(Kind)) {
    // Only cancellation is an error: a newer text is on its way, or the user wants no more.
    if deeper(engine, job, say).is_ok() {
        memory::give_back();
    }
}

fn deeper(engine: &Arc<Engine>, job: &Job, say: &mut dyn FnMut(Kind)) -> Result<()> {
    let watch = Watch { token: &job.token, progress: &*job.meter };
    let project = &*job.project;
    // All that is said of this generation comes from one reading of its files.
    let opened = engine.open(job.project.clone());
    let find = |depth: Depth, say: &mut dyn FnMut(Kind)| -> Result<()> {
        job.token.check()?;
        let findings = opened.lint(depth, &watch)?;
        job.token.check()?;
        say(Kind::Found { depth, findings });
        Ok(())
    };
    find(Depth::Static, say)?;
    say(Kind::Files(project.files()));
    if let Ok(model) = opened.model() {
        let graph = &model.simplified.graph;
        let layers = graph.nodes.iter().map(|n| LayerFact { name: n.name.clone(), op: n.op.clone() }).collect();
        let inputs = graph.inputs.iter().map(|&id| graph.value(id).name.clone()).collect();
        say(Kind::Model(Arc::new(ModelFacts { layers, inputs })));
    }
    // While a line is half typed the figures of the text before it stand.
    if !project.is_sound() {
        return Ok(());
    }
    // Scales seldom change with a precision: the figures of an edit are there before they are calibrated again.
    if let Some((findings, report)) = opened.expected(&watch)? {
        job.token.check()?;
        say(Kind::Found { depth: Depth::Measured, findings });
        say(Kind::Report(Arc::new(report)));
    }
    find(Depth::Measured, say)?;
    match opened.report(false, &watch) {
        Ok(report) => say(Kind::Report(Arc::new(report))),
        Err(error) if error.is_cancelled() => return Err(error),
        // What is wrong is among the findings.
        Err(_) => {}
    }
    find(Depth::Fixes, say)
}

/// What a panic says.
pub fn words(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_string());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it does not say why".to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::{Duration, Instant};

    use super::*;

    fn job(generation: u64) -> Job {
        let project = Arc::new(Project::parse("espq.toml", ""));
        Job { project, generation, token: Token::new(), meter: Arc::default() }
    }

    #[test]
    fn a_panic_is_told_and_the_next_job_is_done() {
        let news: Arc<Mutex<Vec<String>>> = Arc::default();
        let told = news.clone();
        let tell: Tell = Arc::new(move |n: News| {
            let what = match n.kind {
                Kind::Panicked(words) => words,
                _ => "found".to_string(),
            };
            told.lock().unwrap().push(format!("{}: {what}", n.generation));
        });
        let uri = Url::parse("file:///espq.toml").unwrap();
        let worker = Worker::with(uri, tell, |job, say| match job.generation {
            1 => panic!("a bug"),
            _ => say(Kind::Files(Vec::new())),
        })
        .unwrap();
        let wait = |count| {
            let until = Instant::now() + Duration::from_secs(10);
            while news.lock().unwrap().len() < count && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(2));
            }
        };
        worker.take(job(1));
        wait(1);
        worker.take(job(2));
        wait(2);
        assert_eq!(*news.lock().unwrap(), ["1: a bug", "2: found"]);
    }
}
