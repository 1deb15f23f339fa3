//! Supervisor: runs the server as a process of its own, and starts another when it dies, so that the session goes on.
//!
//! One thread decides, in the order of the messages; others read and write, and each reader waits until its message has
//! been taken. Messages are relayed as they are, but for the ids of the server's requests.
//! Never: the engine, findings, anything that can fail by a project.

mod death;
mod pending;
mod process;
mod session;

use std::io::{Write, stderr, stdin, stdout};
use std::process::{Command, ExitCode, ExitStatus};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use lsp_server::{ErrorCode, Message, Notification, Request, RequestId, Response, ResponseError};
use lsp_types::notification::{Notification as _, Progress, PublishDiagnostics, ShowMessage};
use lsp_types::{MessageType, NumberOrString, ShowMessageParams};
use serde::Serialize;
use serde_json::{Value, json};

use crate::Result;

use super::client::{self, error, refusal};
use super::lifecycle::Phase;
use super::{FAREWELL, thread};

use death::Death;
use pending::{Head, Pending, Relay, Role};
use process::{Relayed, Server};
use session::Session;

/// Event of the session.
enum Event {
    FromClient(Relayed),
    ClientGone,
    /// Message of the server with this number.
    FromServer(u64, Relayed),
    /// The server with this number has ended.
    Died(u64, ExitStatus),
}

struct Supervisor {
    command: Command,
    events: Sender<Event>,
    client: Sender<Relayed>,
    /// Running server; without one, the next change starts it.
    server: Option<Server>,
    /// Number of servers so far.
    started: u64,
    phase: Phase,
    session: Session,
    pending: Pending,
    /// The client has changed something since the server was started: another one may fare better.
    has_changed: bool,
    is_ending: bool,
    /// Last message to the user, if no server has sent anything since: it is not repeated with each edit.
    shown: Option<String>,
}

/// Time that a server has to end before it is killed: twice what it gives a client that does not read.
const PATIENCE: Duration = Duration::from_secs(2 * FAREWELL.as_secs());

/// Relays between the client and a server that the command starts, until `exit` or the end of the input.
///
/// The exit code is the server's. An error comes before anything is read from the client.
pub fn supervise(command: Command) -> Result<ExitCode> {
    let (events, received) = channel();
    let (client, to_client) = channel();
    let (written, all_written) = channel();
    let mut supervisor = Supervisor {
        command,
        events: events.clone(),
        client,
        server: None,
        started: 0,
        phase: Phase::New,
        session: Session::default(),
        pending: Pending::default(),
        has_changed: false,
        is_ending: false,
        shown: None,
    };
    supervisor.start()?;
    thread("output", move || {
        process::write(&to_client, stdout().lock());
        // The supervisor may have given up waiting.
        let _ = written.send(());
    })?;
    thread("input", move || {
        process::relay(stdin().lock(), |message| events.send(Event::FromClient(message)).is_ok());
        // The supervisor has ended.
        let _ = events.send(Event::ClientGone);
    })?;
    let code = supervisor.run(&received);
    // Its sender is gone, so the thread that writes ends; unless the client does not read.
    let _ = all_written.recv_timeout(FAREWELL);
    Ok(ExitCode::from(code))
}

/// Error of a request for diagnostics that the client is to send again.
fn again() -> ResponseError {
    let data = Some(json!({ "retriggerRequest": true }));
    ResponseError { data, ..error(ErrorCode::ServerCancelled, "the server was started again") }
}

impl Supervisor {
    /// Handles events until the session ends, and returns the exit code.
    fn run(mut self, events: &Receiver<Event>) -> u8 {
        while let Some(event) = self.next(events) {
            let end = match event {
                Event::FromClient(message) => self.hear_client(message),
                Event::ClientGone => self.leave(None),
                Event::FromServer(number, message) if self.is_current(number) => {
                    self.hear_server(message);
                    None
                }
                Event::Died(number, status) if self.is_current(number) => self.died(status),
                Event::FromServer(..) | Event::Died(..) => None,
            };
            if let Some(code) = end {
                return code;
            }
        }
        self.phase.exit_code()
    }

