//! Problems of a configuration: message, place, and the text that would be right.

use crate::text::{Edit, Span};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// Not TOML.
    Syntax,
    UnknownKey,
    /// A value of the wrong type, or none of those allowed.
    InvalidValue,
    MissingKey,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub kind: ProblemKind,
    /// Empty for what the text does not hold.
    pub span: Span,
    /// One sentence without a full stop.
    pub message: String,
    pub help: Option<String>,
    /// The dotted key that it is about; of an unknown key, the one that is likely meant. Empty for lines that are not
    /// TOML.
    pub key: String,
    /// The edit to a near name, which is likely meant.
    pub suggestion: Option<Edit>,
}

impl Problem {
    pub fn new(kind: ProblemKind, key: &str, span: Span, message: impl Into<String>) -> Problem {
        Problem { kind, span, message: message.into(), help: None, key: key.to_string(), suggestion: None }
    }

    pub fn with_help(mut self, help: impl Into<String>) -> Problem {
        self.help = Some(help.into());
        self
    }
}
