//! What a rule is, and which rules are wanted.

use super::{Facts, Finding, RULES, Severity};
use crate::project::{Lint, Spanned};
use crate::{Error, Result};

pub struct Rule {
    /// A letter for what it is about and a number: C configuration, M model, S samples, D the device
    /// and its runtime, E error.
    pub code: &'static str,
    /// The same in words, "layer-over-limit".
    pub name: &'static str,
    pub severity: Severity,
    /// The doc comment, in Markdown: what `espq explain CODE` prints.
    pub doc: &'static str,
    pub check: fn(&Facts, &mut Vec<Finding>),
}

/// A rule whose documentation is its doc comment.
macro_rules! rule {
    ($(#[doc = $doc:literal])+ $code:ident, $name:literal, $severity:ident) => {
        $(#[doc = $doc])+
        pub static RULE: $crate::lint::Rule = $crate::lint::Rule {
            code: stringify!($code),
            name: $name,
            severity: $crate::lint::Severity::$severity,
            doc: concat!($($doc, "\n"),+),
            check,
        };
    };
}
pub(super) use rule;

/// A rule by its code or its name, whatever the case.
pub fn find(text: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|r| r.code.eq_ignore_ascii_case(text) || r.name.eq_ignore_ascii_case(text))
}

/// Which codes are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Codes, names or beginnings of codes ("E"); empty is all.
    pub select: Vec<String>,
    pub ignore: Vec<String>,
}

impl Selection {
    pub fn of(config: &Lint) -> Selection {
        let entries = |list: &[Spanned<String>]| list.iter().map(|e| e.value.clone()).collect();
        Selection { select: entries(&config.select), ignore: entries(&config.ignore) }
    }

    /// An error names the first entry that stands for no rule.
    pub fn check(&self) -> Result<()> {
        match self.select.iter().chain(&self.ignore).find_map(|entry| unknown(entry)) {
            None => Ok(()),
            Some(error) => Err(error),
        }
    }

    /// The most specific entry decides; at a tie, `ignore`.
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

fn stands_for(entry: &str, code: &str, name: &str) -> bool {
    let prefix = code.get(..entry.len()).is_some_and(|start| start.eq_ignore_ascii_case(entry));
    (prefix && !entry.is_empty()) || name.eq_ignore_ascii_case(entry)
}

/// What is wrong with a code, a name or a beginning of a code that stands for no rule.
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
