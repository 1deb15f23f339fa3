//! The client, as the server sees it: notifications and requests to it, and its answers.

use std::collections::HashMap;
use std::io::Write;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use lsp_server::{ErrorCode, RequestId, Response, ResponseError};
use lsp_types::notification::{LogMessage, Notification, ShowMessage};
use lsp_types::request::Request;
use lsp_types::{LogMessageParams, MessageType, ShowMessageParams};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

/// Result of a request: its error is the client's to show.
pub type Result<T> = std::result::Result<T, ResponseError>;

/// Handle of the client. Sending waits until the message before it has been taken, so that what is not sent yet can be
/// replaced by something newer.
#[derive(Clone)]
pub struct Client {
    out: mpsc::Sender<Vec<u8>>,
    asked: Arc<Mutex<Asked>>,
    /// Level of the log, as its number.
    level: Arc<AtomicU8>,
}

/// Level of the log; each has the messages of those before it, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    Off,
    Error,
    Warning,
    #[default]
    Info,
    Debug,
}

impl Level {
    pub const ALL: [(&str, Level); 5] = [
        ("off", Level::Off),
        ("error", Level::Error),
        ("warning", Level::Warning),
        ("info", Level::Info),
        ("debug", Level::Debug),
    ];
}

/// Requests to the client that it has not answered yet.
#[derive(Default)]
struct Asked {
    last: i32,
    waiting: HashMap<RequestId, oneshot::Sender<Response>>,
}

#[derive(Serialize)]
struct JsonRpc<T> {
    jsonrpc: &'static str,
    #[serde(flatten)]
    message: T,
}

impl Client {
    /// Makes a client, with the messages for [`write`].
    pub fn new() -> (Client, mpsc::Receiver<Vec<u8>>) {
        let (out, messages) = mpsc::channel(1);
        let level = Arc::new(AtomicU8::new(Level::default() as u8));
        (Client { out, asked: Arc::default(), level }, messages)
    }

    pub async fn notify<N: Notification>(&self, params: N::Params) {
        self.send(lsp_server::Notification { method: N::METHOD.to_string(), params: to_json(&params) }).await;
    }

    pub async fn request<R: Request>(&self, params: R::Params) -> Result<R::Result> {
        let (asker, answer) = oneshot::channel();
        let id = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            // Those that the server no longer waits for.
            asked.waiting.retain(|_, asker| !asker.is_closed());
            asked.last = asked.last.wrapping_add(1);
            let id = RequestId::from(asked.last);
            asked.waiting.insert(id.clone(), asker);
            id
        };
        self.send(lsp_server::Request { id, method: R::METHOD.to_string(), params: to_json(&params) }).await;
        let gone = |_| error(ErrorCode::InternalError, "the connection has ended");
        let result = answer.await.map_err(gone)?.response_result?;
        serde_json::from_value(result).map_err(|e| error(ErrorCode::ParseError, format!("{}: {e}", R::METHOD)))
    }

    pub async fn show_message(&self, typ: MessageType, message: impl Into<String>) {
        self.notify::<ShowMessage>(ShowMessageParams { typ, message: message.into() }).await;
    }

    pub fn set_level(&self, level: Level) {
        self.level.store(level as u8, Ordering::Relaxed);
    }

    /// Writes a line to the client's log, if its level has it.
    pub async fn log(&self, level: Level, message: impl Into<String>) {
        if level as u8 > self.level.load(Ordering::Relaxed) {
            return;
        }
        let typ = match level {
            Level::Off | Level::Error => MessageType::ERROR,
            Level::Warning => MessageType::WARNING,
            Level::Info => MessageType::INFO,
            Level::Debug => MessageType::LOG,
        };
        self.notify::<LogMessage>(LogMessageParams { typ, message: message.into() }).await;
    }

    /// Answers a request of the client.
    pub async fn answer(&self, id: RequestId, response_result: Result<Value>) {
        self.send(Response { id, response_result }).await;
    }

    /// Answers a message that cannot be read.
    pub async fn refuse(&self, refused: ResponseError) {
        self.send(refusal(&refused)).await;
    }

    /// Takes the client's answer to a request of the server's.
    pub fn answered(&self, response: Response) {
        let asker = self.asked.lock().unwrap_or_else(PoisonError::into_inner).waiting.remove(&response.id);
        if let Some(asker) = asker {
            // An answer that nobody waits for any more needs no reader.
            let _ = asker.send(response);
        }
    }

    async fn send(&self, message: impl Serialize) {
        // A client that has closed the connection needs no messages.
        let _ = self.out.send(body(&message)).await;
    }
}

/// Writes messages until the last handle of the client is gone, or the client does not read any more.
pub fn write(mut messages: mpsc::Receiver<Vec<u8>>, mut out: impl Write) {
    while let Some(body) = messages.blocking_recv() {
        if send(&mut out, &body).is_err() {
            return;
        }
    }
}

/// Writes one message.
pub fn send(out: &mut impl Write, body: &[u8]) -> std::io::Result<()> {
    // At once: parts of a message would wake the reader for nothing.
    let mut message = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    message.extend_from_slice(body);
    out.write_all(&message)?;
    out.flush()
}

/// Body of a message.
pub fn body(message: &impl Serialize) -> Vec<u8> {
    // The protocol's types have no maps with keys other than strings, which is the only way to fail.
    serde_json::to_vec(&JsonRpc { jsonrpc: "2.0", message }).unwrap_or_default()
}

/// Answer to a message that cannot be read, whose id is not known.
pub fn refusal(refused: &ResponseError) -> Value {
    json!({ "id": null, "error": refused })
}

pub fn error(code: ErrorCode, message: impl Into<String>) -> ResponseError {
    ResponseError { code: code as i32, message: message.into(), data: None }
}

/// The protocol's types have no maps with keys other than strings, which is the only way to fail.
fn to_json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
