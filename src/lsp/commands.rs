//! Commands of the editor. Each runs on its own thread, with progress, and is answered when it is done.

use std::collections::HashMap;
use std::sync::Arc;

use lsp_server::{ErrorCode, ResponseError};
use lsp_types::request::ApplyWorkspaceEdit;
use lsp_types::{
    ApplyWorkspaceEditParams, DocumentChanges, ExecuteCommandParams, MessageType, OneOf,
    OptionalVersionedTextDocumentIdentifier, TextDocumentEdit, TextEdit, Url, WorkspaceEdit,
};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use crate::engine::{Engine, ExportOptions, Token, Watch};
use crate::lint::{Fix, Measure};
use crate::text::Edit;
use crate::text::units::count;

use super::abilities::Abilities;
use super::client::{Client, Level, Result, error};
use super::document::Snapshot;
use super::measured;
use super::progress::{self, ANSWER, Meter, Shown};
use super::server::invalid;
use super::state::Event;

pub const ANALYZE: &str = "espq.analyze";
pub const EXPORT: &str = "espq.export";
pub const SMALLEST_SET: &str = "espq.smallestSet";
pub const COMMANDS: [&str; 3] = [ANALYZE, EXPORT, SMALLEST_SET];

/// Context of a command.
pub struct Work {
    pub client: Client,
    pub engine: Arc<Engine>,
    pub shown: Arc<Shown>,
    pub abilities: Abilities,
    pub events: UnboundedSender<Event>,
}

/// Returns the document of a command, whose URI is the first argument.
pub fn document(params: &ExecuteCommandParams) -> Result<Url> {
    let uri = params.arguments.first().and_then(Value::as_str).and_then(|text| Url::parse(text).ok());
    uri.ok_or_else(|| invalid(format!("`{}` needs the URI of an espq.toml as its argument", params.command)))
}

/// Exports the text in its current state in the editor, to files beside the model.
pub async fn export(work: Work, snapshot: Snapshot) -> Result<Option<Value>> {
    let project = snapshot.project.clone();
    let engine = work.engine.clone();
    let done = run(&work, "exporting", Token::new(), move |watch| {
        if let Some(problem) = project.problems.first() {
            return Err(crate::Error::new(format!("export refused: {}", problem.message))
                .with_help("fix the errors that are underlined in the configuration, then export again"));
        }
        let test_values = project.config.export.test_values();
        let opened = engine.open(project.clone());
        if let Some(other) = opened.replaced(None)? {
            let refusal = other.refusal(&other.project.display().to_string());
            return Err(refusal.with_help("give one of them a name of its own: set `name` in [export]"));
        }
        let exported = opened.export(ExportOptions { test_values, encrypt: false }, watch)?;
        exported.check()?;
        let written = exported.write(&project, None)?;
        Ok((exported.espdl.len(), written, exported.differences, exported.over_limit))
    });
    let (bytes, written, differences, over_limit) = done.await?;
    let Some(file) = written.first() else { return Ok(None) };
    let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
    let mut said = format!("Exported {name}: {bytes} bytes.");
    for difference in &differences {
        work.client.log(Level::Info, format!("{name}: difference from esp-ppq: {difference}")).await;
    }
    if !differences.is_empty() {
        said += &format!(
            " It differs from esp-ppq's output in {}; see the output channel.",
            count(differences.len(), "way")
        );
    }
    said.extend(over_limit.iter().map(|sentence| format!(" But {sentence}.")));
    let level = if over_limit.is_empty() { MessageType::INFO } else { MessageType::WARNING };
    work.client.show_message(level, said).await;
    Ok(Some(json!({ "files": written })))
}

