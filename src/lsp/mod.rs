//! The language server: what the engine finds, as an editor wants it.
//!
//! tower-lsp hands messages to handlers that run at once, so a handler passes what it was told to the one
//! [`state`] task before it awaits anything; that task alone owns the documents and never waits for work or for
//! the client. Work runs on [`worker`] threads, a document each. Results carry the generation of the text that
//! they belong to, and one of an older generation is dropped.
//! Never: a decision about quantization, a number that the engine did not give.

mod actions;
mod carry;
mod client;
mod commands;
mod completion;
mod diagnostics;
mod document;
mod hover;
mod lifecycle;
mod outbox;
mod position;
mod progress;
mod server;
mod state;
mod stdin;
mod watch;
mod worker;

use std::process::ExitCode;
use std::sync::Arc;

use tower_lsp::{LspService, Server};

use crate::engine::Engine;
use crate::{Error, Result};

use lifecycle::Lifecycle;
use server::Backend;

/// Requests that may wait at a time. Some wait for work; with tower-lsp's four, four of them would keep the edit
/// that makes them needless from being read.
const WAITING: usize = 256;

/// Serves one client over stdin and stdout until it says `exit` or is gone.
///
/// Ends with 0 after `shutdown` and `exit`, with 1 otherwise, as LSP has it.
pub fn serve(engine: Arc<Engine>) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|e| Error::new(format!("the system gives no thread to serve on: {e}")))?;
    let code = runtime.block_on(async {
        let (service, socket) = LspService::build(|client| Backend::new(client, engine))
            .custom_method("window/workDoneProgress/cancel", Backend::cancel_progress)
            .custom_method(stdin::REFUSE, Backend::refuse)
            .finish();
        let (service, ended) = Lifecycle::around(service);
        let (messages, input) = tokio::io::duplex(1 << 16);
        tokio::spawn(stdin::pass_on(tokio::io::stdin(), messages));
        let server = Server::new(input, tokio::io::stdout(), socket).concurrency_level(WAITING);
        ended.after(server.serve(service)).await
    });
    // The thread that reads stdin sits in a read that nothing ends, and one that measures would finish its sample.
    runtime.shutdown_background();
    Ok(ExitCode::from(code))
}