    /// Waits for an event; at the end of the session only for a time, after which the server is killed.
    fn next(&self, events: &Receiver<Event>) -> Option<Event> {
        if !self.is_ending {
            return events.recv().ok();
        }
        let event = events.recv_timeout(PATIENCE).ok();
        if event.is_none() {
            self.server.iter().for_each(Server::kill);
        }
        event
    }

    fn is_current(&self, number: u64) -> bool {
        self.server.as_ref().is_some_and(|server| server.number == number)
    }

    /// Starts a server and tells it what the client has told those before.
    fn start(&mut self) -> Result<()> {
        self.started += 1;
        let server = Server::start(&mut self.command, self.started, &self.events)?;
        // The client has the answer to `initialize` already, unless that server died at it.
        let id = self.pending.initialize().unwrap_or_else(|| RequestId::from("espq-again".to_string()));
        self.session.replay(id).into_iter().for_each(|body| server.send(Relayed::own(body)));
        self.server = Some(server);
        self.has_changed = false;
        self.clear_closed();
        Ok(())
    }

    /// Removes diagnostics of documents that are closed: the server that published them is dead.
    fn clear_closed(&mut self) {
        for uri in self.pending.closed(|uri| self.session.is_open(uri)) {
            self.notify(PublishDiagnostics::METHOD, json!({ "uri": uri, "diagnostics": [] }));
        }
    }

    fn hear_client(&mut self, message: Relayed) -> Option<u8> {
        match super::stdin::parse(&message.body) {
            Ok(Message::Request(request)) => self.request(request, message),
            Ok(Message::Notification(notification)) if notification.method == "exit" => {
                return self.leave(Some(message));
            }
            Ok(Message::Notification(notification)) => self.notification(notification, message),
            Ok(Message::Response(response)) => {
                if let Some(body) = self.pending.answered(response) {
                    self.to_server(message.with(body));
                }
            }
            Err(_) if self.server.is_some() => self.to_server(message),
            Err(refused) => self.to_client(&refusal(&refused)),
        }
        None
    }

    fn request(&mut self, request: Request, message: Relayed) {
        let Request { id, method, params } = request;
        let role = match self.phase.after(&method) {
            Ok(phase) => {
                self.phase = phase;
                Role::of(&method)
            }
            Err(refused) if self.server.is_none() => return self.answer(id, Err(refused)),
            // The server answers the same.
            Err(_) => Role::Other,
        };
        if role == Role::Initialize {
            self.session = Session::begin(params);
        }
        self.pending.asked(id, role);
        if self.is_revived(&method) && role == Role::Initialize {
            // It was told at its start.
            return;
        }
        match self.server {
            Some(_) => self.to_server(message),
            None => self.fail("the server has stopped, and starts again with the next edit"),
        }
    }

    fn notification(&mut self, notification: Notification, message: Relayed) {
        let method = notification.method.clone();
        self.session.note(notification);
        if !self.is_revived(&method) {
            self.to_server(message);
        }
    }

    /// Counts a change. Returns `true` if it has started a server that was missing, which then knows what was noted before.
    fn is_revived(&mut self, method: &str) -> bool {
        if !session::is_change(method) {
            return false;
        }
        self.has_changed = true;
        if self.server.is_some() || self.phase != Phase::Running {
            return false;
        }
        match self.start() {
            Ok(()) => {
                self.pending.waiting().into_iter().for_each(|id| self.answer(id, Err(again())));
                true
            }
            Err(error) => {
                self.show(format!("espq: {error}. Restart the server in the editor."));
                false
            }
        }
    }

    fn hear_server(&mut self, message: Relayed) {
        self.shown = None;
        match self.route(&message.body) {
            Relay::Unchanged => self.forward(message),
            Relay::ToClient(body) => self.forward(message.with(body)),
            Relay::ToServer(body) => self.to_server(message.with(body)),
            Relay::Nowhere => {}
        }
    }

