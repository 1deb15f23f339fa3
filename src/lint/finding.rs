//! Findings, and the edits that mend them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::text::{Edit, Span};

use super::{Measure, Rule};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; alone it lets a hook pass.
    Info,
    Warning,
    Error,
}

/// One thing that is wrong, at one place of the configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// "E002"
    pub code: Cow<'static, str>,
    /// "layer-over-limit"
    pub name: Cow<'static, str>,
    pub severity: Severity,
    /// Bytes of the configuration's text; empty where the text does not hold what is missing.
    pub span: Span,
    /// One sentence without a full stop.
    pub message: String,
    /// The layer that it is about, if it is about one.
    pub layer: Option<String>,
    /// What to do.
    pub help: Option<String>,
    pub related: Vec<Related>,
    /// The best first.
    pub fixes: Vec<Fix>,
    /// A fix that nobody has measured yet.
    pub pending: Option<Measure>,
}

/// Another place, layer or file that belongs to a finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Related {
    pub message: String,
    pub span: Option<Span>,
    pub layer: Option<String>,
    /// The finding's message or the title of its fix names the layer already.
    pub is_named: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Safety {
    /// No result changes: the text only says what it was taken to mean, or what had no effect goes.
    Safe,
    /// Results change: precision, or a name whose meaning is guessed.
    Unsafe,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fix {
    /// "int16: output error 25.6% -> 9.1%, +13 KB flash"
    pub title: String,
    pub kind: FixKind,
    pub safety: Safety,
    /// Not overlapping, in the order of the text.
    pub edits: Vec<Edit>,
}

/// A fix by what it changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FixKind {
    /// Precisions of layers, with the effect that this measurement found.
    Precision(Measure),
    /// Keys of other tables, with the effect that was measured.
    Settings,
    /// A name or a value, to the one that was likely meant.
    Spelling,
    /// Text that is not TOML.
    Syntax,
}

impl Finding {
    pub fn new(rule: &Rule, span: Span, message: impl Into<String>) -> Finding {
        Finding {
            code: rule.code.into(),
            name: rule.name.into(),
            severity: rule.severity,
            span,
            message: message.into(),
            layer: None,
            help: None,
            related: Vec::new(),
            fixes: Vec::new(),
            pending: None,
        }
    }

    /// Takes the fixes away, which are edits of a text that has changed; the first that was measured is to be measured
    /// again.
    pub fn drop_fixes(&mut self) {
        let measures = self.fixes.drain(..).filter_map(|fix| match fix.kind {
            FixKind::Precision(measure) => Some(measure),
            FixKind::Settings | FixKind::Spelling | FixKind::Syntax => None,
        });
        let first = measures.reduce(|first, _| first);
        self.pending = self.pending.take().or(first);
    }

    pub fn with_help(mut self, help: impl Into<String>) -> Finding {
        self.help = Some(help.into());
        self
    }

    pub fn about(mut self, layer: impl Into<String>) -> Finding {
        self.layer = Some(layer.into());
        self
    }

    pub fn with_fix(mut self, fix: Fix) -> Finding {
        self.fixes.push(fix);
        self
    }
}
