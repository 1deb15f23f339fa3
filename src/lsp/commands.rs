//! Commands of the editor: each on a thread of its own, with progress, answered when it is done.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::oneshot;
use tower_lsp::Client;
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::lsp_types::{
    DocumentChanges, ExecuteCommandParams, MessageType, OneOf, OptionalVersionedTextDocumentIdentifier,
    TextDocumentEdit, TextEdit, Url, WorkspaceEdit,
};

use crate::engine::{Depth, Engine, Token, Wanted, Watch};
use crate::lint::Fix;
use crate::text::units::percent;

use super::client::Abilities;
use super::document::Snapshot;
use super::progress::{self, ANSWER, Meter, Shown};
use super::worker::words;

pub const COMMANDS: [&str; 3] = ["espq.analyze", "espq.export", "espq.smallestSet"];

/// What a command works with.
pub struct Work {
    pub client: Client,
    pub engine: Arc<Engine>,
    pub shown: Arc<Shown>,
    pub abilities: Abilities,
}

/// The document that a command is about: every one takes its URI.
pub fn document(params: &ExecuteCommandParams) -> Result<Url> {
    let uri = params.arguments.first().and_then(Value::as_str).and_then(|text| Url::parse(text).ok());
    uri.ok_or_else(|| {
        Error::invalid_params(format!("`{}` wants the URI of an espq.toml as its argument", params.command))
    })
}

/// Writes the files of the text as it stands in the editor, beside the model.
pub async fn export(work: Work, snapshot: Snapshot) -> Result<Option<Value>> {
    let project = snapshot.project.clone();
    let engine = work.engine.clone();
    let done = run(&work, "exporting", Token::new(), move |watch| {
        if let Some(problem) = project.problems.first() {
            return Err(crate::Error::new(format!("nothing is written: {}", problem.message))
                .with_help("mend what is underlined in the configuration, then export again"));
        }
        let test_values = project.config.export.test_values();
        let exported = engine.open(project.clone()).export(Wanted { test_values, encrypt: false }, watch)?;
        if let Some(refusal) = exported.refusal() {
            return Err(refusal);
        }
        let written = exported.write(&project, None)?;
        Ok((exported.espdl.len(), written, exported.differences))
    });
    let (bytes, written, differences) = done.await?;
    let Some(file) = written.first() else { return Ok(None) };
    let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
    let mut said = format!("{name} is written: {bytes} bytes.");
    for difference in &differences {
        work.client.log_message(MessageType::INFO, format!("{name}: otherwise than esp-ppq: {difference}")).await;
    }
    if !differences.is_empty() {
        said += &format!(" In {} respects it is otherwise than esp-ppq's; see the log.", differences.len());
    }
    work.client.show_message(MessageType::INFO, said).await;
    Ok(Some(json!({ "files": written })))
}

/// Looks for the smallest set of layers at int16 that brings the outputs under their limit, and edits the text.
pub async fn smallest_set(work: Work, snapshot: Snapshot) -> Result<Option<Value>> {
    let (project, engine) = (snapshot.project.clone(), work.engine.clone());
    let findings =
        run(&work, "searching", snapshot.token.clone(), move |watch| engine.open(project).lint(Depth::Search, watch))
            .await?;
    let fixes = findings.iter().filter(|f| f.code == "E001").flat_map(|f| &f.fixes);
    let Some(fix) = fixes.clone().next() else {
        let limit = percent(snapshot.project.config.output_limit());
        let none = format!("No set of int16 layers was found that brings every output under {limit}.");
        work.client.show_message(MessageType::WARNING, none).await;
        return Ok(None);
    };
    if !work.abilities.applies_edits {
        return Err(failed("this editor does not take edits from a server"));
    }
    let edit = workspace_edit(&snapshot, work.abilities, fix);
    match tokio::time::timeout(ANSWER, work.client.apply_edit(edit)).await {
        Ok(Ok(answer)) if answer.applied => {
            work.client.show_message(MessageType::INFO, fix.title.clone()).await;
            Ok(Some(json!({ "title": fix.title })))
        }
        Ok(Ok(answer)) => Err(failed(answer.failure_reason.as_deref().unwrap_or("the editor did not take the edit"))),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(failed("the editor did not answer")),
    }
}

/// A fix as the editor applies it, to no other version of the text where it can tell versions apart.
pub fn workspace_edit(snapshot: &Snapshot, abilities: Abilities, fix: &Fix) -> WorkspaceEdit {
    let places = snapshot.places();
    let edits = fix.edits.iter().map(|edit| TextEdit { range: places.range(&edit.span), new_text: edit.text.clone() });
    let uri = snapshot.uri.clone();
    if !abilities.versioned_edits {
        return WorkspaceEdit::new(HashMap::from([(uri, edits.collect())]));
    }
    let text_document = OptionalVersionedTextDocumentIdentifier { uri, version: Some(snapshot.version) };
    let edit = TextDocumentEdit { text_document, edits: edits.map(OneOf::Left).collect() };
    WorkspaceEdit { document_changes: Some(DocumentChanges::Edits(vec![edit])), ..WorkspaceEdit::default() }
}

/// Work that may be cancelled, by its progress or by dropping what waits for it; a panic in it is an error.
async fn run<T: Send + 'static>(
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

/// On a thread of its own. Where the answer is no longer waited for, the work ends with its next unit.
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
        let outcome = catch_unwind(AssertUnwindSafe(|| job(&watch)));
        meter.end();
        // Who asked may have gone.
        let _ = sender.send(outcome);
    });
    thread.map_err(|e| failed(&format!("the system gives no thread to work on: {e}")))?;
    match done.await {
        Ok(Ok(Ok(done))) => Ok(done),
        Ok(Ok(Err(error))) if error.is_cancelled() => Err(cancelled()),
        Ok(Ok(Err(error))) => Err(failed(&error.to_string())),
        Ok(Err(panic)) => Err(failed(&format!("this is a bug in espq: {}", words(panic)))),
        Err(_) => Err(failed("the work ended without a word")),
    }
}

fn cancelled() -> Error {
    Error { code: ErrorCode::RequestCancelled, message: "cancelled".into(), data: None }
}

/// LSP's `RequestFailed`: the request was right, and could not be done all the same.
fn failed(why: &str) -> Error {
    Error { code: ErrorCode::ServerError(-32803), message: why.to_string().into(), data: None }
}
