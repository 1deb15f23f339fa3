//! Task that owns the documents. It handles events in the order in which they came and never waits.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lsp_types::request::{CodeLensRefresh, InlayHintRefreshRequest, WorkspaceDiagnosticRefresh};
use lsp_types::{Diagnostic, MessageType, TextDocumentContentChangeEvent, Url};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;

use crate::engine::{Engine, LintDepth, Token, lint_text};
use crate::project::Project;

use super::abilities::Abilities;
use super::client::Client;
use super::diagnostics::diagnostic;
use super::document::{self, Document, Snapshot};
use super::layer_list::{LayerListParams, LayersChanged};
use super::outbox::Outbox;
use super::position::Places;
use super::progress::{self, Meter, Shown};
use super::watch::{self, Watching};
use super::worker::{Outcome, Update, Worker};

pub enum Event {
    Initialized(Abilities),
    /// The client accepts requests from now on.
    Ready,
    Opened {
        uri: Url,
        version: i32,
        text: String,
    },
    Changed {
        uri: Url,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
    },
    Closed(Url),
    /// Files on disk have changed.
    FilesChanged(Vec<PathBuf>),
    /// No further changes for a while.
    FilesSettled,
    /// Request for a snapshot of a document; with `is_linted`, as soon as its static findings are available.
    Ask {
        uri: Url,
        is_linted: bool,
        asker: oneshot::Sender<Snapshot>,
    },
    Analyze(Url),
    /// A measurement that the user waits for begins.
    Pause(Url),
    Resume(Url),
    Update(Update),
    Shutdown,
}

/// Delay after the last change: models are written in several steps, and folders of samples file by file.
const SETTLED: Duration = Duration::from_millis(200);

pub struct State {
    client: Client,
    engine: Arc<Engine>,
    events: UnboundedSender<Event>,
    abilities: Abilities,
    documents: HashMap<Url, Document>,
    outbox: Arc<Outbox>,
    shown: Arc<Shown>,
    watching: Watching,
    /// Changed files within that delay.
    unsettled: Vec<PathBuf>,
    /// Version and diagnostics of each document that the client has.
    published: HashMap<Url, (i32, Vec<Diagnostic>)>,
}

impl State {
    pub fn new(client: Client, engine: Arc<Engine>, events: UnboundedSender<Event>, shown: Arc<Shown>) -> State {
        let outbox: Arc<Outbox> = Arc::default();
        tokio::spawn(outbox.clone().deliver(client.clone()));
        State {
            client,
            engine,
            watching: Watching::default(),
            events,
            abilities: Abilities::default(),
            documents: HashMap::new(),
            outbox,
            shown,
            unsettled: Vec::new(),
            published: HashMap::new(),
        }
    }

    pub async fn run(mut self, mut events: UnboundedReceiver<Event>) {
        while let Some(event) = events.recv().await {
            self.handle(event);
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Initialized(abilities) => self.abilities = abilities,
            Event::Ready => self.watch(),
            Event::Opened { uri, version, text } => self.open(uri, version, text),
            Event::Changed { uri, version, changes } => self.change(&uri, version, changes),
            Event::Closed(uri) => self.close(&uri),
            Event::FilesChanged(files) => self.files_changed(files),
            Event::FilesSettled => self.files_settled(),
            Event::Ask { uri, is_linted, asker } => self.ask(&uri, is_linted, asker),
            Event::Analyze(uri) => self.recheck(&uri),
            Event::Pause(uri) => self.documents.get_mut(&uri).into_iter().for_each(Document::pause),
            Event::Resume(uri) => {
                let resumed = self.documents.get_mut(&uri).and_then(Document::resume);
                resumed.into_iter().for_each(|(meter, token)| self.show_progress(&uri, meter, token));
            }
            Event::Update(update) => self.apply_result(update),
            Event::Shutdown => self.documents.values().for_each(Document::cancel),
        }
    }

    fn watch(&mut self) {
        if self.abilities.watches {
            tokio::spawn(watch::register(self.client.clone()));
        } else {
            let events = self.events.clone();
            let told = self.watching.begin(move |files| drop(events.send(Event::FilesChanged(files))));
            if let Err(error) = told {
                self.show(MessageType::WARNING, error.to_string());
            }
        }
    }

    fn open(&mut self, uri: Url, version: i32, text: String) {
        let events = self.events.clone();
        let notify = Arc::new(move |update| drop(events.send(Event::Update(update))));
        let worker = match Worker::start(uri.clone(), self.engine.clone(), notify) {
            Ok(worker) => worker,
            Err(error) => return self.show(MessageType::ERROR, error.to_string()),
        };
        let project = Project::parse(file_of(&uri), text);
        self.documents.insert(uri.clone(), Document::new(uri.clone(), version, project, worker));
        self.lint_text(&uri);
        self.analyze(&uri);
    }

    /// Applies changes; a version older than the text's arrived late and is ignored.
    fn change(&mut self, uri: &Url, version: i32, changes: Vec<TextDocumentContentChangeEvent>) {
        let Some(document) = self.documents.get_mut(uri).filter(|d| version > d.version()) else { return };
        let text = document::changed(&document.project().text, changes, self.abilities.encoding);
        document.change(version, text);
        self.lint_text(uri);
        self.analyze(uri);
    }

    /// Publishes the findings that need no file, with the previous text's findings at deeper depths.
    fn lint_text(&mut self, uri: &Url) {
        let Some(document) = self.documents.get_mut(uri) else { return };
        let findings = lint_text(document.project());
        document.learn_findings(LintDepth::Text, findings);
        self.publish(uri);
    }

