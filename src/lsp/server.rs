//! Requests and notifications of the protocol, each forwarded to its module.

use std::collections::HashMap;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use lsp_server::{ErrorCode, Message, Notification, Request, RequestId, ResponseError};
use lsp_types::*;
use serde_json::Value;
use tokio::sync::mpsc::{Receiver, UnboundedSender, unbounded_channel};
use tokio::sync::{oneshot, watch};
use tokio::task::AbortHandle;

use crate::engine::Engine;

use super::abilities::{self, Abilities};
use super::client::{Client, Result, error};
use super::commands::{self, COMMANDS};
use super::diagnostics::Presentation;
use super::document::Snapshot;
use super::layer_list::{self, LayerList, LayerListParams};
use super::lifecycle::Phase;
use super::measured::{self, Pending};
use super::progress::Shown;
use super::state::{Event, State, Workspace, file_of};
use super::workspace::{self, Checked};
use super::{actions, capabilities, completion, hints, hover, semantic_tokens, settings, symbols};

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
    /// Number of changes of files, folders and open documents.
    changes: watch::Receiver<u64>,
    /// That number at the last answer about the workspace.
    answered: Arc<Mutex<Option<u64>>>,
}

/// Answer to a request.
type Answer = Pin<Box<dyn Future<Output = Result<Value>> + Send>>;

impl Server {
    pub fn new(client: Client, engine: Arc<Engine>) -> Server {
        let (events, received) = unbounded_channel();
        let shown = Arc::<Shown>::default();
        let state = State::new(client.clone(), engine.clone(), events.clone(), shown.clone());
        let changes = state.changes();
        tokio::spawn(state.run(received));
        let (abilities, running, answered) = (Abilities::default(), Arc::default(), Arc::default());
        Server { client, engine, events, shown, abilities, phase: Phase::New, running, changes, answered }
    }

    /// Handles messages until `exit` or the end of the input, and returns the exit code.
    pub async fn run(mut self, mut messages: Receiver<Result<Message>>) -> u8 {
        while let Some(message) = messages.recv().await {
            match message {
                Ok(Message::Request(request)) => self.begin(request).await,
                Ok(Message::Response(response)) => self.client.answered(response),
                Ok(Message::Notification(notification)) if notification.method == "exit" => break,
                Ok(Message::Notification(notification)) => self.notified(notification),
                Err(refused) => self.client.refuse(refused).await,
            }
        }
        self.phase.exit_code()
    }

    /// Starts a request, whose answer is sent when it is there; `initialize` and `shutdown` are answered before what follows
    /// them, which may be `exit`.
    async fn begin(&mut self, request: Request) {
        let Request { id, method, params } = request;
        let answer = match self.phase.after(&method) {
            Ok(phase) if phase == self.phase => self.handle(&method, params),
            Ok(phase) => {
                let result = self.handle(&method, params).await;
                // A client may correct what was refused.
                if result.is_ok() {
                    self.phase = phase;
                }
                return self.client.answer(id, result).await;
            }
            Err(refused) => return self.client.answer(id, Err(refused)).await,
        };
        let answer = tokio::spawn(answer);
        let (client, running) = (self.client.clone(), self.running.clone());
        lock(&running).insert(id.clone(), answer.abort_handle());
        tokio::spawn(async move {
            let result = match answer.await {
                Ok(result) => result,
                // The other reason, a panic, ends the process.
                Err(_) => Err(error(ErrorCode::RequestCanceled, "cancelled")),
            };
            lock(&running).remove(&id);
            client.answer(id, result).await;
        });
    }

