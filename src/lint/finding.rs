//! Findings, and the edits that fix them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::text::{Edit, Span};

use super::{Measure, Rule};

/// Weight of a finding, in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Note that does not fail a hook if there is nothing else.
    Info,
    /// Issue that fails a hook, and is a warning in editors.
    Warning,
    /// Issue that fails a hook, and is an error in editors.
    Error,
}

/// Issue at one place of the configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Code of the rule: "E002".
    pub code: Cow<'static, str>,
    /// Name of the rule: "layer-over-limit".
    pub name: Cow<'static, str>,
    /// Weight of this finding: above `Info`, `espq lint` fails.
    pub severity: Severity,
    /// Bytes of the configuration's text; empty for something missing.
    pub span: Span,
    /// One sentence without a full stop.
    pub message: String,
    /// Layer of the finding, if it is about a single one.
    pub layer: Option<String>,
    /// Help: what to do.
    pub help: Option<String>,
    /// Other layers and places of the issue, in the order of the message.
    pub related: Vec<Related>,
    /// Fixes, the best first.
    pub fixes: Vec<Fix>,
    /// Fix that has not been measured yet.
    pub pending: Option<Measure>,
}

/// Another place, layer or file that belongs to a finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Related {
    /// Sentence about the place, without a full stop.
    pub message: String,
    /// Bytes of the configuration's text; `None` for a layer or a file.
    pub span: Option<Span>,
    /// Name in the graph; `None` for a place or a file.
    pub layer: Option<String>,
    /// The finding's message, or the title of its fix, already names the layer.
    pub is_named: bool,
}

/// Effect of a fix on results, by which it is allowed or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Safety {
    /// No result changes: the text becomes explicit about its meaning, or a line without effect is removed.
    Safe,
    /// Results change: a precision, or a name whose meaning is guessed.
    Unsafe,
}

/// Edits that remove a finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fix {
    /// Title: "Set `/a/Conv` to int16: output error 25.6% -> 9.1%, +13 KB flash".
    pub title: String,
    /// Kind of the change; a precision keeps the measurement that it came from.
    pub kind: FixKind,
    /// Least permission that the fix needs.
    pub safety: Safety,
    /// Edits that do not overlap, in the order of the text.
    pub edits: Vec<Edit>,
}

/// Kind of change that a fix makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FixKind {
    /// Precisions of layers, with the measured effect.
    Precision(Measure),
    /// Keys of other tables, with their measured effect.
    Settings,
    /// Spelling of a name or a value.
    Spelling,
    /// Syntax of a text that is not TOML.
    Syntax,
}

impl Fix {
    /// Returns `true` if its effect on the error was measured.
    pub fn is_measured(&self) -> bool {
        matches!(self.kind, FixKind::Precision(_) | FixKind::Settings)
    }
}

impl Finding {
    /// Makes a finding of a rule, without a layer, help and fixes.
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

    /// Returns the first fix that a permission allows.
    pub fn fix_within(&self, allowed: Safety) -> Option<&Fix> {
        self.fixes.iter().find(|fix| fix.safety == Safety::Safe || allowed == Safety::Unsafe)
    }

    /// Returns the same words for an issue before and after a measurement or an edit of another line: of a finding about a
    /// layer its code and layer, else its message without figures.
    pub fn identity(&self) -> String {
        match &self.layer {
            Some(layer) => format!("{} {layer}", self.code),
            None => format!("{} {}", self.code, without_figures(&self.message)),
        }
    }

    /// Removes the fixes, which are edits of a text that has changed; the first measured one becomes pending again.
    pub fn drop_fixes(&mut self) {
        let measures = self.fixes.drain(..).filter_map(|fix| match fix.kind {
            FixKind::Precision(measure) => Some(measure),
            FixKind::Settings | FixKind::Spelling | FixKind::Syntax => None,
        });
        let first = measures.reduce(|first, _| first);
        self.pending = self.pending.take().or(first);
    }

    /// Sets the sentence that says what to do.
    pub fn with_help(mut self, help: impl Into<String>) -> Finding {
        self.help = Some(help.into());
        self
    }

    /// Sets the layer of the finding.
    pub fn about(mut self, layer: impl Into<String>) -> Finding {
        self.layer = Some(layer.into());
        self
    }

    /// Appends a fix, after better ones.
    pub fn with_fix(mut self, fix: Fix) -> Finding {
        self.fixes.push(fix);
        self
    }
}

/// Replaces every number before a percent sign, since a figure moves with the samples.
fn without_figures(message: &str) -> String {
    let is_digit = |c: char| c.is_ascii_digit();
    let of_a_figure = |c: char| is_digit(c) || matches!(c, '.' | ',');
    let words = message.split(' ').map(|word| match word.trim_start_matches(['(', '+', '-']) {
        figure if figure.starts_with(is_digit) => figure.trim_start_matches(of_a_figure),
        _ => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_no_part_of_an_identity_and_names_are() {
        let finding = |message: &str| Finding::new(crate::lint::RULES[0], 0..0, message);
        let identity = finding("output `x1`: error 25.6% NSR exceeds the limit of 10%").identity();
        assert_eq!(identity, "C001 output `x1`: error % NSR exceeds the limit of %");
        assert_ne!(identity, finding("output `x2`: error 25.6% NSR exceeds the limit of 10%").identity());
        assert_eq!(finding("puts 4% on it").about("/a").identity(), "C001 /a");
        let takes = |size: &str| finding(&format!("takes {size} of the file, in 42 layers")).identity();
        assert_eq!(takes("222.6 KiB (8.61%)"), takes("1.2 KiB (0.05%)"));
    }
}
