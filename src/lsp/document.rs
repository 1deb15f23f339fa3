//! One open configuration: its text, what is known of it, and who waits to know.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::oneshot;
use tower_lsp::lsp_types::{TextDocumentContentChangeEvent, Url};

use crate::analysis::Report;
use crate::engine::{Depth, Token};
use crate::lint::Finding;
use crate::project::Project;
use crate::text::Encoding;

use super::carry::carry;
use super::position::Places;
use super::worker::Worker;

pub struct Document {
    pub uri: Url,
    pub version: i32,
    pub project: Arc<Project>,
    /// Counts what makes older results stale: edits, files that changed.
    pub generation: u64,
    pub token: Token,
    pub worker: Worker,
    /// How deep this very text has been looked into.
    pub depth: Option<Depth>,
    /// What the text and the files have by themselves. Until this text was looked into, an earlier one's, where
    /// they stand now.
    pub plain: Vec<Finding>,
    /// What hangs on figures; the same holds.
    pub measured: Vec<Finding>,
    pub model: Option<Arc<ModelFacts>>,
    /// Figures of the last text that was measured.
    pub report: Option<Arc<Report>>,
    /// The model and the samples.
    pub files: Vec<PathBuf>,
    /// The text is the one of before: a client that pulls does not know that there is something new.
    pub rechecked: bool,
    waiting: Vec<oneshot::Sender<Snapshot>>,
}

/// What completion and hover tell of a model before it is measured.
#[derive(Debug, Default, PartialEq)]
pub struct ModelFacts {
    pub layers: Vec<LayerFact>,
    pub inputs: Vec<String>,
}

#[derive(Debug, PartialEq)]
pub struct LayerFact {
    pub name: String,
    pub op: String,
}

/// A document as it was when a request came.
#[derive(Clone)]
pub struct Snapshot {
    pub uri: Url,
    pub version: i32,
    pub project: Arc<Project>,
    pub depth: Option<Depth>,
    pub findings: Arc<Vec<Finding>>,
    pub plain: Vec<Finding>,
    pub model: Option<Arc<ModelFacts>>,
    pub report: Option<Arc<Report>>,
    /// Cancelled once the text is another.
    pub token: Token,
    pub encoding: Encoding,
}

impl Snapshot {
    pub fn places(&self) -> Places<'_> {
        Places::new(&self.project.text, self.encoding)
    }
}

impl Document {
    pub fn new(uri: Url, version: i32, project: Project, token: Token, worker: Worker) -> Document {
        Document {
            uri,
            version,
            project: Arc::new(project),
            generation: 0,
            token,
            worker,
            depth: None,
            plain: Vec::new(),
            measured: Vec::new(),
            model: None,
            report: None,
            files: Vec::new(),
            rechecked: false,
            waiting: Vec::new(),
        }
    }

    /// As a person calls it.
    pub fn name(&self) -> String {
        self.project.file.file_name().map_or_else(|| self.uri.to_string(), |n| n.to_string_lossy().into_owned())
    }

    /// Another text; what the old one had stays until newer findings come.
    pub fn change(&mut self, version: i32, project: Project) {
        let carried = |findings: &[Finding]| carry(findings, &self.project.text, &project.text);
        (self.plain, self.measured) = (carried(&self.plain), carried(&self.measured));
        self.version = version;
        self.project = Arc::new(project);
        self.forget();
    }

    /// The same text over files that have changed.
    pub fn forget(&mut self) {
        self.generation += 1;
        self.depth = None;
    }

    /// Findings of this text, all down to a depth.
    pub fn learn(&mut self, depth: Depth, findings: Vec<Finding>) {
        self.depth = Some(depth);
        if depth < Depth::Measured {
            self.plain = findings;
        } else {
            let known = |f: &Finding| {
                self.plain.iter().any(|p| (&p.code, &p.span, &p.message) == (&f.code, &f.span, &f.message))
            };
            self.measured = findings.into_iter().filter(|f| !known(f)).collect();
        }
    }

    /// All that is known, in the order of the text.
    pub fn findings(&self) -> Vec<Finding> {
        let mut all = [&self.plain[..], &self.measured[..]].concat();
        crate::lint::sort(&mut all);
        all
    }

    pub fn snapshot(&self, encoding: Encoding) -> Snapshot {
        Snapshot {
            uri: self.uri.clone(),
            version: self.version,
            project: self.project.clone(),
            depth: self.depth,
            findings: Arc::new(self.findings()),
            plain: self.plain.clone(),
            model: self.model.clone(),
            report: self.report.clone(),
            token: self.token.clone(),
            encoding,
        }
    }

    /// Answers now where the static findings of this text are known, else as soon as they are.
    pub fn answer(&mut self, asker: oneshot::Sender<Snapshot>, encoding: Encoding) {
        match self.depth {
            // Who no longer waits needs no answer.
            Some(depth) if depth >= Depth::Static => drop(asker.send(self.snapshot(encoding))),
            _ => {
                self.waiting.retain(|waiting| !waiting.is_closed());
                self.waiting.push(asker);
            }
        }
    }

    pub fn answer_waiting(&mut self, encoding: Encoding) {
        for asker in std::mem::take(&mut self.waiting) {
            let _ = asker.send(self.snapshot(encoding));
        }
    }
}

/// A text after a client's changes.
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
