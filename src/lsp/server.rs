//! Requests and notifications of the protocol, each forwarded to its module.

use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::lsp_types::*;
use tower_lsp::{Client, LanguageServer};

use crate::engine::Engine;

use super::client::Abilities;
use super::commands::{self, COMMANDS};
use super::diagnostics::diagnostic;
use super::document::Snapshot;
use super::measured::{self, Pending};
use super::progress::Shown;
use super::state::{Event, State, file_of};
use super::{actions, completion, hover, position};

pub struct Backend {
    client: Client,
    engine: Arc<Engine>,
    events: UnboundedSender<Event>,
    shown: Arc<Shown>,
    abilities: Arc<std::sync::OnceLock<Abilities>>,
}

/// Error in a message.
#[derive(serde::Deserialize)]
pub struct Refused {
    code: i64,
}

impl Backend {
    pub fn new(client: Client, engine: Arc<Engine>) -> Backend {
        let (events, received) = unbounded_channel();
        let shown = Arc::<Shown>::default();
        let state = State::new(client.clone(), engine.clone(), events.clone(), shown.clone());
        tokio::spawn(state.run(received));
        Backend { client, engine, events, shown, abilities: Arc::default() }
    }

    /// Sends an event; handlers call it before their first await, which is where order would be lost.
    fn send(&self, event: Event) {
        // The state task ends only with the runtime.
        let _ = self.events.send(event);
    }

    fn ask(&self, uri: &Url, is_linted: bool) -> oneshot::Receiver<Snapshot> {
        let (asker, answer) = oneshot::channel();
        self.send(Event::Ask { uri: uri.clone(), is_linted, asker });
        answer
    }

    fn abilities(&self) -> Abilities {
        self.abilities.get().copied().unwrap_or_default()
    }

    /// Answers a message that could not be read.
    pub async fn refuse(&self, params: Refused) -> Result<()> {
        Err(Error::new(ErrorCode::from(params.code)))
    }

    pub async fn cancel_progress(&self, params: WorkDoneProgressCancelParams) {
        self.shown.cancel(&params.token);
    }
}

