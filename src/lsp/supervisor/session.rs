//! State of a session that the client has told and does not repeat: what a new server is told at its start.

use lsp_server::{Notification, Request, RequestId};
use lsp_types::notification::{
    DidChangeConfiguration, DidChangeTextDocument, DidChangeWatchedFiles, DidChangeWorkspaceFolders,
    DidCloseTextDocument, DidOpenTextDocument, DidSaveTextDocument, Initialized, Notification as _,
};
use lsp_types::request::{ExecuteCommand, Initialize, Request as _};
use lsp_types::{DidOpenTextDocumentParams, PositionEncodingKind, TextDocumentItem, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::text::Encoding;

use super::client::body;
use crate::lsp::{document, position};

#[derive(Default)]
pub struct Session {
    /// Parameters of `initialize`.
    initialize: Option<Value>,
    encoding: Encoding,
    initialized: Option<Notification>,
    /// Newest configuration.
    configuration: Option<Notification>,
    /// Changes of the workspace's folders since `initialize`.
    folders: Vec<Notification>,
    /// Open documents with their current texts, in the order in which they were opened.
    documents: Vec<TextDocumentItem>,
}

/// Returns `true` for messages after which a server may work on something else, or that the user has sent.
pub fn is_change(method: &str) -> bool {
    matches!(
        method,
        Initialize::METHOD
            | DidOpenTextDocument::METHOD
            | DidChangeTextDocument::METHOD
            | DidSaveTextDocument::METHOD
            | DidCloseTextDocument::METHOD
            | DidChangeConfiguration::METHOD
            | DidChangeWorkspaceFolders::METHOD
            | DidChangeWatchedFiles::METHOD
            | ExecuteCommand::METHOD
    )
}

impl Session {
    pub fn begin(initialize: Value) -> Session {
        Session { initialize: Some(initialize), ..Session::default() }
    }

    /// Reads the encoding of positions from the answer to `initialize`.
    pub fn announce(&mut self, result: &RawValue) {
        #[derive(Deserialize)]
        struct Answer {
            capabilities: Capabilities,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Capabilities {
            position_encoding: Option<PositionEncodingKind>,
        }
        let answer = serde_json::from_str::<Answer>(result.get());
        let announced = answer.ok().and_then(|answer| answer.capabilities.position_encoding);
        self.encoding = announced.and_then(|announced| position::encoding(announced.as_str())).unwrap_or_default();
    }

    /// Notes a notification of the client. One that is malformed or too early is ignored, as by the server.
    pub fn note(&mut self, notification: Notification) {
        if self.initialize.is_none() {
            return;
        }
        match notification.method.as_str() {
            Initialized::METHOD => self.initialized = Some(notification),
            DidChangeConfiguration::METHOD => self.configuration = Some(notification),
            DidChangeWorkspaceFolders::METHOD => self.folders.push(notification),
            DidOpenTextDocument::METHOD => read::<DidOpenTextDocument>(notification).into_iter().for_each(|opened| {
                self.close(&opened.text_document.uri);
                self.documents.push(opened.text_document);
            }),
            DidCloseTextDocument::METHOD => read::<DidCloseTextDocument>(notification)
                .into_iter()
                .for_each(|closed| self.close(&closed.text_document.uri)),
            DidChangeTextDocument::METHOD => self.change(notification),
            _ => {}
        }
    }

    pub fn is_open(&self, uri: &str) -> bool {
        self.documents.iter().any(|document| document.uri.as_str() == uri)
    }

    fn close(&mut self, uri: &Url) {
        self.documents.retain(|document| document.uri != *uri);
    }

    /// Applies changes as the server does, with late ones ignored.
    fn change(&mut self, notification: Notification) {
        let Some(changed) = read::<DidChangeTextDocument>(notification) else { return };
        let (uri, version) = (changed.text_document.uri, changed.text_document.version);
        let Some(document) = self.documents.iter_mut().find(|d| d.uri == uri && version > d.version) else { return };
        document.text = document::changed(&document.text, changed.content_changes, self.encoding);
        document.version = version;
    }

    /// Returns the messages for a new server; `initialize` has this id.
    pub fn replay(&self, id: RequestId) -> Vec<Vec<u8>> {
        let Some(params) = &self.initialize else { return Vec::new() };
        let initialize = Request { id, method: Initialize::METHOD.to_string(), params: params.clone() };
        let notifications = self.initialized.iter().chain(&self.configuration).chain(&self.folders);
        let opened = self.documents.iter().map(|document| {
            let params = DidOpenTextDocumentParams { text_document: document.clone() };
            body(&Notification::new(DidOpenTextDocument::METHOD.to_string(), params))
        });
        [body(&initialize)].into_iter().chain(notifications.map(body)).chain(opened).collect()
    }
}

fn read<N>(notification: Notification) -> Option<N::Params>
where
    N: lsp_types::notification::Notification,
    N::Params: DeserializeOwned,
{
    serde_json::from_value(notification.params).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn note(session: &mut Session, method: &str, params: Value) {
        session.note(Notification { method: method.to_string(), params });
    }

    fn open(session: &mut Session, uri: &str, text: &str) {
        let document = json!({ "uri": uri, "languageId": "toml", "version": 1, "text": text });
        note(session, "textDocument/didOpen", json!({ "textDocument": document }));
    }

    fn change(session: &mut Session, version: i32, change: Value) {
        let document = json!({ "uri": "file:///a.toml", "version": version });
        note(session, "textDocument/didChange", json!({ "textDocument": document, "contentChanges": [change] }));
    }

    fn replayed(session: &Session) -> Vec<Value> {
        let bodies = session.replay(RequestId::from(7));
        bodies.iter().map(|body| serde_json::from_slice(body).unwrap()).collect()
    }

    /// Returns version and text of the last replayed document.
    fn last(session: &Session) -> (Value, Value) {
        let opened = replayed(session).pop().unwrap()["params"]["textDocument"].clone();
        (opened["version"].clone(), opened["text"].clone())
    }

    /// Replaces the two columns behind `a\u{1f600}` in the announced encoding.
    fn replaced(encoding: &str, start: u32) -> Value {
        let mut session = Session::begin(json!({}));
        let answer = json!({ "capabilities": { "positionEncoding": encoding } }).to_string();
        session.announce(serde_json::from_str(&answer).unwrap());
        open(&mut session, "file:///a.toml", "x\na\u{1f600}bc\n");
        let at = |character| json!({ "line": 1, "character": character });
        change(&mut session, 2, json!({ "range": { "start": at(start), "end": at(start + 2) }, "text": "\u{e4}" }));
        last(&session).1
    }

    #[test]
    fn changes_apply_in_the_announced_encoding() {
        for (encoding, start) in [("utf-8", 5), ("utf-16", 3), ("utf-32", 2)] {
            assert_eq!(replaced(encoding, start), "x\na\u{1f600}\u{e4}\n", "{encoding}");
        }
    }

    #[test]
    fn late_and_unknown_changes_are_ignored() {
        let mut session = Session::begin(json!({}));
        change(&mut session, 2, json!({ "text": "not open" }));
        open(&mut session, "file:///a.toml", "first");
        change(&mut session, 3, json!({ "text": "third" }));
        change(&mut session, 2, json!({ "text": "second" }));
        assert_eq!(last(&session), (json!(3), json!("third")));
    }

    #[test]
    fn a_new_server_is_told_what_holds_in_the_order_of_a_session() {
        let mut session = Session::default();
        note(&mut session, "initialized", json!({}));
        assert_eq!(replayed(&session), Vec::<Value>::new());

        session = Session::begin(json!({ "rootUri": null }));
        note(&mut session, "initialized", json!({}));
        open(&mut session, "file:///closed.toml", "");
        open(&mut session, "file:///a.toml", "");
        for analyze in ["save", "manual"] {
            note(&mut session, "workspace/didChangeConfiguration", json!({ "settings": { "analyze": analyze } }));
        }
        note(&mut session, "workspace/didChangeWorkspaceFolders", json!({ "event": 1 }));
        note(&mut session, "workspace/didChangeWorkspaceFolders", json!({ "event": 2 }));
        note(&mut session, "textDocument/didSave", json!({ "textDocument": { "uri": "file:///a.toml" } }));
        note(&mut session, "textDocument/didClose", json!({ "textDocument": { "uri": "file:///closed.toml" } }));
        let told = replayed(&session);
        let methods: Vec<&str> = told.iter().map(|m| m["method"].as_str().unwrap()).collect();
        let folders = "workspace/didChangeWorkspaceFolders";
        let settings = "workspace/didChangeConfiguration";
        assert_eq!(methods, ["initialize", "initialized", settings, folders, folders, "textDocument/didOpen"]);
        assert_eq!((&told[0]["id"], &told[0]["params"]), (&json!(7), &json!({ "rootUri": null })));
        assert_eq!(told[2]["params"]["settings"]["analyze"], "manual");
        assert_eq!(told[5]["params"]["textDocument"]["uri"], "file:///a.toml");
    }
}
