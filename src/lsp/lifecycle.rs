//! Phases of a session, and the messages that each accepts.

use lsp_server::{ErrorCode, ResponseError};

use super::client::{Result, error};

/// Phase of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Before `initialize`.
    New,
    /// Between `initialize` and `shutdown`.
    Running,
    /// After `shutdown`.
    Down,
}

impl Phase {
    /// Returns the phase after a request, or the error to answer it with.
    pub fn after(self, method: &str) -> Result<Phase> {
        match (self, method) {
            (Phase::New, "initialize") => Ok(Phase::Running),
            (Phase::New, _) => Err(error(ErrorCode::ServerNotInitialized, "`initialize` comes first")),
            (Phase::Running, "initialize") => Err(refused("the server is initialized already")),
            (Phase::Running, "shutdown") => Ok(Phase::Down),
            (Phase::Running, _) => Ok(Phase::Running),
            (Phase::Down, _) => Err(refused("the server has shut down")),
        }
    }

    /// Returns the exit code that LSP defines: 0 after `shutdown`, otherwise 1.
    pub fn exit_code(self) -> u8 {
        u8::from(self != Phase::Down)
    }
}

fn refused(why: &str) -> ResponseError {
    error(ErrorCode::InvalidRequest, why)
}
