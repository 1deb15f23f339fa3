//! Problems of a configuration: message, span and suggested edit.

use crate::text::{Edit, Span};

/// Kinds of problems, one for each lint rule about the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// Text that is not TOML.
    Syntax,
    /// Unknown key or table.
    UnknownKey,
    /// Value of the wrong type, or a word that is not allowed.
    InvalidValue,
    /// Required key that is missing.
    MissingKey,
    /// File that cannot be read as text.
    Unreadable,
}

/// Part of the text that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Kind, by which lint selects the rule.
    pub kind: ProblemKind,
    /// Bytes of the text; empty for something missing.
    pub span: Span,
    /// One sentence without a full stop.
    pub message: String,
    /// Advice, without a full stop.
    pub help: Option<String>,
    /// Dotted key; for an unknown key, the one that is likely meant. Empty for lines that are not TOML.
    pub key: String,
    /// Edit to the name that is likely meant.
    pub suggestion: Option<Edit>,
}

impl Problem {
    /// Makes a problem without help or suggestion.
    pub fn new(kind: ProblemKind, key: &str, span: Span, message: impl Into<String>) -> Problem {
        Problem { kind, span, message: message.into(), help: None, key: key.to_string(), suggestion: None }
    }

    /// Sets the help.
    pub fn with_help(mut self, help: impl Into<String>) -> Problem {
        self.help = Some(help.into());
        self
    }
}
