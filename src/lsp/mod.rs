//! The language server: presents the engine's results to editors.
//!
//! tower-lsp hands messages to handlers that run at once, so a handler passes its message to the [`state`] task before
//! its first await. Only that task owns the documents; it never waits for work or for the client. Work runs on
//! [`worker`] threads, one per document. Results carry the generation of their text, and those of an older generation
//! are dropped.
//! Never: decisions about quantization, figures that are not the engine's.

mod actions;
mod client;
mod commands;
mod completion;
mod diagnostics;
mod document;
mod findings;
mod hover;
mod knowledge;
mod lifecycle;
mod measured;
mod outbox;
mod position;
mod progress;
mod server;
mod stale_findings;
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

/// Maximum number of requests in progress. Some wait for work; with tower-lsp's default of four, four of them would
/// delay the edit that makes them obsolete.
const WAITING: usize = 256;

/// Serves one client over stdin and stdout until it sends `exit` or closes the connection.
///
/// The exit code is 0 after `shutdown` and `exit`, otherwise 1, as LSP defines.
pub fn serve(engine: Arc<Engine>) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|e| Error::new(format!("cannot start a thread: {e}")))?;
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
    // The thread that reads stdin blocks in a read that cannot be interrupted, and one that measures would finish its
    // sample.
    runtime.shutdown_background();
    Ok(ExitCode::from(code))
}