/// Searches the smallest set of layers at int16 that brings the outputs under their limit, and edits the text.
pub async fn smallest_set(work: Work, snapshot: Snapshot) -> Result<Option<Value>> {
    let fix = match measured::measure(&work, &snapshot, &Measure::SmallestSet).await? {
        Ok(fix) => fix,
        Err(reason) => {
            work.client.show_message(MessageType::WARNING, reason).await;
            return Ok(None);
        }
    };
    if !work.abilities.applies_edits {
        return Err(failed("this editor does not apply edits from a server"));
    }
    let edit = workspace_edit(&snapshot, work.abilities, &fix);
    let edit = ApplyWorkspaceEditParams { label: None, edit };
    match tokio::time::timeout(ANSWER, work.client.request::<ApplyWorkspaceEdit>(edit)).await {
        Ok(Ok(answer)) if answer.applied => {
            work.client.show_message(MessageType::INFO, fix.title.clone()).await;
            Ok(Some(json!({ "title": fix.title })))
        }
        Ok(Ok(answer)) => Err(failed(answer.failure_reason.as_deref().unwrap_or("the editor did not apply the edit"))),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(failed("the editor did not answer")),
    }
}

/// Converts a fix to the client's edit, with the version of its text if the client accepts versions.
pub fn workspace_edit(snapshot: &Snapshot, abilities: Abilities, fix: &Fix) -> WorkspaceEdit {
    edits(snapshot, abilities, &fix.edits)
}

pub fn edits(snapshot: &Snapshot, abilities: Abilities, edits: &[Edit]) -> WorkspaceEdit {
    let places = snapshot.places();
    let edits = edits.iter().map(|edit| TextEdit { range: places.range(&edit.span), new_text: edit.text.clone() });
    let uri = snapshot.uri.clone();
    if !abilities.versioned_edits {
        return WorkspaceEdit::new(HashMap::from([(uri, edits.collect())]));
    }
    let text_document = OptionalVersionedTextDocumentIdentifier { uri, version: Some(snapshot.version) };
    let edit = TextDocumentEdit { text_document, edits: edits.map(OneOf::Left).collect() };
    WorkspaceEdit { document_changes: Some(DocumentChanges::Edits(vec![edit])), ..WorkspaceEdit::default() }
}

/// Runs work that can be cancelled, either through its progress, which cancels the token, or by dropping this future.
pub async fn run<T: Send + 'static>(
    work: &Work,
    title: &str,
    token: Token,
    job: impl FnOnce(&Watch) -> crate::Result<T> + Send + 'static,
) -> Result<T> {
    let meter: Arc<Meter> = Arc::default();
    if work.abilities.progress {
        let title = format!("espq: {title}");
        tokio::spawn(progress::show(work.client.clone(), work.shown.clone(), title, meter.clone(), token.clone()));
    }
    aside(token, meter, job).await
}

/// Runs work on its own thread. If the result is no longer awaited, the work ends after its current unit.
pub async fn aside<T: Send + 'static>(
    token: Token,
    meter: Arc<Meter>,
    job: impl FnOnce(&Watch) -> crate::Result<T> + Send + 'static,
) -> Result<T> {
    struct Unwanted(Token);
    impl Drop for Unwanted {
        fn drop(&mut self) {
            self.0.cancel();
        }
    }
    let (sender, done) = oneshot::channel();
    let own = token.child();
    let _unwanted = Unwanted(own.clone());
    let thread = std::thread::Builder::new().name("command".to_string()).spawn(move || {
        let watch = Watch { token: &own, progress: &*meter };
        let outcome = job(&watch);
        meter.end();
        // The requester may be gone.
        let _ = sender.send(outcome);
    });
    thread.map_err(|e| failed(&format!("cannot start a thread: {e}")))?;
    match done.await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) if error.is_cancelled() => Err(cancelled()),
        Ok(Err(error)) => Err(failed(&error.to_string())),
        Err(_) => Err(failed("internal error: the worker ended without a result")),
    }
}

fn cancelled() -> ResponseError {
    error(ErrorCode::RequestCanceled, "cancelled")
}

/// Makes LSP's `RequestFailed`: the request was valid, but could not be fulfilled.
fn failed(why: &str) -> ResponseError {
    error(ErrorCode::RequestFailed, why)
}