    fn close(&mut self, uri: &Url) {
        if let Some(document) = self.documents.remove(uri) {
            document.cancel();
            self.published.remove(uri);
            self.outbox.post(uri.clone(), None, Vec::new());
        }
    }

    fn files_changed(&mut self, files: Vec<PathBuf>) {
        if self.unsettled.is_empty() && !files.is_empty() {
            let events = self.events.clone();
            tokio::spawn(async move {
                tokio::time::sleep(SETTLED).await;
                // The state task is gone only if the server is.
                let _ = events.send(Event::FilesSettled);
            });
        }
        self.unsettled.extend(files);
    }

    fn files_settled(&mut self) {
        let changed = std::mem::take(&mut self.unsettled);
        let concerned = |document: &&Document| changed.iter().any(|file| document.depends_on(file));
        let uris: Vec<Url> = self.documents.values().filter(concerned).map(|d| d.uri().clone()).collect();
        uris.iter().for_each(|uri| self.recheck(uri));
    }

    fn recheck(&mut self, uri: &Url) {
        if let Some(document) = self.documents.get_mut(uri) {
            document.outdate();
            self.analyze(uri);
        }
    }

    /// Analyzes the current text; the work on an older one ends.
    fn analyze(&mut self, uri: &Url) {
        let Some(document) = self.documents.get_mut(uri) else { return };
        let (meter, token) = document.analyze(self.engine.supersede(&document.project().file));
        self.show_progress(uri, meter, token);
    }

    fn show_progress(&self, uri: &Url, meter: Arc<Meter>, token: Token) {
        let Some(document) = self.documents.get(uri).filter(|_| self.abilities.progress) else { return };
        let title = format!("espq: {}", document.name());
        let (client, shown) = (self.client.clone(), self.shown.clone());
        tokio::spawn(progress::show(client, shown, title, meter, token));
    }

    fn ask(&mut self, uri: &Url, is_linted: bool, asker: oneshot::Sender<Snapshot>) {
        // If the document is not open, the requester's channel closes without an answer.
        let Some(document) = self.documents.get_mut(uri) else { return };
        match is_linted {
            true => document.answer(asker, self.abilities.encoding),
            false => drop(asker.send(document.snapshot(self.abilities.encoding))),
        }
    }

    fn apply_result(&mut self, update: Update) {
        let Update { uri, generation, outcome } = update;
        let Some(document) = self.documents.get_mut(&uri).filter(|d| d.is_at(generation)) else { return };
        match outcome {
            Outcome::Findings { depth, findings } => {
                document.learn_findings(depth, findings);
                if depth == LintDepth::Static {
                    document.answer_waiting(self.abilities.encoding);
                    if document.take_repeated() && self.abilities.pulls {
                        self.ask_to_pull();
                    }
                }
                self.publish(&uri);
            }
            Outcome::Files(files) => {
                document.learn_files(files);
                self.watching.watch_folders(self.documents.values().map(|d| (d.project(), d.files())));
            }
            Outcome::Fact(fact) => {
                document.apply_result(fact);
                self.refresh(&uri);
            }
            Outcome::Panicked(message) => {
                let name = document.name();
                self.show(
                    MessageType::ERROR,
                    format!("espq failed to analyze {name}: {message}. This is a bug in espq; the next edit restarts the analysis."),
                );
            }
        }
    }

    /// Sends a document's findings to the client, unless it already has them for this version.
    fn publish(&mut self, uri: &Url) {
        let Some(document) = self.documents.get(uri) else { return };
        let places = Places::new(&document.project().text, self.abilities.encoding);
        // Clients that pull request the static findings.
        let findings = match self.abilities.pulls {
            true => document.findings().measured().to_vec(),
            false => document.findings().all(),
        };
        let diagnostics: Vec<Diagnostic> = findings
            .iter()
            .map(|finding| diagnostic(finding, &places, uri, self.abilities.related_information))
            .collect();
        // Also if no finding has changed: the client learns that the new version has been processed.
        let latest = (document.version(), diagnostics);
        if self.published.get(uri) != Some(&latest) {
            self.published.insert(uri.clone(), latest.clone());
            self.outbox.post(uri.clone(), Some(latest.0), latest.1);
        }
    }

    /// Tells the client that figures in the text, and in the list of layers, have changed.
    fn refresh(&self, uri: &Url) {
        let (client, abilities, uri) = (self.client.clone(), self.abilities, uri.clone());
        tokio::spawn(async move {
            // A client that does not answer keeps the old ones until it asks again.
            if abilities.refreshes_hints {
                let _ = tokio::time::timeout(progress::ANSWER, client.request::<InlayHintRefreshRequest>(())).await;
            }
            if abilities.refreshes_lenses {
                let _ = tokio::time::timeout(progress::ANSWER, client.request::<CodeLensRefresh>(())).await;
            }
            if abilities.lists_layers {
                client.notify::<LayersChanged>(LayerListParams { uri }).await;
            }
        });
    }

    fn ask_to_pull(&self) {
        let client = self.client.clone();
        tokio::spawn(async move {
            // Clients without refresh requests pull on their own.
            let _ = tokio::time::timeout(progress::ANSWER, client.request::<WorkspaceDiagnosticRefresh>(())).await;
        });
    }

    fn show(&self, kind: MessageType, text: String) {
        let client = self.client.clone();
        tokio::spawn(async move { client.show_message(kind, text).await });
    }
}

/// Returns the path of a document; one that was never saved has a path, too.
pub fn file_of(uri: &Url) -> PathBuf {
    uri.to_file_path().unwrap_or_else(|()| PathBuf::from(uri.path()))
}
