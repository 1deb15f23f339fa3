//! Queue of diagnostics for the client: only the newest of each document, even if the client reads slowly.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use lsp_types::notification::PublishDiagnostics;
use lsp_types::{Diagnostic, PublishDiagnosticsParams, Url};
use tokio::sync::Notify;

use super::client::Client;

#[derive(Default)]
pub struct Outbox {
    waiting: Mutex<HashMap<Url, Letter>>,
    arrived: Notify,
}

struct Letter {
    version: Option<i32>,
    diagnostics: Vec<Diagnostic>,
}

impl Outbox {
    /// Replaces queued diagnostics of the same document.
    pub fn post(&self, uri: Url, version: Option<i32>, diagnostics: Vec<Diagnostic>) {
        let letter = Letter { version, diagnostics };
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(uri, letter);
        self.arrived.notify_one();
    }

    fn take(&self) -> Option<(Url, Letter)> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let uri = waiting.keys().next().cloned()?;
        waiting.remove_entry(&uri)
    }

    pub async fn deliver(self: Arc<Outbox>, client: Client) {
        loop {
            while let Some((uri, Letter { version, diagnostics })) = self.take() {
                client.notify::<PublishDiagnostics>(PublishDiagnosticsParams { uri, diagnostics, version }).await;
            }
            self.arrived.notified().await;
        }
    }
}
