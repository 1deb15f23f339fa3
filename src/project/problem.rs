//! Problems of a configuration: message, place, and the text that would be right.

use std::ops::Range;

/// Bytes of the configuration's text; empty for what the text does not hold.
pub type Span = Range<usize>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// Not TOML.
    Syntax,
    UnknownKey,
    /// A value of the wrong type, or none of those allowed.
    InvalidValue,
    MissingKey,
}

/// Another text for a problem's span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    pub span: Span,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub kind: ProblemKind,
    pub span: Span,
    /// One sentence without a full stop.
    pub message: String,
    pub help: Option<String>,
    /// The dotted key that it is about; of an unknown key, the one that is likely meant. Empty for lines that are not
    /// TOML.
    pub key: String,
    /// The nearest known name, if any is near.
    pub suggestion: Option<Suggestion>,
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