    fn route(&mut self, body: &[u8]) -> Relay {
        let Ok(head) = serde_json::from_slice::<Head>(body) else { return Relay::Unchanged };
        match (&head.id, head.method.as_deref()) {
            (Some(id), Some(method)) => self.pending.asks(id, method, head.params),
            (Some(id), None) => match self.pending.served(id) {
                Some(role) => {
                    match (role, head.result) {
                        (Role::Initialize, Some(result)) => self.session.announce(result),
                        // Refused; the client may try again.
                        (Role::Initialize, None) => (self.phase, self.session) = (Phase::New, Session::default()),
                        _ => {}
                    }
                    Relay::Unchanged
                }
                None => Relay::Nowhere,
            },
            (None, Some(PublishDiagnostics::METHOD)) => {
                self.pending.published(head.params);
                Relay::Unchanged
            }
            (None, Some(Progress::METHOD)) => {
                self.pending.progress(head.params);
                Relay::Unchanged
            }
            (None, _) => Relay::Unchanged,
        }
    }

    /// Ends what the dead server has begun, and starts another one unless it would only die again.
    fn died(&mut self, status: ExitStatus) -> Option<u8> {
        self.server = None;
        self.clear_closed();
        if self.is_ending {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            return Some(code.unwrap_or(self.phase.exit_code()));
        }
        let death = Death::of(status);
        // Nobody may read it.
        let _ = writeln!(stderr(), "espq: the server has stopped: {}", death.words());
        self.pending.forget_server().into_iter().for_each(|token| self.end_progress(token));
        let next = match self.phase {
            Phase::Running if self.has_changed => {
                self.start().map(|()| "It was started again, with the open documents")
            }
            _ => Ok("It starts again with the next edit"),
        };
        self.fail(&format!("the server has stopped while it worked on this: {}", death.words()));
        match (self.phase, next) {
            (Phase::Running, Ok(next)) => {
                self.show(format!("The espq server has stopped: {}. {next}. {}", death.words(), death.advice()));
            }
            (Phase::Running, Err(error)) => {
                self.show(format!("The espq server has stopped: {}, and {error}. {}", death.words(), death.advice()));
            }
            (Phase::New | Phase::Down, _) => {}
        }
        None
    }

    /// Answers the requests that no server is going to answer.
    fn fail(&mut self, why: &str) {
        let failed = || Err(error(ErrorCode::InternalError, why));
        for (id, role) in self.pending.unanswered(self.server.is_some()) {
            match role {
                Role::Shutdown => self.answer(id, Ok(Value::Null)),
                Role::Initialize => {
                    // The client may try again.
                    (self.phase, self.session) = (Phase::New, Session::default());
                    self.answer(id, failed());
                }
                Role::Diagnostics => self.answer(id, Err(again())),
                Role::Other => self.answer(id, failed()),
            }
        }
    }

    /// Ends the session: the server ends after this message, or without one at the end of its input.
    fn leave(&mut self, last: Option<Relayed>) -> Option<u8> {
        self.is_ending = true;
        let Some(server) = &mut self.server else { return Some(self.phase.exit_code()) };
        if let Some(message) = last {
            server.send(message);
        }
        server.hang_up();
        None
    }

    fn answer(&self, id: RequestId, result: client::Result<Value>) {
        self.to_client(&Response { id, response_result: result });
    }

    fn end_progress(&self, token: NumberOrString) {
        self.notify(Progress::METHOD, json!({ "token": token, "value": { "kind": "end" } }));
    }

    fn show(&mut self, message: String) {
        if self.shown.as_ref() == Some(&message) {
            return;
        }
        self.shown = Some(message.clone());
        let params = ShowMessageParams { typ: MessageType::ERROR, message };
        self.notify(ShowMessage::METHOD, json!(params));
    }

    fn notify(&self, method: &str, params: Value) {
        self.to_client(&Notification { method: method.to_string(), params });
    }

    fn to_client(&self, message: &impl Serialize) {
        self.forward(Relayed::own(client::body(message)));
    }

    fn forward(&self, message: Relayed) {
        // A client that has closed the connection needs no messages.
        let _ = self.client.send(message);
    }

    fn to_server(&self, message: Relayed) {
        if let Some(server) = &self.server {
            server.send(message);
        }
    }
}
