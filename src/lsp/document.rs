//! Open configuration: its text, findings and knowledge of its layers, and requests that wait for its findings.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lsp_types::{TextDocumentContentChangeEvent, Url};
use tokio::sync::oneshot;

use crate::engine::{LintDepth, Token};
use crate::lint::{Finding, unmeasured};
use crate::project::Project;
use crate::text::Encoding;

use super::findings::Findings;
use super::knowledge::{Fact, Knowledge};
use super::layer_list;
use super::position::Places;
use super::progress::Meter;
use super::watch;
use super::worker::{Job, Worker};

pub struct Document {
    uri: Url,
    version: i32,
    project: Arc<Project>,
    findings: Findings,
    knowledge: Arc<Knowledge>,
    /// Model and sample files.
    files: Vec<PathBuf>,
    analysis: Analysis,
    /// Information that the current text is not going to be measured.
    unmeasured: Option<Finding>,
    /// Requests for a snapshot with static findings of the current text.
    waiting: Vec<oneshot::Sender<Snapshot>>,
}

/// Analysis of a document's current text and files.
struct Analysis {
    worker: Worker,
    /// Number of texts and file changes so far: results of an older generation are outdated.
    generation: u64,
    /// Cancelled when the generation ends.
    token: Token,
    /// Cancelled when the worker's job ends.
    job: Token,
    /// Number of measurements for the user that the job waits for, and whether it resumes after them.
    measurements: usize,
    is_paused: bool,
    /// The job runs the network.
    measures: bool,
    /// Files have changed with the same text: a client that pulls diagnostics must be told to refresh.
    is_repeated: bool,
}

/// State of a document at the time of a request.
#[derive(Clone)]
pub struct Snapshot {
    pub uri: Url,
    pub version: i32,
    /// Project with the names of layers instead of nodes within them.
    pub project: Arc<Project>,
    pub findings: Findings,
    /// Information that the text is not going to be measured.
    pub unmeasured: Option<Finding>,
    pub knowledge: Arc<Knowledge>,
    /// Cancelled when the text or a file changes.
    pub token: Token,
    pub encoding: Encoding,
}

impl Snapshot {
    pub fn places(&self) -> Places<'_> {
        Places::new(&self.project.text, self.encoding)
    }
}

impl Document {
    pub fn new(uri: Url, version: i32, project: Project, worker: Worker) -> Document {
        let analysis = Analysis {
            worker,
            generation: 0,
            token: Token::new(),
            job: Token::new(),
            measurements: 0,
            is_paused: false,
            measures: true,
            is_repeated: false,
        };
        Document {
            uri,
            version,
            project: Arc::new(project),
            findings: Findings::default(),
            knowledge: Arc::default(),
            files: Vec::new(),
            analysis,
            unmeasured: None,
            waiting: Vec::new(),
        }
    }

    pub fn uri(&self) -> &Url {
        &self.uri
    }

    pub fn version(&self) -> i32 {
        self.version
    }

    pub fn project(&self) -> &Project {
        &self.project
    }

    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Name of the file, for messages.
    pub fn name(&self) -> String {
        self.project.file.file_name().map_or_else(|| self.uri.to_string(), |n| n.to_string_lossy().into_owned())
    }

    /// Replaces the text; findings and knowledge of the old text stay until newer ones arrive.
    pub fn change(&mut self, version: i32, text: String) {
        let project = Project::parse(self.project.file.clone(), text);
        self.findings.edit(&self.project.text, &project.text);
        self.version = version;
        self.project = Arc::new(project);
    }

    /// Marks all knowledge as outdated after files have changed.
    pub fn outdate(&mut self) {
        self.findings.outdate();
        self.analysis.is_repeated = true;
    }

    /// Returns `true` if the document's findings depend on the file.
    pub fn depends_on(&self, file: &Path) -> bool {
        watch::concerns(&self.project, &self.files, file)
    }

    /// Starts to analyze the current text and files. Results of an older generation are ignored; `token` ends with the
    /// new one.
    pub fn analyze(&mut self, token: Token, measures: bool) -> (Arc<Meter>, Token) {
        self.analysis.generation += 1;
        self.analysis.measures = measures;
        self.unmeasured = None;
        self.analysis.token = token;
        self.submit()
    }

