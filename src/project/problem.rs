//! Problems of a configuration: message, place, and the text that would be right.

use crate::text::{Edit, Span};

/// Kinds of problems, one for each lint rule about the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// Not TOML.
    Syntax,
    /// A key or table that espq does not have.
    UnknownKey,
    /// A value of the wrong type, or none of those allowed.
    InvalidValue,
    /// A required key that the text does not have.
    MissingKey,
}

/// Something in the text that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Kind, by which lint chooses the rule.
    pub kind: ProblemKind,
    /// Empty for what the text does not hold.
    pub span: Span,
    /// One sentence without a full stop.
    pub message: String,
    /// Advice, without a full stop.
    pub help: Option<String>,
    /// The dotted key that it is about; of an unknown key, the one that is likely meant. Empty for lines that are not
    /// TOML.
    pub key: String,
    /// The edit to a near name, which is likely meant.
    pub suggestion: Option<Edit>,
}

impl Problem {
    /// Makes a problem without help or suggestion.
    pub fn new(kind: ProblemKind, key: &str, span: Span, message: impl Into<String>) -> Problem {
        Problem { kind, span, message: message.into(), help: None, key: key.to_string(), suggestion: None }
    }

    /// Sets what to do.
    pub fn with_help(mut self, help: impl Into<String>) -> Problem {
        self.help = Some(help.into());
        self
    }
}