#[tower_lsp::async_trait]
impl LanguageServer for Backend {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        let abilities = *self.abilities.get_or_init(|| Abilities::of(&params));
        self.send(Event::Initialized(abilities));
        Ok(InitializeResult {
            capabilities: capabilities(abilities),
            server_info: Some(ServerInfo {
                name: "espq".to_string(),
                version: Some(env!("CARGO_PKG_VERSION").to_string()),
            }),
        })
    }

    async fn initialized(&self, _: InitializedParams) {
        self.send(Event::Ready);
    }

    async fn shutdown(&self) -> Result<()> {
        self.send(Event::Shutdown);
        Ok(())
    }

    async fn did_open(&self, params: DidOpenTextDocumentParams) {
        let document = params.text_document;
        self.send(Event::Opened { uri: document.uri, version: document.version, text: document.text });
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        let VersionedTextDocumentIdentifier { uri, version } = params.text_document;
        self.send(Event::Changed { uri, version, changes: params.content_changes });
    }

    async fn did_close(&self, params: DidCloseTextDocumentParams) {
        self.send(Event::Closed(params.text_document.uri));
    }

    /// Nothing to do: the text is already known.
    async fn did_save(&self, _: DidSaveTextDocumentParams) {}

    async fn did_change_watched_files(&self, params: DidChangeWatchedFilesParams) {
        self.send(Event::FilesChanged(params.changes.iter().map(|change| file_of(&change.uri)).collect()));
    }

    /// Nothing to do: all settings are in the project.
    async fn did_change_configuration(&self, _: DidChangeConfigurationParams) {}

    async fn diagnostic(&self, params: DocumentDiagnosticParams) -> Result<DocumentDiagnosticReportResult> {
        let answer = self.ask(&params.text_document.uri, true);
        let snapshot = answer.await.map_err(|_| not_open(&params.text_document.uri))?;
        let places = snapshot.places();
        let related = self.abilities().related_information;
        let items = snapshot
            .findings
            .of_files()
            .iter()
            .map(|finding| diagnostic(finding, &places, &snapshot.uri, related))
            .collect();
        let full_document_diagnostic_report = FullDocumentDiagnosticReport { result_id: None, items };
        let report = RelatedFullDocumentDiagnosticReport { related_documents: None, full_document_diagnostic_report };
        Ok(DocumentDiagnosticReportResult::Report(DocumentDiagnosticReport::Full(report)))
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        let answer = self.ask(&params.text_document.uri, true);
        let Ok(snapshot) = answer.await else { return Ok(None) };
        Ok(Some(actions::at(&self.engine, snapshot, self.abilities(), params.range, &params.context).await))
    }

    async fn code_action_resolve(&self, action: CodeAction) -> Result<CodeAction> {
        let pending = Pending::of(&action)?;
        let answer = self.ask(&pending.uri, false);
        let snapshot = answer.await.map_err(|_| not_open(&pending.uri))?;
        measured::resolve(self.work(), snapshot, pending, action).await
    }

    async fn hover(&self, params: HoverParams) -> Result<Option<Hover>> {
        let place = params.text_document_position_params;
        let answer = self.ask(&place.text_document.uri, false);
        let Ok(snapshot) = answer.await else { return Ok(None) };
        Ok(hover::at(&snapshot, place.position, self.abilities().markdown))
    }

    async fn completion(&self, params: CompletionParams) -> Result<Option<CompletionResponse>> {
        let place = params.text_document_position;
        let answer = self.ask(&place.text_document.uri, false);
        let Ok(snapshot) = answer.await else { return Ok(None) };
        Ok(Some(CompletionResponse::Array(completion::at(&snapshot, place.position))))
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<serde_json::Value>> {
        let uri = commands::document(&params)?;
        let answer = self.ask(&uri, false);
        let snapshot = answer.await.map_err(|_| not_open(&uri))?;
        match params.command.as_str() {
            commands::ANALYZE => {
                self.send(Event::Analyze(uri));
                Ok(None)
            }
            commands::EXPORT => commands::export(self.work(), snapshot).await,
            commands::SMALLEST_SET => commands::smallest_set(self.work(), snapshot).await,
            other => {
                Err(Error::invalid_params(format!("espq has no command `{other}`: it has {}", COMMANDS.join(", "))))
            }
        }
    }
}

impl Backend {
    fn work(&self) -> commands::Work {
        commands::Work {
            client: self.client.clone(),
            engine: self.engine.clone(),
            shown: self.shown.clone(),
            abilities: self.abilities(),
            events: self.events.clone(),
        }
    }
}

fn not_open(uri: &Url) -> Error {
    Error::invalid_params(format!("{uri} is not open"))
}

fn capabilities(abilities: Abilities) -> ServerCapabilities {
    // Full texts: configurations are small, and a delayed change is then harmless.
    let sync = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::FULL),
        ..TextDocumentSyncOptions::default()
    };
    let pulled = DiagnosticOptions { identifier: Some("espq".to_string()), ..DiagnosticOptions::default() };
    let kinds = vec![CodeActionKind::QUICKFIX, CodeActionKind::REFACTOR_REWRITE, actions::fix_all()];
    let code_actions = CodeActionOptions {
        code_action_kinds: Some(kinds),
        resolve_provider: Some(abilities.resolves_edits),
        ..CodeActionOptions::default()
    };
    ServerCapabilities {
        position_encoding: Some(position::kind(abilities.encoding)),
        text_document_sync: Some(TextDocumentSyncCapability::Options(sync)),
        diagnostic_provider: abilities.pulls.then_some(DiagnosticServerCapabilities::Options(pulled)),
        code_action_provider: Some(CodeActionProviderCapability::Options(code_actions)),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        completion_provider: Some(CompletionOptions {
            trigger_characters: Some(["[", "\"", ".", "=", "/"].map(str::to_string).to_vec()),
            ..CompletionOptions::default()
        }),
        execute_command_provider: Some(ExecuteCommandOptions {
            commands: COMMANDS.map(str::to_string).to_vec(),
            ..ExecuteCommandOptions::default()
        }),
        ..ServerCapabilities::default()
    }
}
