//! `espq lsp`: the language server, for editors.

use std::process::{Command, ExitCode};

use crate::engine::Engine;
use crate::{Error, Result, memory};

use super::cache;

/// Runs the language server over stdin and stdout
///
/// Editors start it; extensions for VS Code and Neovim are in editors/ of espq's source. Results are shared with `espq
/// lint`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    cache: cache::Arguments,

    /// Accepted for editors that pass it; stdin and stdout are always used
    #[arg(long, hide = true)]
    stdio: bool,

    /// Serves in this process, which a panic ends; without it, this process only starts others and survives them
    #[arg(long, hide = true)]
    unsupervised: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let _ = arguments.stdio;
    if !arguments.unsupervised {
        memory::small_pages();
        match command().and_then(crate::lsp::supervise) {
            Ok(code) => return Ok(code),
            // A session that ends with a fault is better than none.
            Err(error) => super::tell(&format!("warning: the server is not started again if it stops: {error}")),
        }
    }
    memory::huge_pages();
    crate::lsp::serve(Engine::new(arguments.cache.chosen()))
}

/// Makes the command of the server's own process: this one with the same arguments.
fn command() -> Result<Command> {
    let this = std::env::current_exe().map_err(|e| Error::new(format!("espq's own path is unknown: {e}")))?;
    let mut command = Command::new(this);
    command.args(std::env::args_os().skip(1)).arg("--unsupervised");
    Ok(command)
}
