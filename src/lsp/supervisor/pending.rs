//! Messages that something is still due to: requests without an answer, progress without an end, diagnostics that are shown.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use lsp_server::{RequestId, Response};
use lsp_types::NumberOrString;
use lsp_types::request::{
    DocumentDiagnosticRequest, Initialize, RegisterCapability, Request, Shutdown, WorkspaceDiagnosticRequest,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::client::body;

/// Head of a server's message; the rest is not read.
#[derive(Deserialize)]
pub struct Head<'m> {
    pub id: Option<RequestId>,
    pub method: Option<String>,
    #[serde(borrow)]
    pub params: Option<&'m RawValue>,
    #[serde(borrow)]
    pub result: Option<&'m RawValue>,
}

/// Way of a server's message.
#[derive(Debug, PartialEq, Eq)]
pub enum Relay {
    /// To the client, as it is.
    Unchanged,
    ToClient(Vec<u8>),
    /// Back to the server, as an answer.
    ToServer(Vec<u8>),
    Nowhere,
}

/// Meaning of a request for the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Initialize,
    Shutdown,
    /// Request for diagnostics: clients repeat it if they are told to, and give up after a few other errors.
    Diagnostics,
    Other,
}

impl Role {
    pub fn of(method: &str) -> Role {
        match method {
            Initialize::METHOD => Role::Initialize,
            Shutdown::METHOD => Role::Shutdown,
            DocumentDiagnosticRequest::METHOD | WorkspaceDiagnosticRequest::METHOD => Role::Diagnostics,
            _ => Role::Other,
        }
    }
}

#[derive(Default)]
pub struct Pending {
    /// Requests of the client.
    asked: BTreeMap<RequestId, Role>,
    /// Requests of the servers, by the id that the client knows them by.
    asks: BTreeMap<i32, Asks>,
    /// Last of these ids; servers count from 1, each for itself.
    last: i32,
    /// Ids of what servers have registered with the client.
    registered: HashSet<String>,
    progress: Vec<NumberOrString>,
    /// Documents whose diagnostics the client shows.
    shown: BTreeSet<String>,
}

/// Request of a server.
struct Asks {
    /// Id that the server knows it by; `None` once it is dead.
    id: Option<RequestId>,
    registrations: Vec<String>,
}

/// Number of requests that wait for the client. A server waits for seconds; one that is older is not awaited any more.
const MOST: usize = 1000;

#[derive(Serialize)]
struct Relabeled<'m> {
    id: i32,
    method: &'m str,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<&'m RawValue>,
}

impl Pending {
    /// Notes a request of the client.
    pub fn asked(&mut self, id: RequestId, role: Role) {
        self.asked.insert(id, role);
    }

    /// Returns the id of `initialize`, until it is answered.
    pub fn initialize(&self) -> Option<RequestId> {
        self.asked.iter().find(|(_, role)| **role == Role::Initialize).map(|(id, _)| id.clone())
    }

    /// Returns the role of a request that a server has answered, if the client waits for it.
    pub fn served(&mut self, id: &RequestId) -> Option<Role> {
        self.asked.remove(id)
    }

    /// Removes the requests that nobody answers any more: another server answers `initialize`, and without one, requests for
    /// diagnostics wait for it.
    pub fn unanswered(&mut self, is_served: bool) -> Vec<(RequestId, Role)> {
        let waits = if is_served { Role::Initialize } else { Role::Diagnostics };
        let (kept, removed) = std::mem::take(&mut self.asked).into_iter().partition(|(_, role)| *role == waits);
        self.asked = kept;
        removed.into_iter().collect()
    }

    /// Removes the requests for diagnostics that have waited for a server.
    pub fn waiting(&mut self) -> Vec<RequestId> {
        let waiting: Vec<RequestId> =
            self.asked.iter().filter(|(_, role)| **role == Role::Diagnostics).map(|(id, _)| id.clone()).collect();
        self.asked.retain(|_, role| *role != Role::Diagnostics);
        waiting
    }

    /// Notes diagnostics of a document, or that it has none any more.
    pub fn published(&mut self, params: Option<&RawValue>) {
        #[derive(Deserialize)]
        struct Published {
            uri: String,
            diagnostics: Vec<serde::de::IgnoredAny>,
        }
        let Some(Ok(published)) = params.map(|params| serde_json::from_str::<Published>(params.get())) else { return };
        match published.diagnostics.is_empty() {
            true => self.shown.remove(&published.uri),
            false => self.shown.insert(published.uri),
        };
    }

    /// Removes the documents with diagnostics that are not open: no later server knows of them.
    pub fn closed(&mut self, is_open: impl Fn(&str) -> bool) -> Vec<String> {
        let (open, closed): (BTreeSet<String>, BTreeSet<String>) =
            std::mem::take(&mut self.shown).into_iter().partition(|uri| is_open(uri));
        self.shown = open;
        closed.into_iter().collect()
    }

    /// Relays a request of a server. One that registers only what is registered is answered at once.
    pub fn asks(&mut self, id: &RequestId, method: &str, params: Option<&RawValue>) -> Relay {
        let registrations = if method == RegisterCapability::METHOD { registrations(params) } else { Vec::new() };
        if !registrations.is_empty() && registrations.iter().all(|registration| self.registered.contains(registration))
        {
            return Relay::ToServer(body(&Response { id: id.clone(), response_result: Ok(Value::Null) }));
        }
        self.registered.extend(registrations.iter().cloned());
        self.last = self.last.wrapping_add(1);
        self.asks.insert(self.last, Asks { id: Some(id.clone()), registrations });
        if self.asks.len() > MOST {
            self.asks.pop_first();
        }
        Relay::ToClient(body(&Relabeled { id: self.last, method, params }))
    }

