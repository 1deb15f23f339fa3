//! Task that owns the documents. It handles events in the order in which they came and never waits.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lsp_types::request::{CodeLensRefresh, InlayHintRefreshRequest, WorkspaceDiagnosticRefresh};
use lsp_types::{Diagnostic, MessageType, TextDocumentContentChangeEvent, Url};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::{oneshot, watch as channel};

use crate::engine::{Engine, LintDepth, Token, lint_text};
use crate::lint;
use crate::project::{self, Project};

use super::abilities::Abilities;
use super::client::{Client, Level};
use super::diagnostics::Presentation;
use super::document::{self, Document, Snapshot};
use super::layer_list::{self, LayerListParams, LayersChanged};
use super::outbox::Outbox;
use super::position::Places;
use super::progress::{self, Meter, Shown};
use super::settings::{self, Settings, When};
use super::watch::{self, Watching};
use super::worker::{Outcome, Update, Worker};

pub enum Event {
    Initialized {
        abilities: Abilities,
        folders: Vec<PathBuf>,
        settings: Value,
    },
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
    Saved(Url),
    Closed(Url),
    /// Settings from the client.
    Configured(Value),
    /// The client has other settings.
    ConfigurationChanged,
    FoldersChanged {
        added: Vec<PathBuf>,
        removed: Vec<PathBuf>,
    },
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
    /// Request for the folders and the open documents.
    AskWorkspace(oneshot::Sender<Workspace>),
    Analyze(Url),
    /// A measurement that the user waits for begins.
    Pause(Url),
    Resume(Url),
    Update(Update),
    Shutdown,
}

/// Folders of the workspace, and the open configurations.
#[derive(Default)]
pub struct Workspace {
    pub folders: Vec<PathBuf>,
    pub open: Vec<Url>,
}

