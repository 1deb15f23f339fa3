//! Process of a server, and the threads that read and write messages.
//!
//! Never: the contents of messages.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Error, Result};

use super::super::{client, stdin, thread};
use super::Event;

/// Message on its way. Its reader takes the next one when this is gone, written or not.
pub struct Relayed {
    pub body: Vec<u8>,
    _reader: Option<Sender<()>>,
}

impl Relayed {
    /// Makes a message of the supervisor's.
    pub fn own(body: Vec<u8>) -> Relayed {
        Relayed { body, _reader: None }
    }

    /// Returns another message in the place of this one.
    pub fn with(self, body: Vec<u8>) -> Relayed {
        Relayed { body, ..self }
    }
}

/// Reads messages until the input ends or nobody takes them.
pub fn relay(input: impl BufRead, send: impl Fn(Relayed) -> bool) {
    stdin::bodies(input, |body| {
        let (reader, gone) = channel();
        let is_sent = send(Relayed { body, _reader: Some(reader) });
        // Nothing is ever sent: this ends with the other end.
        let _ = gone.recv();
        is_sent
    });
}

/// Writes messages until no more can come, or nobody reads any more.
pub fn write(messages: &Receiver<Relayed>, mut out: impl Write) {
    for message in messages {
        if client::send(&mut out, &message.body).is_err() {
            return;
        }
    }
}

/// Handle of a server's process, which ends without it.
pub struct Server {
    pub number: u64,
    process: Arc<Mutex<Child>>,
    input: Option<Sender<Relayed>>,
}

impl Server {
    /// Starts the process; `events` get its messages and its end.
    pub fn start(command: &mut Command, number: u64, events: &Sender<Event>) -> Result<Server> {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| Error::new(format!("the process of the server cannot be started: {e}")))?;
        let (input, messages) = channel();
        let (read, all_read) = channel::<()>();
        if let Some(stdin) = process.stdin.take() {
            thread("to server", move || write(&messages, stdin))?;
        }
        if let Some(stdout) = process.stdout.take() {
            let events = events.clone();
            thread("from server", move || {
                relay(BufReader::new(stdout), |message| events.send(Event::FromServer(number, message)).is_ok());
                drop(read);
            })?;
        }
        let process = Arc::new(Mutex::new(process));
        let (events, awaited) = (events.clone(), process.clone());
        thread("end of server", move || {
            // Nothing is ever sent: its output ends with it, after its last messages.
            let _ = all_read.recv();
            let Ok(status) = awaited.lock().unwrap_or_else(PoisonError::into_inner).wait() else { return };
            // The supervisor may have ended.
            let _ = events.send(Event::Died(number, status));
        })?;
        Ok(Server { number, process, input: Some(input) })
    }

    pub fn send(&self, message: Relayed) {
        if let Some(input) = &self.input {
            // A dead server needs no messages: its end is on the way.
            let _ = input.send(message);
        }
    }

    /// Ends a process that does not end itself, and waits for its end.
    pub fn kill(&self) {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        // It may have ended.
        let _ = process.kill();
        let _ = process.wait();
    }

    /// Closes the server's input after the messages so far.
    pub fn hang_up(&mut self) {
        self.input = None;
    }
}
