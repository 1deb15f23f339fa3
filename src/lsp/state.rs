//! The one task that owns the documents. It takes events in the order in which they came and never waits.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tower_lsp::Client;
use tower_lsp::lsp_types::{Diagnostic, MessageType, TextDocumentContentChangeEvent, Url};

use crate::engine::{Depth, Engine, lint_text};
use crate::lint::Finding;
use crate::project::Project;

use super::client::Abilities;
use super::diagnostics::diagnostic;
use super::document::{self, Document, Snapshot};
use super::outbox::Outbox;
use super::position::Places;
use super::progress::{self, Meter, Shown};
use super::watch::{self, Watching};
use super::worker::{Job, Kind, News, Worker};

pub enum Event {
    Initialized(Abilities),
    /// The client takes requests from now on.
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
    /// On disk.
    FilesChanged(Vec<PathBuf>),
    /// No more of them for a while.
    FilesSettled,
    /// As a document is now; its static findings are waited for where `looked_into`.
    Ask {
        uri: Url,
        looked_into: bool,
        asker: oneshot::Sender<Snapshot>,
    },
    Analyze(Url),
    News(News),
    Shutdown,
}

/// Writing a model takes several writes, and a folder of samples many.
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
    /// Files that changed and have not settled.
    unsettled: Vec<PathBuf>,
    /// What each document's client has been given.
    published: HashMap<Url, Vec<Diagnostic>>,
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
            Event::Ask { uri, looked_into, asker } => self.ask(&uri, looked_into, asker),
            Event::Analyze(uri) => self.recheck(&uri),
            Event::News(news) => self.learn(news),
            Event::Shutdown => self.documents.values().for_each(|document| document.token.cancel()),
        }
    }

    fn watch(&mut self) {
        if self.abilities.watches {
            tokio::spawn(watch::register(self.client.clone()));
        } else {
            let events = self.events.clone();
            let told = self.watching.begin(move |files| drop(events.send(Event::FilesChanged(files))));
            if let Err(error) = told {
                self.say(MessageType::WARNING, error.to_string());
            }
        }
    }

    fn open(&mut self, uri: Url, version: i32, text: String) {
        let events = self.events.clone();
        let tell = Arc::new(move |news| drop(events.send(Event::News(news))));
        let worker = match Worker::start(uri.clone(), self.engine.clone(), tell) {
            Ok(worker) => worker,
            Err(error) => return self.say(MessageType::ERROR, error.to_string()),
        };
        let project = Project::parse(file_of(&uri), text);
        let token = self.engine.supersede(&project.file);
        let mut document = Document::new(uri.clone(), version, project, token, worker);
        // What the text alone tells is there at once.
        document.learn(Depth::Text, lint_text(&document.project));
        self.documents.insert(uri.clone(), document);
        self.publish(&uri);
        self.analyse(&uri);
    }

    /// A version that is older than the text's came late, and has nothing to say any more.
    fn change(&mut self, uri: &Url, version: i32, changes: Vec<TextDocumentContentChangeEvent>) {
        let Some(document) = self.documents.get_mut(uri).filter(|d| version > d.version) else { return };
        let text = document::changed(&document.project.text, changes, self.abilities.encoding);
        document.change(version, Project::parse(document.project.file.clone(), text));
        self.analyse(uri);
    }

    fn close(&mut self, uri: &Url) {
        if let Some(document) = self.documents.remove(uri) {
            document.token.cancel();
            self.published.remove(uri);
            self.outbox.post(uri.clone(), None, Vec::new());
        }
    }

    fn files_changed(&mut self, files: Vec<PathBuf>) {
        if self.unsettled.is_empty() && !files.is_empty() {
            let events = self.events.clone();
            tokio::spawn(async move {
                tokio::time::sleep(SETTLED).await;
                // The state task is gone only with the server.
                let _ = events.send(Event::FilesSettled);
            });
        }
        self.unsettled.extend(files);
    }

    fn files_settled(&mut self) {
        let changed = std::mem::take(&mut self.unsettled);
        let concerned = |d: &&Document| changed.iter().any(|file| watch::concerns(&d.project, &d.files, file));
        let uris: Vec<Url> = self.documents.values().filter(concerned).map(|d| d.uri.clone()).collect();
        uris.iter().for_each(|uri| self.recheck(uri));
    }

    fn recheck(&mut self, uri: &Url) {
        if let Some(document) = self.documents.get_mut(uri) {
            document.forget();
            document.rechecked = true;
            self.analyse(uri);
        }
    }

    /// Looks into the text as it is now; what was under way for an older one ends.
    fn analyse(&mut self, uri: &Url) {
        let Some(document) = self.documents.get_mut(uri) else { return };
        document.token = self.engine.supersede(&document.project.file);
        let meter: Arc<Meter> = Arc::default();
        let job = Job {
            project: document.project.clone(),
            generation: document.generation,
            token: document.token.clone(),
            meter: meter.clone(),
        };
        document.worker.take(job);
        if self.abilities.progress {
            let title = format!("espq: {}", document.name());
            let (client, shown) = (self.client.clone(), self.shown.clone());
            tokio::spawn(progress::show(client, shown, title, meter, document.token.clone()));
        }
    }

    fn ask(&mut self, uri: &Url, looked_into: bool, asker: oneshot::Sender<Snapshot>) {
        // An asker whose document is not open hears nothing: its end of the channel closes.
        let Some(document) = self.documents.get_mut(uri) else { return };
        match looked_into {
            true => document.answer(asker, self.abilities.encoding),
            false => drop(asker.send(document.snapshot(self.abilities.encoding))),
        }
    }

    fn learn(&mut self, news: News) {
        let Some(document) = self.documents.get_mut(&news.uri).filter(|d| d.generation == news.generation) else {
            return;
        };
        match news.kind {
            Kind::Found { depth, findings } => {
                document.learn(depth, findings);
                if depth == Depth::Static {
                    document.answer_waiting(self.abilities.encoding);
                    if std::mem::take(&mut document.rechecked) && self.abilities.pulls {
                        self.ask_to_pull();
                    }
                }
                self.publish(&news.uri);
            }
            Kind::Files(files) => {
                document.files = files;
                self.watching.look_at(self.documents.values().map(|d| (&*d.project, d.files.as_slice())));
            }
            Kind::Model(model) => document.model = Some(model),
            Kind::Report(report) => document.report = Some(report),
            Kind::Panicked(words) => {
                let name = document.name();
                self.say(
                    MessageType::ERROR,
                    format!("espq broke while it analysed {name}: {words}. This is a bug in espq; it goes on with the next edit."),
                );
            }
        }
    }

    /// Gives the client what is known now, where that is something else than it has.
    fn publish(&mut self, uri: &Url) {
        let Some(document) = self.documents.get(uri) else { return };
        let places = Places::new(&document.project.text, self.abilities.encoding);
        // A client that asks for the static ones is given them when it asks.
        let findings: Vec<Finding> = if self.abilities.pulls { document.measured.clone() } else { document.findings() };
        let diagnostics: Vec<Diagnostic> = findings
            .iter()
            .map(|finding| diagnostic(finding, &places, uri, self.abilities.related_information))
            .collect();
        let before = self.published.get(uri);
        // The first ones of a document are told even when there are none.
        let same = before.is_some_and(|before| *before == diagnostics);
        if !same {
            self.published.insert(uri.clone(), diagnostics.clone());
            self.outbox.post(uri.clone(), Some(document.version), diagnostics);
        }
    }

    fn ask_to_pull(&self) {
        let client = self.client.clone();
        tokio::spawn(async move {
            // One that cannot be asked to asks by itself, sooner or later.
            let _ = tokio::time::timeout(progress::ANSWER, client.workspace_diagnostic_refresh()).await;
        });
    }

    fn say(&self, kind: MessageType, text: String) {
        let client = self.client.clone();
        tokio::spawn(async move { client.show_message(kind, text).await });
    }
}

/// Where a document is, or would be: one that was never saved has a name all the same.
pub fn file_of(uri: &Url) -> PathBuf {
    uri.to_file_path().unwrap_or_else(|()| PathBuf::from(uri.path()))
}