/// Reason to analyze a document.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    Opened,
    Edited,
    Saved,
    FilesChanged,
    Commanded,
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
    /// Lists of layers that are open, as the client names them, by their configuration.
    lists: HashMap<Url, Url>,
    settings: Settings,
    folders: Vec<PathBuf>,
    /// Number of changes of files, folders and open documents.
    changes: channel::Sender<u64>,
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
            lists: HashMap::new(),
            settings: Settings::default(),
            folders: Vec::new(),
            changes: channel::Sender::new(0),
        }
    }

    /// Returns the number of changes of files, folders and open documents, as it grows.
    pub fn changes(&self) -> channel::Receiver<u64> {
        self.changes.subscribe()
    }

    pub async fn run(mut self, mut events: UnboundedReceiver<Event>) {
        while let Some(event) = events.recv().await {
            self.handle(event);
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Initialized { abilities, folders, settings } => {
                self.abilities = abilities;
                self.folders = folders;
                self.configure(&settings);
            }
            Event::Ready => {
                self.watch();
                if self.abilities.registers_settings {
                    tokio::spawn(settings::register(self.client.clone()));
                }
                self.request_settings();
            }
            Event::Configured(settings) => self.configure(&settings),
            Event::ConfigurationChanged => self.request_settings(),
            Event::FoldersChanged { added, removed } => {
                self.folders.retain(|folder| !removed.contains(folder) && !added.contains(folder));
                self.folders.extend(added);
                self.count_change();
            }
            Event::Saved(uri) if self.settings.analyze == When::Save => self.analyze(&uri, Cause::Saved),
            Event::Saved(_) => {}
            Event::AskWorkspace(asker) => {
                let workspace =
                    Workspace { folders: self.folders.clone(), open: self.documents.keys().cloned().collect() };
                // The request may have been cancelled.
                let _ = asker.send(workspace);
            }
            Event::Opened { uri, version, text } => self.open(uri, version, text),
            Event::Changed { uri, version, changes } => self.change(&uri, version, changes),
            Event::Closed(uri) => self.close(&uri),
            Event::FilesChanged(files) => self.files_changed(files),
            Event::FilesSettled => self.files_settled(),
            Event::Ask { uri, is_linted, asker } => self.ask(&uri, is_linted, asker),
            Event::Analyze(uri) => self.recheck(&uri, Cause::Commanded),
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

    fn request_settings(&self) {
        tokio::spawn(settings::request(self.client.clone(), self.abilities, self.events.clone()));
    }

    fn configure(&mut self, settings: &Value) {
        let before = self.settings;
        let (settings, wrong) = Settings::of(settings);
        self.settings = settings;
        self.client.set_level(settings.log);
        wrong.into_iter().for_each(|wrong| self.log(Level::Warning, wrong));
        if settings != before {
            self.log(Level::Debug, format!("settings: {settings:?}"));
        }
        if settings.analyze == When::Type && before.analyze != When::Type {
            let open: Vec<Url> = self.documents.keys().cloned().collect();
            open.iter().for_each(|uri| self.analyze(uri, Cause::Opened));
        }
    }

    /// Wakes requests that wait for a change of the workspace.
    fn count_change(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    fn open(&mut self, uri: Url, version: i32, text: String) {
        if uri.scheme() == layer_list::SCHEME {
            let configuration = layer_list::configuration(&uri);
            self.lists.insert(configuration.clone(), uri);
            return self.publish_list(&configuration);
        }
        // Editors may start the server for all TOML files.
        if !project::is_configuration(&file_of(&uri)) {
            return;
        }
        let events = self.events.clone();
        let notify = Arc::new(move |update| drop(events.send(Event::Update(update))));
        let worker = match Worker::start(uri.clone(), self.engine.clone(), notify) {
            Ok(worker) => worker,
            Err(error) => return self.show(MessageType::ERROR, error.to_string()),
        };
        let project = Project::parse(file_of(&uri), text);
        self.documents.insert(uri.clone(), Document::new(uri.clone(), version, project, worker));
        self.lint_text(&uri);
        self.analyze(&uri, Cause::Opened);
        self.count_change();
    }

    /// Applies changes; a version older than the text's arrived late and is ignored.
    fn change(&mut self, uri: &Url, version: i32, changes: Vec<TextDocumentContentChangeEvent>) {
        let Some(document) = self.documents.get_mut(uri).filter(|d| version > d.version()) else { return };
        let text = document::changed(&document.project().text, changes, self.abilities.encoding);
        document.change(version, text);
        self.lint_text(uri);
        self.analyze(uri, Cause::Edited);
    }

    /// Publishes the findings that need no file, with the previous text's findings at deeper depths.
    fn lint_text(&mut self, uri: &Url) {
        let Some(document) = self.documents.get_mut(uri) else { return };
        let findings = lint_text(document.project());
        document.learn_findings(LintDepth::Text, findings);
        self.publish(uri);
    }

    fn close(&mut self, uri: &Url) {
        if uri.scheme() == layer_list::SCHEME {
            self.lists.remove(&layer_list::configuration(uri));
            return self.outbox.post(uri.clone(), None, Vec::new());
        }
        if let Some(document) = self.documents.remove(uri) {
            document.cancel();
            self.published.remove(uri);
            self.outbox.post(uri.clone(), None, Vec::new());
            self.count_change();
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
        self.count_change();
        let concerned = |document: &&Document| changed.iter().any(|file| document.depends_on(file));
        let uris: Vec<Url> = self.documents.values().filter(concerned).map(|d| d.uri().clone()).collect();
        uris.iter().for_each(|uri| self.recheck(uri, Cause::FilesChanged));
    }

    fn recheck(&mut self, uri: &Url, cause: Cause) {
        if let Some(document) = self.documents.get_mut(uri) {
            document.outdate();
            self.analyze(uri, cause);
        }
    }

    /// Analyzes the current text; the work on an older one ends.
    fn analyze(&mut self, uri: &Url, cause: Cause) {
        let measures = match self.settings.analyze {
            When::Type => true,
            When::Save => cause != Cause::Edited,
            When::Manual => cause == Cause::Commanded,
        };
        let Some(document) = self.documents.get_mut(uri) else { return };
        let (meter, token) = document.analyze(self.engine.supersede(&document.project().file), measures);
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
                // Lines of layers and their figures are part of diagnostics.
                self.publish(&uri);
                self.refresh(&uri);
            }
            Outcome::Ended(Some(time)) => {
                let what = match (document.measures(), document.verdict()) {
                    (true, Some(verdict)) => format!("analyzed, {verdict}"),
                    (true, None) => "analyzed".to_string(),
                    (false, _) => "checked".to_string(),
                };
                let line = format!("{}: {what}, {:.2} s", document.name(), time.as_secs_f64());
                let is_left = self.settings.analyze == When::Manual
                    && !document.measures()
                    && document.leave_unmeasured("the setting `espq.analyze` is \"manual\"");
                self.log(Level::Info, line);
                if is_left {
                    self.publish(&uri);
                }
            }
            Outcome::Ended(None) => {
                if document.leave_unmeasured("the analysis was cancelled") {
                    self.publish(&uri);
                    self.refresh(&uri);
                }
            }
        }
    }

    /// Sends a document's findings to the client, unless it already has them for this version.
    fn publish(&mut self, uri: &Url) {
        let Some(document) = self.documents.get(uri) else { return };
        let shown = self.presentation(document);
        // Clients that pull request the static findings.
        let mut findings = document.measured();
        if !self.abilities.pulls {
            findings.extend(document.findings().of_files());
            lint::sort(&mut findings);
        }
        let diagnostics: Vec<Diagnostic> = findings.iter().map(|finding| shown.diagnostic(finding)).collect();
        // Also if no finding has changed: the client learns that the new version has been processed.
        let latest = (document.version(), diagnostics);
        if self.published.get(uri) != Some(&latest) {
            self.published.insert(uri.clone(), latest.clone());
            self.outbox.post(uri.clone(), Some(latest.0), latest.1);
        }
        self.publish_list(uri);
    }

    /// Sends the diagnostics of an open list of layers.
    fn publish_list(&self, configuration: &Url) {
        let Some(list) = self.lists.get(configuration) else { return };
        let Some(document) = self.documents.get(configuration) else { return };
        let shown = self.presentation(document);
        let diagnostics = layer_list::diagnostics(&document.findings().all(), document.knowledge(), &shown);
        self.outbox.post(list.clone(), None, diagnostics);
    }

    fn presentation<'a>(&self, document: &'a Document) -> Presentation<'a> {
        Presentation {
            uri: document.uri(),
            places: Places::new(&document.project().text, self.abilities.encoding),
            knowledge: document.knowledge(),
            abilities: self.abilities,
        }
    }

    /// Tells the client that figures in the text, and in the list of layers, have changed.
    fn refresh(&self, uri: &Url) {
        self.publish_list(uri);
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

    fn log(&self, level: Level, text: String) {
        let client = self.client.clone();
        tokio::spawn(async move { client.log(level, text).await });
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
