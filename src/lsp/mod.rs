//! The language server: presents the engine's results to editors.
//!
//! The [`supervisor`] runs it as a process of its own, and starts another one when it dies: nothing here catches a panic.
//! In that process, one thread reads messages and one writes them. The [`server`] takes them one after the other, and
//! passes each to the [`state`] task before it takes the next. Only that task owns the documents; it never waits for work or
//! for the client. Work runs on [`worker`] threads, one per document. Results carry the generation of their text, and those
//! of an older generation are dropped.
//! Never: decisions about quantization, figures that are not the engine's.

mod abilities;
mod actions;
mod capabilities;
mod client;
mod commands;
mod completion;
mod diagnostics;
mod document;
mod findings;
mod hints;
mod hover;
mod knowledge;
mod layer_list;
mod lifecycle;
mod measured;
mod outbox;
mod position;
mod progress;
mod semantic_tokens;
mod server;
mod settings;
mod stale_findings;
mod state;
mod stdin;
mod supervisor;
mod symbols;
mod watch;
mod worker;
mod workspace;

use std::io::stdout;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::engine::Engine;
use crate::{Error, Result};

use client::Client;
use server::Server;
pub use supervisor::supervise;

/// Number of messages that are read ahead of the server.
const AHEAD: usize = 64;
/// Time that the client has to read the last messages.
const FAREWELL: Duration = Duration::from_secs(1);

/// Serves one client over stdin and stdout until it sends `exit` or closes the connection.
///
/// The exit code is 0 after `shutdown` and `exit`, otherwise 1, as LSP defines.
pub fn serve(engine: Arc<Engine>) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(no_thread)?;
    let (client, outgoing) = Client::new();
    let (incoming, messages) = tokio::sync::mpsc::channel(AHEAD);
    let (written, all_written) = channel();
    thread("input", move || stdin::read(std::io::stdin().lock(), |message| incoming.blocking_send(message).is_ok()))?;
    thread("output", move || {
        client::write(outgoing, stdout().lock());
        // The server may have given up waiting.
        let _ = written.send(());
    })?;
    let code = runtime.block_on(async { Server::new(client, engine).run(messages).await });
    // The thread that reads stdin blocks in a read that cannot be interrupted, and one that measures would finish its
    // sample.
    runtime.shutdown_background();
    // All handles of the client are gone, so the thread that writes ends; unless the client does not read.
    let _ = all_written.recv_timeout(FAREWELL);
    Ok(ExitCode::from(code))
}

fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> Result<()> {
    std::thread::Builder::new().name(name.to_string()).spawn(run).map_err(no_thread)?;
    Ok(())
}

fn no_thread(error: std::io::Error) -> Error {
    Error::new(format!("cannot start a thread: {error}"))
}