    fn submit(&mut self) -> (Arc<Meter>, Token) {
        let meter: Arc<Meter> = Arc::default();
        // The user may stop the analysis; a measurement requested later continues.
        let job = self.analysis.token.child();
        self.analysis.is_paused = false;
        self.analysis.job = job.clone();
        self.analysis.worker.submit(Job {
            project: self.project.clone(),
            generation: self.analysis.generation,
            token: job.clone(),
            meter: meter.clone(),
            measures: self.analysis.measures,
        });
        (meter, job)
    }

    /// Pauses the analysis during a measurement that the user waits for: both need the same session.
    pub fn pause(&mut self) {
        self.analysis.measurements += 1;
        if !self.analysis.job.is_cancelled() {
            self.analysis.job.cancel();
            self.analysis.is_paused = true;
        }
    }

    /// Resumes the analysis after the last measurement, unless it has been restarted or the user has stopped it.
    pub fn resume(&mut self) -> Option<(Arc<Meter>, Token)> {
        self.analysis.measurements = self.analysis.measurements.saturating_sub(1);
        (self.analysis.measurements == 0 && self.analysis.is_paused).then(|| self.submit())
    }

    /// Marks the current text as one that is not going to be measured, unless the analysis only waits for a measurement.
    pub fn leave_unmeasured(&mut self, why: &str) -> bool {
        if self.analysis.is_paused {
            return false;
        }
        self.unmeasured = Some(unmeasured(&self.project, why).with_help("run `espq: Analyze`"));
        self.apply_result(Fact::Outdated);
        true
    }

    /// Findings of measurements, with the information that they are not of the current text.
    pub fn measured(&self) -> Vec<Finding> {
        self.findings.measured().iter().chain(&self.unmeasured).cloned().collect()
    }

    /// Returns `true` if the network is run for the current text.
    pub fn measures(&self) -> bool {
        self.analysis.measures
    }

    /// Error of the worst output beside its limit, in words.
    pub fn verdict(&self) -> Option<String> {
        layer_list::verdict(&self.knowledge, &self.project).text
    }

    pub fn knowledge(&self) -> &Knowledge {
        &self.knowledge
    }

    pub fn is_at(&self, generation: u64) -> bool {
        self.analysis.generation == generation
    }

    pub fn cancel(&self) {
        self.analysis.token.cancel();
    }

    pub fn learn_findings(&mut self, depth: LintDepth, findings: Vec<Finding>) {
        self.findings.apply_result(depth, findings);
    }

    pub fn learn_files(&mut self, files: Vec<PathBuf>) {
        self.files = files;
    }

    pub fn apply_result(&mut self, fact: Fact) {
        Arc::make_mut(&mut self.knowledge).apply_result(fact);
    }

    /// Returns `true` if files have changed since the last call.
    pub fn take_repeated(&mut self) -> bool {
        std::mem::take(&mut self.analysis.is_repeated)
    }

    pub fn snapshot(&self, encoding: Encoding) -> Snapshot {
        Snapshot {
            uri: self.uri.clone(),
            version: self.version,
            project: self.knowledge.named(&self.project),
            findings: self.findings.clone(),
            unmeasured: self.unmeasured.clone(),
            knowledge: self.knowledge.clone(),
            token: self.analysis.token.clone(),
            encoding,
        }
    }

    /// Answers with static findings of the current text: now if they are available, else as soon as they are.
    pub fn answer(&mut self, asker: oneshot::Sender<Snapshot>, encoding: Encoding) {
        if self.findings.are_of(LintDepth::Static) {
            // A cancelled request needs no answer.
            drop(asker.send(self.snapshot(encoding)));
        } else {
            self.waiting.retain(|waiting| !waiting.is_closed());
            self.waiting.push(asker);
        }
    }

    pub fn answer_waiting(&mut self, encoding: Encoding) {
        for asker in std::mem::take(&mut self.waiting) {
            let _ = asker.send(self.snapshot(encoding));
        }
    }
}

/// Returns the text with a client's changes applied.
pub fn changed(text: &str, changes: Vec<TextDocumentContentChangeEvent>, encoding: Encoding) -> String {
    changes.into_iter().fold(text.to_string(), |mut text, change| {
        match change.range {
            None => text = change.text,
            Some(range) => {
                let span = Places::new(&text, encoding).span(range);
                text.replace_range(span, &change.text);
            }
        }
        text
    })
}
