//! `espq lsp`: the language server, for editors.

use std::process::ExitCode;

use crate::Result;
use crate::engine::{Engine, Options};

use super::cache;

/// Serves an editor: speaks the Language Server Protocol over stdin and stdout
///
/// Editors start it; see editors/ in espq's source for VS Code and Neovim. Results are shared with `espq lint`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    cache: cache::Arguments,

    /// Accepted for editors that pass it; espq always uses stdin and stdout
    #[arg(long, hide = true)]
    stdio: bool,
}

/// Bytes of float activations that are kept for the next edit of each project.
const ACTIVATIONS: usize = 512 << 20;

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let _ = arguments.stdio;
    crate::lsp::serve(Engine::new(Options { activations: ACTIVATIONS, cache: arguments.cache.chosen() }))
}
