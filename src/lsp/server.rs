//! Requests and notifications of the protocol, each forwarded to its module.

use std::collections::HashMap;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use lsp_server::{ErrorCode, Message, Notification, Request, RequestId, ResponseError};
use lsp_types::*;
use serde_json::Value;
use tokio::sync::mpsc::{Receiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::engine::Engine;

use super::abilities::Abilities;
use super::client::{Client, Result, error};
use super::commands::{self, COMMANDS};
use super::diagnostics::diagnostic;
use super::document::Snapshot;
use super::layer_list::{self, LayerList, LayerListParams};
use super::lifecycle::Phase;
use super::measured::{self, Pending};
use super::progress::Shown;
use super::state::{Event, State, file_of};
use super::{actions, completion, hints, hover, position, symbols};

/// Handlers of requests. Each sends its event when it is called, which keeps the order of the messages; what it then
/// waits for is in the future that it returns.
pub struct Server {
    client: Client,
    engine: Arc<Engine>,
    events: UnboundedSender<Event>,
    shown: Arc<Shown>,
    abilities: Abilities,
    phase: Phase,
    running: Arc<Mutex<HashMap<RequestId, AbortHandle>>>,
}

/// Answer to a request.
type Answer = Pin<Box<dyn Future<Output = Result<Value>> + Send>>;

impl Server {
    pub fn new(client: Client, engine: Arc<Engine>) -> Server {
        let (events, received) = unbounded_channel();
        let shown = Arc::<Shown>::default();
        let state = State::new(client.clone(), engine.clone(), events.clone(), shown.clone());
        tokio::spawn(state.run(received));
        let (abilities, running) = (Abilities::default(), Arc::default());
        Server { client, engine, events, shown, abilities, phase: Phase::New, running }
    }

    /// Handles messages until `exit` or the end of the input, and returns the exit code.
    pub async fn run(mut self, mut messages: Receiver<Result<Message>>) -> u8 {
        while let Some(message) = messages.recv().await {
            match message {
                Ok(Message::Request(request)) => self.begin(request),
                Ok(Message::Response(response)) => self.client.answered(response),
                Ok(Message::Notification(notification)) if notification.method == "exit" => break,
                Ok(Message::Notification(notification)) => self.notified(notification),
                Err(refused) => self.client.refuse(refused).await,
            }
        }
        self.phase.exit_code()
    }

    /// Starts a request, whose answer is sent when it is there.
    fn begin(&mut self, request: Request) {
        let Request { id, method, params } = request;
        let answer = match self.phase.after(&method) {
            Ok(phase) => {
                self.phase = phase;
                self.handle(&method, params)
            }
            Err(refused) => Box::pin(ready(Err(refused))),
        };
        let answer = tokio::spawn(answer);
        let (client, running) = (self.client.clone(), self.running.clone());
        lock(&running).insert(id.clone(), answer.abort_handle());
        tokio::spawn(async move {
            let result = match answer.await {
                Ok(result) => result,
                Err(end) if end.is_cancelled() => Err(error(ErrorCode::RequestCanceled, "cancelled")),
                Err(_) => {
                    Err(error(ErrorCode::InternalError, "this is a bug in espq: the request's handler has panicked"))
                }
            };
            lock(&running).remove(&id);
            client.answer(id, result).await;
        });
    }

    fn handle(&mut self, method: &str, params: Value) -> Answer {
        use request::*;
        match method {
            Initialize::METHOD => answer::<Initialize, _>(params, |params| self.initialize(&params)),
            Shutdown::METHOD => answer::<Shutdown, _>(params, |()| self.shutdown()),
            DocumentDiagnosticRequest::METHOD => {
                answer::<DocumentDiagnosticRequest, _>(params, |params| self.diagnostic(params))
            }
            CodeActionRequest::METHOD => answer::<CodeActionRequest, _>(params, |params| self.code_action(params)),
            CodeActionResolveRequest::METHOD => {
                answer::<CodeActionResolveRequest, _>(params, |action| self.code_action_resolve(action))
            }
            HoverRequest::METHOD => answer::<HoverRequest, _>(params, |params| self.hover(params)),
            Completion::METHOD => answer::<Completion, _>(params, |params| self.completion(params)),
            InlayHintRequest::METHOD => answer::<InlayHintRequest, _>(params, |params: InlayHintParams| {
                let range = params.range;
                self.of_snapshot(&params.text_document.uri, move |snapshot| Some(hints::hints(snapshot, range)))
            }),
            CodeLensRequest::METHOD => answer::<CodeLensRequest, _>(params, |params: CodeLensParams| {
                self.of_snapshot(&params.text_document.uri, |snapshot| Some(hints::lenses(snapshot)))
            }),
            DocumentSymbolRequest::METHOD => {
                answer::<DocumentSymbolRequest, _>(params, |params: DocumentSymbolParams| {
                    self.of_snapshot(&params.text_document.uri, |snapshot| Some(symbols::symbols(snapshot)))
                })
            }
            FoldingRangeRequest::METHOD => answer::<FoldingRangeRequest, _>(params, |params: FoldingRangeParams| {
                self.of_snapshot(&params.text_document.uri, |snapshot| Some(symbols::foldings(snapshot)))
            }),
            DocumentLinkRequest::METHOD => answer::<DocumentLinkRequest, _>(params, |params: DocumentLinkParams| {
                self.of_snapshot(&params.text_document.uri, |snapshot| Some(symbols::links(snapshot)))
            }),
            GotoDefinition::METHOD => answer::<GotoDefinition, _>(params, |params: GotoDefinitionParams| {
                let TextDocumentPositionParams { text_document, position } = params.text_document_position_params;
                let uri = text_document.uri;
                self.of_snapshot(&layer_list::configuration(&uri), move |snapshot| {
                    layer_list::definition(snapshot, &uri, position).map(GotoDefinitionResponse::Scalar)
                })
            }),
            LayerList::METHOD => answer::<LayerList, _>(params, |params: LayerListParams| {
                self.of_snapshot(&layer_list::configuration(&params.uri), layer_list::list)
            }),
            ExecuteCommand::METHOD => answer::<ExecuteCommand, _>(params, |params| self.execute_command(params)),
            _ => Box::pin(ready(Err(error(ErrorCode::MethodNotFound, format!("espq has no method `{method}`"))))),
        }
    }

    /// Handles a notification; one that is unknown, malformed or too early is ignored, as LSP requires.
    fn notified(&self, notification: Notification) {
        use notification::*;
        if self.phase != Phase::Running {
            return;
        }
        let lsp_server::Notification { method, params } = notification;
        let event = match method.as_str() {
            Initialized::METHOD => Some(Event::Ready),
            DidOpenTextDocument::METHOD => read::<DidOpenTextDocument>(params).map(|opened| {
                let TextDocumentItem { uri, version, text, .. } = opened.text_document;
                Event::Opened { uri, version, text }
            }),
            DidChangeTextDocument::METHOD => read::<DidChangeTextDocument>(params).map(|changed| {
                let VersionedTextDocumentIdentifier { uri, version } = changed.text_document;
                Event::Changed { uri, version, changes: changed.content_changes }
            }),
            DidCloseTextDocument::METHOD => {
                read::<DidCloseTextDocument>(params).map(|closed| Event::Closed(closed.text_document.uri))
            }
            DidChangeWatchedFiles::METHOD => read::<DidChangeWatchedFiles>(params)
                .map(|params| Event::FilesChanged(params.changes.iter().map(|change| file_of(&change.uri)).collect())),
            WorkDoneProgressCancel::METHOD => {
                read::<WorkDoneProgressCancel>(params).into_iter().for_each(|params| self.shown.cancel(&params.token));
                None
            }
            Cancel::METHOD => {
                read::<Cancel>(params).into_iter().for_each(|params| self.cancel(params.id));
                None
            }
            _ => None,
        };
        event.into_iter().for_each(|event| self.send(event));
    }

    /// Ends a request, which is then answered by an error.
    fn cancel(&self, id: NumberOrString) {
        let id = match id {
            NumberOrString::Number(id) => RequestId::from(id),
            NumberOrString::String(id) => RequestId::from(id),
        };
        lock(&self.running).get(&id).into_iter().for_each(AbortHandle::abort);
    }

    fn send(&self, event: Event) {
        // The state task ends only with the runtime.
        let _ = self.events.send(event);
    }

    fn ask(&self, uri: &Url, is_linted: bool) -> oneshot::Receiver<Snapshot> {
        let (asker, answer) = oneshot::channel();
        self.send(Event::Ask { uri: uri.clone(), is_linted, asker });
        answer
    }

    fn initialize(&mut self, params: &InitializeParams) -> impl Future<Output = Result<InitializeResult>> + use<> {
        self.abilities = Abilities::of(params);
        self.send(Event::Initialized(self.abilities));
        ready(Ok(InitializeResult {
            capabilities: capabilities(self.abilities),
            server_info: Some(ServerInfo {
                name: "espq".to_string(),
                version: Some(env!("CARGO_PKG_VERSION").to_string()),
            }),
        }))
    }

    fn shutdown(&self) -> impl Future<Output = Result<()>> + use<> {
        self.send(Event::Shutdown);
        ready(Ok(()))
    }

    fn diagnostic(
        &self,
        params: DocumentDiagnosticParams,
    ) -> impl Future<Output = Result<DocumentDiagnosticReportResult>> + use<> {
        let uri = params.text_document.uri;
        let (answer, related) = (self.ask(&uri, true), self.abilities.related_information);
        async move {
            let snapshot = answer.await.map_err(|_| not_open(&uri))?;
            let places = snapshot.places();
            let findings = snapshot.findings.of_files();
            let items = findings.iter().map(|finding| diagnostic(finding, &places, &uri, related)).collect();
            let full_document_diagnostic_report = FullDocumentDiagnosticReport { result_id: None, items };
            let report =
                RelatedFullDocumentDiagnosticReport { related_documents: None, full_document_diagnostic_report };
            Ok(DocumentDiagnosticReportResult::Report(DocumentDiagnosticReport::Full(report)))
        }
    }

    fn code_action(
        &self,
        params: CodeActionParams,
    ) -> impl Future<Output = Result<Option<CodeActionResponse>>> + use<> {
        let answer = self.ask(&params.text_document.uri, true);
        let (engine, abilities) = (self.engine.clone(), self.abilities);
        async move {
            let Ok(snapshot) = answer.await else { return Ok(None) };
            Ok(Some(actions::at(&engine, snapshot, abilities, params.range, &params.context).await))
        }
    }

    fn code_action_resolve(&self, action: CodeAction) -> impl Future<Output = Result<CodeAction>> + use<> {
        let asked = Pending::of(&action).map(|pending| (self.ask(&pending.uri, false), pending));
        let work = self.work();
        async move {
            let (answer, pending) = asked?;
            let snapshot = answer.await.map_err(|_| not_open(&pending.uri))?;
            measured::resolve(work, snapshot, pending, action).await
        }
    }

    fn hover(&self, params: HoverParams) -> impl Future<Output = Result<Option<Hover>>> + use<> {
        let TextDocumentPositionParams { text_document, position } = params.text_document_position_params;
        let (answer, abilities) = (self.ask(&text_document.uri, false), self.abilities);
        async move {
            let Ok(snapshot) = answer.await else { return Ok(None) };
            Ok(hover::at(&snapshot, position, abilities.markdown))
        }
    }

    /// Answers from the state of a document; `None` if it is not open.
    fn of_snapshot<T, F>(&self, uri: &Url, found: F) -> impl Future<Output = Result<Option<T>>> + use<T, F>
    where
        F: FnOnce(&Snapshot) -> Option<T> + Send + 'static,
    {
        let answer = self.ask(uri, false);
        async move { Ok(answer.await.ok().and_then(|snapshot| found(&snapshot))) }
    }

    fn completion(&self, params: CompletionParams) -> impl Future<Output = Result<Option<CompletionResponse>>> + use<> {
        let TextDocumentPositionParams { text_document, position } = params.text_document_position;
        let answer = self.ask(&text_document.uri, false);
        async move {
            let Ok(snapshot) = answer.await else { return Ok(None) };
            Ok(Some(CompletionResponse::Array(completion::at(&snapshot, position))))
        }
    }

    fn execute_command(&self, params: ExecuteCommandParams) -> impl Future<Output = Result<Option<Value>>> + use<> {
        let asked = commands::document(&params).map(|uri| (self.ask(&uri, false), uri));
        let work = self.work();
        async move {
            let (answer, uri) = asked?;
            let snapshot = answer.await.map_err(|_| not_open(&uri))?;
            match params.command.as_str() {
                commands::ANALYZE => {
                    // The state task ends only with the runtime.
                    let _ = work.events.send(Event::Analyze(uri));
                    Ok(None)
                }
                commands::EXPORT => commands::export(work, snapshot).await,
                commands::SMALLEST_SET => commands::smallest_set(work, snapshot).await,
                other => Err(invalid(format!("espq has no command `{other}`: it has {}", COMMANDS.join(", ")))),
            }
        }
    }

    fn work(&self) -> commands::Work {
        commands::Work {
            client: self.client.clone(),
            engine: self.engine.clone(),
            shown: self.shown.clone(),
            abilities: self.abilities,
            events: self.events.clone(),
        }
    }
}

/// Calls the handler of a request with its parameters.
fn answer<R, F>(params: Value, handler: impl FnOnce(R::Params) -> F) -> Answer
where
    R: request::Request,
    F: Future<Output = Result<R::Result>> + Send + 'static,
{
    let params = match serde_json::from_value(params) {
        Ok(params) => params,
        Err(e) => return Box::pin(ready(Err(invalid(format!("parameters of `{}`: {e}", R::METHOD))))),
    };
    let result = handler(params);
    Box::pin(
        async move { serde_json::to_value(result.await?).map_err(|e| error(ErrorCode::InternalError, e.to_string())) },
    )
}

fn read<N: notification::Notification>(params: Value) -> Option<N::Params> {
    serde_json::from_value(params).ok()
}

fn lock(
    running: &Mutex<HashMap<RequestId, AbortHandle>>,
) -> std::sync::MutexGuard<'_, HashMap<RequestId, AbortHandle>> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

fn not_open(uri: &Url) -> ResponseError {
    invalid(format!("{uri} is not open"))
}

pub fn invalid(message: String) -> ResponseError {
    error(ErrorCode::InvalidParams, message)
}

fn capabilities(abilities: Abilities) -> ServerCapabilities {
    let sync = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::INCREMENTAL),
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
        inlay_hint_provider: Some(OneOf::Left(true)),
        code_lens_provider: Some(CodeLensOptions { resolve_provider: Some(false) }),
        document_symbol_provider: Some(OneOf::Left(true)),
        folding_range_provider: Some(FoldingRangeProviderCapability::Simple(true)),
        document_link_provider: Some(DocumentLinkOptions {
            resolve_provider: Some(false),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        }),
        definition_provider: Some(OneOf::Left(true)),
        experimental: Some(serde_json::json!({ "layerList": true })),
        execute_command_provider: Some(ExecuteCommandOptions {
            commands: COMMANDS.map(str::to_string).to_vec(),
            ..ExecuteCommandOptions::default()
        }),
        ..ServerCapabilities::default()
    }
}
