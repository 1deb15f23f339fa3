//! Cancellation: work stops at its next tick.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Error, Result};

use super::{Progress, Stage};

/// Cancellation token, shared by the worker and the requester.
#[derive(Debug, Clone, Default)]
pub struct Token {
    cancelled: Arc<AtomicBool>,
    /// Tokens that also cancel this one.
    ancestors: Vec<Arc<AtomicBool>>,
}

impl Token {
    /// Makes a token that no other one cancels.
    pub fn new() -> Token {
        Token::default()
    }

    /// Makes a token that is cancelled with this one, or separately.
    pub fn child(&self) -> Token {
        let ancestors = self.ancestors.iter().chain([&self.cancelled]).cloned().collect();
        Token { cancelled: Arc::default(), ancestors }
    }

    /// Cancels this token and its children, for good.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Returns `true` once the token, or one that it descends from, is cancelled.
    pub fn is_cancelled(&self) -> bool {
        let is_set = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        is_set(&self.cancelled) || self.ancestors.iter().any(|ancestor| is_set(ancestor))
    }

    /// Fails with [`Error::cancelled`] once the token is cancelled.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(Error::cancelled()) } else { Ok(()) }
    }
}

/// Returns the result of an attempt; `None` if it is not possible, which is no error. Only a cancellation ends the work.
pub(super) fn possible<T>(attempt: Result<T>) -> Result<Option<T>> {
    match attempt {
        Err(error) if error.is_cancelled() => Err(error),
        attempt => Ok(attempt.ok()),
    }
}

/// Progress with a cancellation token.
pub struct Watch<'a> {
    /// Token that is checked at every tick.
    pub token: &'a Token,
    /// Receiver of stages, and of ticks that were not cancelled.
    pub progress: &'a dyn Progress,
}

impl Progress for Watch<'_> {
    fn begin(&self, stage: Stage, total: usize) {
        self.progress.begin(stage, total);
    }

    fn tick(&self) -> Result<()> {
        self.token.check()?;
        self.progress.tick()
    }

    fn best(&self, before: f64, after: f64) {
        self.progress.best(before, after);
    }

    fn check(&self) -> Result<()> {
        self.token.check()?;
        self.progress.check()
    }
}