    fn handle(&mut self, method: &str, params: Value) -> Answer {
        use request::*;
        match method {
            abilities::Initialize::METHOD => {
                answer::<abilities::Initialize, _>(params, |params| self.initialize(&params))
            }
            Shutdown::METHOD => answer::<Shutdown, _>(params, |()| self.shutdown()),
            DocumentDiagnosticRequest::METHOD => {
                answer::<DocumentDiagnosticRequest, _>(params, |params| self.diagnostic(params))
            }
            WorkspaceDiagnosticRequest::METHOD => {
                answer::<WorkspaceDiagnosticRequest, _>(params, |params| self.workspace_diagnostic(params))
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
                let abilities = self.abilities;
                self.of_snapshot(&params.text_document.uri, move |snapshot| Some(hints::lenses(snapshot, abilities)))
            }),
            SemanticTokensFullRequest::METHOD => {
                answer::<SemanticTokensFullRequest, _>(params, |params: SemanticTokensParams| {
                    self.of_snapshot(&params.text_document.uri, |snapshot| {
                        Some(SemanticTokensResult::Tokens(semantic_tokens::tokens(snapshot, None)))
                    })
                })
            }
            SemanticTokensRangeRequest::METHOD => {
                answer::<SemanticTokensRangeRequest, _>(params, |params: SemanticTokensRangeParams| {
                    let range = Some(params.range);
                    self.of_snapshot(&params.text_document.uri, move |snapshot| {
                        Some(SemanticTokensRangeResult::Tokens(semantic_tokens::tokens(snapshot, range)))
                    })
                })
            }
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
            DidSaveTextDocument::METHOD => {
                read::<DidSaveTextDocument>(params).map(|saved| Event::Saved(saved.text_document.uri))
            }
            DidChangeConfiguration::METHOD => read::<DidChangeConfiguration>(params).map(|changed| {
                // Clients that answer requests for settings send none here, or stale ones.
                match self.abilities.configures {
                    true => Event::ConfigurationChanged,
                    false => Event::Configured(settings::section(&changed.settings).clone()),
                }
            }),
            DidChangeWorkspaceFolders::METHOD => read::<DidChangeWorkspaceFolders>(params).map(|params| {
                let paths = |folders: &[WorkspaceFolder]| folders.iter().filter_map(workspace::path).collect();
                Event::FoldersChanged { added: paths(&params.event.added), removed: paths(&params.event.removed) }
            }),
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

    fn initialize(&mut self, params: &Value) -> impl Future<Output = Result<InitializeResult>> + use<> {
        let Some(capabilities) = params.get("capabilities").filter(|capabilities| capabilities.is_object()) else {
            return ready(Err(invalid("parameters of `initialize`: missing field `capabilities`".to_string())));
        };
        self.abilities = Abilities::of(capabilities);
        self.send(Event::Initialized {
            abilities: self.abilities,
            folders: workspace::folders(params),
            settings: settings::section(&params["initializationOptions"]).clone(),
        });
        ready(Ok(InitializeResult {
            capabilities: capabilities::of(self.abilities),
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
        let (answer, abilities) = (self.ask(&uri, true), self.abilities);
        async move {
            // The list of layers, and files that are no configurations, have none.
            let items = answer.await.map(|snapshot| static_items(&snapshot, abilities)).unwrap_or_default();
            let full_document_diagnostic_report = FullDocumentDiagnosticReport { result_id: None, items };
            let report =
                RelatedFullDocumentDiagnosticReport { related_documents: None, full_document_diagnostic_report };
            Ok(DocumentDiagnosticReportResult::Report(DocumentDiagnosticReport::Full(report)))
        }
    }

    /// Answers at once if there is something new, else after the next change: clients ask again and again.
    fn workspace_diagnostic(
        &self,
        params: WorkspaceDiagnosticParams,
    ) -> impl Future<Output = Result<WorkspaceDiagnosticReportResult>> + use<> {
        let (abilities, engine, events) = (self.abilities, self.engine.clone(), self.events.clone());
        let (mut changes, answered) = (self.changes.clone(), self.answered.clone());
        async move {
            loop {
                let epoch = *changes.borrow_and_update();
                let checked = checked(&events, &engine, abilities).await?;
                let (report, is_known) = workspace::report(checked, &params.previous_result_ids);
                let is_repeated = answered.lock().unwrap_or_else(PoisonError::into_inner).replace(epoch) == Some(epoch);
                // Without further changes, the server has ended.
                if !is_known || !is_repeated || changes.changed().await.is_err() {
                    return Ok(WorkspaceDiagnosticReportResult::Report(report));
                }
            }
        }
    }

    fn code_action(
        &self,
        params: CodeActionParams,
    ) -> impl Future<Output = Result<Option<CodeActionResponse>>> + use<> {
        let uri = params.text_document.uri;
        let is_list = uri.scheme() == layer_list::SCHEME;
        let answer = self.ask(&layer_list::configuration(&uri), true);
        let (engine, abilities) = (self.engine.clone(), self.abilities);
        async move {
            let Ok(snapshot) = answer.await else { return Ok(None) };
            let place = actions::Place::of(&snapshot, params.range, is_list);
            Ok(Some(actions::at(&engine, snapshot, abilities, place, &params.context).await))
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
        let is_list = text_document.uri.scheme() == layer_list::SCHEME;
        let answer = self.ask(&layer_list::configuration(&text_document.uri), false);
        let abilities = self.abilities;
        async move {
            let Ok(snapshot) = answer.await else { return Ok(None) };
            Ok(match is_list {
                true => hover::in_list(&snapshot, position, abilities.markdown),
                false => hover::at(&snapshot, position, abilities.markdown),
            })
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

/// Diagnostics of an open document that need no measurement.
fn static_items(snapshot: &Snapshot, abilities: Abilities) -> Vec<Diagnostic> {
    let shown =
        Presentation { uri: &snapshot.uri, places: snapshot.places(), knowledge: &snapshot.knowledge, abilities };
    snapshot.findings.of_files().iter().map(|finding| shown.diagnostic(finding)).collect()
}

/// Diagnostics of all projects of the workspace that need no measurement.
async fn checked(events: &UnboundedSender<Event>, engine: &Arc<Engine>, abilities: Abilities) -> Result<Vec<Checked>> {
    let (asker, answer) = oneshot::channel();
    // The state task ends only with the runtime.
    let _ = events.send(Event::AskWorkspace(asker));
    let Workspace { folders, open } = answer.await.unwrap_or_default();
    let files: Vec<_> = open.iter().map(file_of).collect();
    let mut checked = Vec::new();
    for uri in open {
        let (asker, answer) = oneshot::channel();
        let _ = events.send(Event::Ask { uri, is_linted: true, asker });
        // It may have been closed since.
        if let Ok(snapshot) = answer.await {
            let items = static_items(&snapshot, abilities);
            checked.push(Checked { uri: snapshot.uri, version: Some(i64::from(snapshot.version)), items });
        }
    }
    let engine = engine.clone();
    let others = move |watch: &crate::engine::Watch| workspace::check(&engine, &folders, &files, abilities, watch);
    checked.extend(commands::aside(crate::engine::Token::new(), Arc::default(), others).await?);
    Ok(checked)
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
