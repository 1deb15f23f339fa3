//! Rules, and the selection of rules to report.

use serde::Serialize;

use super::{Facts, Finding, RULES, Severity};
use crate::project::{Lint, Spanned};
use crate::{Error, Result};

/// Facts that a rule needs, in the order in which they are gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Needs {
    /// Text of the configuration.
    Text,
    /// Model and samples, without running the model.
    Files,
    /// Figures of the calibrated model: what `--static` leaves out.
    Figures,
}

impl Needs {
    /// Returns `true` if the facts are complete, so that a rule without a finding has found nothing.
    pub fn are_met(self, facts: &Facts) -> bool {
        match self {
            Needs::Text => true,
            Needs::Files => facts.plan().is_some() && matches!(facts.samples, Some(Ok(_))),
            Needs::Figures => facts.report().is_some() && facts.on_chip.is_some() && facts.trials.is_some(),
        }
    }
}

/// Check of a project for one kind of issue.
pub struct Rule {
    /// Code of a letter for the subject and a number: C configuration, M model, S samples, D the device and its
    /// runtime, E error, P performance: flash, RAM and time.
    pub code: &'static str,
    /// Name: "layer-over-limit".
    pub name: &'static str,
    /// Severity of a finding, unless the check lowers it.
    pub severity: Severity,
    /// Facts without which the rule stays quiet.
    pub needs: Needs,
    /// Documentation in Markdown, from the doc comment; `espq explain CODE` prints it.
    pub doc: &'static str,
    /// Appends the findings of the known facts; a fact that is not known yet gives none.
    pub check: fn(&Facts, &mut Vec<Finding>),
}

/// Defines a rule with its doc comment as documentation. The facts that it needs are files if none are named.
macro_rules! rule {
    ($(#[doc = $doc:literal])+ $code:ident, $name:literal, $severity:ident) => {
        $crate::lint::rule::rule! { $(#[doc = $doc])+ $code, $name, $severity, Files }
    };
    ($(#[doc = $doc:literal])+ $code:ident, $name:literal, $severity:ident, $needs:ident) => {
        $(#[doc = $doc])+
        pub static RULE: $crate::lint::Rule = $crate::lint::Rule {
            code: stringify!($code),
            name: $name,
            severity: $crate::lint::Severity::$severity,
            needs: $crate::lint::Needs::$needs,
            doc: concat!($($doc, "\n"),+),
            check,
        };
    };
}
pub(super) use rule;

/// Finds a rule by its code or name, ignoring case.
pub fn find(text: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|r| r.code.eq_ignore_ascii_case(text) || r.name.eq_ignore_ascii_case(text))
}

/// Selection of codes to report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Codes, names or prefixes of codes ("E"); empty means all.
    pub select: Vec<String>,
    /// Codes, names or prefixes of codes to leave out; the more specific entry of both lists decides.
    pub ignore: Vec<String>,
}

impl Selection {
    /// Copies the selection of `[lint]`, unchecked.
    pub fn of(config: &Lint) -> Selection {
        let entries = |list: &[Spanned<String>]| list.iter().map(|e| e.value.clone()).collect();
        Selection { select: entries(&config.select), ignore: entries(&config.ignore) }
    }

    /// Fails at the first entry that matches no rule.
    pub fn check(&self) -> Result<()> {
        match self.select.iter().chain(&self.ignore).find_map(|entry| unknown(entry)) {
            None => Ok(()),
            Some(error) => Err(error),
        }
    }

    /// Returns `true` if the finding is selected. The most specific entry decides; on a tie, `ignore`.
    pub fn wants(&self, finding: &Finding) -> bool {
        let best = |entries: &[String]| {
            let matching = entries.iter().filter(|e| stands_for(e, &finding.code, &finding.name));
            matching.map(|e| e.len()).max()
        };
        match (best(&self.select), best(&self.ignore)) {
            (_, None) => self.select.is_empty() || best(&self.select).is_some(),
            (None, Some(_)) => false,
            (Some(select), Some(ignore)) => select > ignore,
        }
    }
}

/// Returns `true` if an entry is the code of a rule, the beginning of it, or the rule's name.
pub fn stands_for(entry: &str, code: &str, name: &str) -> bool {
    let prefix = code.get(..entry.len()).is_some_and(|start| start.eq_ignore_ascii_case(entry));
    (prefix && !entry.is_empty()) || name.eq_ignore_ascii_case(entry)
}

/// Returns the error for an entry that matches no rule.
pub fn unknown(entry: &str) -> Option<Error> {
    if RULES.iter().any(|r| stands_for(entry, r.code, r.name)) {
        return None;
    }
    let near = crate::text::nearest(entry, RULES.iter().flat_map(|r| [r.code, r.name]));
    Some(Error::new(format!("there is no rule `{entry}`")).with_help(match near {
        Some(near) => format!("did you mean `{near}`? `espq explain` lists all rules"),
        None => "`espq explain` lists all rules".to_string(),
    }))
}
