//! What was tried to mend errors, and what it would bring.

use serde::{Deserialize, Serialize};

use crate::chip::Scheme;
use crate::project::{Project, edit};
use crate::text::units::{kilobytes, percent};

use super::{Fix, Safety};

/// Layers at another precision, measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Those that are set, fused activations among them.
    pub layers: Vec<String>,
    pub scheme: Scheme,
    /// Error of the worst output as the project stands, and with the layers as they are tried.
    pub before: f64,
    pub after: f64,
    /// Bytes of flash that it takes more.
    pub flash: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Trials {
    /// By layer over its limit.
    pub layers: Vec<(String, Trial)>,
    /// All layers over the limit together, where they are several.
    pub all: Option<Trial>,
    /// The smallest set that brings all outputs under their limit; `None` where there is none.
    pub outputs: Option<Trial>,
    /// Whether an output was over its limit, so that a set was looked for.
    pub searched: bool,
}

impl Trial {
    pub fn helps(&self) -> bool {
        self.after < self.before || (self.before.is_nan() && !self.after.is_nan())
    }

    /// "output error 25.6% -> 9.1%, +13 KB flash"
    pub fn effect(&self) -> String {
        format!("output error {} -> {}, {} flash", percent(self.before), percent(self.after), kilobytes(self.flash))
    }

    /// The edit that makes it so.
    pub fn fix(&self, project: &Project, title: String) -> Option<Fix> {
        let layers: Vec<(&str, Scheme)> = self.layers.iter().map(|l| (l.as_str(), self.scheme)).collect();
        let edit = edit::set_precision(&project.text, &layers)?;
        Some(Fix { title, safety: Safety::Unsafe, edits: vec![edit] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_title_has_both_sides() {
        let trial = Trial { layers: vec![], scheme: Scheme::Int16, before: 0.2563, after: 0.0912, flash: 13_400 };
        assert_eq!(trial.effect(), "output error 25.6% -> 9.12%, +13 KB flash");
    }
}
