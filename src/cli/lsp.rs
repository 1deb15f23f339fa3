//! `espq lsp`: the language server, for editors.

use std::process::ExitCode;

use crate::Result;
use crate::engine::Engine;

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
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let _ = arguments.stdio;
    crate::lsp::serve(Engine::new(arguments.cache.chosen()))
}