    /// Returns the client's answer as the server that asked knows it; `None` if that one is dead.
    pub fn answered(&mut self, response: Response) -> Option<Vec<u8>> {
        let Response { id, response_result } = response;
        let number = id.to_string().parse().ok()?;
        let Asks { id, registrations } = self.asks.remove(&number)?;
        if response_result.is_err() {
            self.registered.retain(|registered| !registrations.contains(registered));
        }
        Some(body(&Response { id: id?, response_result }))
    }

    /// Notes a beginning or an end of progress.
    pub fn progress(&mut self, params: Option<&RawValue>) {
        #[derive(Deserialize)]
        struct Step {
            token: NumberOrString,
            value: Value,
        }
        let Some(Ok(Step { token, value })) = params.map(|params| serde_json::from_str(params.get())) else { return };
        match value["kind"].as_str() {
            Some("begin") => self.progress.push(token),
            Some("end") => self.progress.retain(|begun| *begun != token),
            _ => {}
        }
    }

    /// Forgets what a dead server asked the client, and returns the progress that it did not end.
    pub fn forget_server(&mut self) -> Vec<NumberOrString> {
        self.asks.values_mut().for_each(|asks| asks.id = None);
        std::mem::take(&mut self.progress)
    }
}

/// Ids of registrations.
fn registrations(params: Option<&RawValue>) -> Vec<String> {
    #[derive(Deserialize)]
    struct Params {
        registrations: Vec<Registration>,
    }
    #[derive(Deserialize)]
    struct Registration {
        id: String,
    }
    let params = params.and_then(|params| serde_json::from_str::<Params>(params.get()).ok());
    params.into_iter().flat_map(|params| params.registrations).map(|registration| registration.id).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn raw(value: &Value) -> Box<RawValue> {
        serde_json::value::to_raw_value(value).unwrap()
    }

    /// Sends a request of a server with this id, and returns what the client or the server then gets.
    fn asks(pending: &mut Pending, id: i32, method: &str, params: &Value) -> (&'static str, Value) {
        let read = |body: Vec<u8>| serde_json::from_slice(&body).unwrap();
        match pending.asks(&RequestId::from(id), method, Some(&raw(params))) {
            Relay::ToClient(body) => ("to client", read(body)),
            Relay::ToServer(body) => ("to server", read(body)),
            Relay::Unchanged | Relay::Nowhere => panic!("relayed unchanged"),
        }
    }

    fn answered(pending: &mut Pending, id: i32, result: Result<Value, &str>) -> Option<Value> {
        let error = |message: &str| super::super::client::error(lsp_server::ErrorCode::RequestFailed, message);
        let response = Response { id: RequestId::from(id), response_result: result.map_err(error) };
        pending.answered(response).map(|body| serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn answers_reach_only_the_server_that_asked() {
        let mut pending = Pending::default();
        let (_, first) = asks(&mut pending, 1, "a", &json!([1]));
        assert_eq!(first, json!({ "jsonrpc": "2.0", "id": 1, "method": "a", "params": [1] }));
        pending.forget_server();
        let (_, second) = asks(&mut pending, 1, "b", &json!([2]));
        assert_eq!(second["id"], 2);
        assert_eq!(answered(&mut pending, 1, Ok(json!("for the dead"))), None);
        let answer = json!({ "jsonrpc": "2.0", "id": 1, "result": "for the second" });
        assert_eq!(answered(&mut pending, 2, Ok(json!("for the second"))), Some(answer));
        assert_eq!(answered(&mut pending, 2, Ok(json!("again"))), None);
    }

    #[test]
    fn what_is_registered_is_not_registered_again_unless_the_client_refused() {
        let method = "client/registerCapability";
        let files = json!({ "registrations": [{ "id": "files", "method": "m" }] });
        let mut pending = Pending::default();
        assert_eq!(asks(&mut pending, 1, method, &files).0, "to client");
        let answer = json!({ "jsonrpc": "2.0", "id": 1, "result": null });
        assert_eq!(asks(&mut pending, 1, method, &files), ("to server", answer));
        answered(&mut pending, 1, Err("no"));
        assert_eq!(asks(&mut pending, 2, method, &files).0, "to client");
    }

    #[test]
    fn progress_without_an_end_is_returned() {
        let mut pending = Pending::default();
        for (token, kind) in [("a", "begin"), ("b", "begin"), ("a", "report"), ("a", "end")] {
            pending.progress(Some(&raw(&json!({ "token": token, "value": { "kind": kind } }))));
        }
        assert_eq!(pending.forget_server(), [NumberOrString::String("b".to_string())]);
        assert_eq!(pending.forget_server(), []);
    }

    #[test]
    fn initialize_waits_for_another_server() {
        let mut pending = Pending::default();
        pending.asked(RequestId::from(1), Role::Initialize);
        pending.asked(RequestId::from(2), Role::Other);
        assert_eq!(pending.unanswered(true), [(RequestId::from(2), Role::Other)]);
        assert_eq!(pending.unanswered(false), [(RequestId::from(1), Role::Initialize)]);
    }
}
