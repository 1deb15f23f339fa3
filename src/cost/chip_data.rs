//! Constants of the time model of a chip, one file for each in `data/`, with their sources.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::chip::Target;

use super::{Board, Term};

/// Constants of a chip, and the settings under which they were fitted.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ChipData {
    /// Settings of the published measurements.
    pub board: Board,
    /// Share by which published times of whole networks deviate at most, with their family held out.
    pub network_error: f64,
    /// Factor by which two cores speed up the layers that they share.
    pub two_cores: f64,
    /// Cycles for each kind of work.
    #[serde(rename = "constant")]
    pub constants: BTreeMap<Term, Constant>,
}

/// Cycles of one unit of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Constant {
    /// Cycles per unit.
    pub cycles: f64,
    /// Factor within which the constant is known.
    pub sure: f64,
    /// Value before any measurement, with the factor within which it was expected.
    pub prior: f64,
    /// Factor of the prior.
    pub spread: f64,
    /// Origin of the value.
    pub source: String,
}

static P4: LazyLock<Option<ChipData>> = LazyLock::new(|| toml::from_str(include_str!("data/esp32p4.toml")).ok());
static S3: LazyLock<Option<ChipData>> = LazyLock::new(|| toml::from_str(include_str!("data/esp32s3.toml")).ok());

impl ChipData {
    /// Returns the constants of a chip; `None` if no time of a network on it was published.
    pub fn of(target: Target) -> Option<&'static ChipData> {
        match target {
            Target::Esp32p4 => P4.as_ref(),
            Target::Esp32s3 => S3.as_ref(),
            _ => None,
        }
    }

    /// Returns the cycles of a unit; a constant that the file lacks counts nothing.
    pub fn cycles(&self, term: Term) -> f64 {
        self.constants.get(&term).map_or(0.0, |constant| constant.cycles)
    }

    /// Returns the factor within which a constant is known.
    pub fn sure(&self, term: Term) -> f64 {
        self.constants.get(&term).map_or(1.0, |constant| constant.sure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_have_every_constant_with_a_source() {
        for target in [Target::Esp32p4, Target::Esp32s3] {
            let data = ChipData::of(target).unwrap();
            for term in Term::ALL {
                let constant = data.constants.get(term).unwrap();
                assert!(constant.sure >= 1.0 && constant.spread >= 1.0 && !constant.source.is_empty(), "{term:?}");
            }
        }
    }

    #[test]
    fn chips_without_published_times_have_no_constants() {
        for target in Target::ALL.iter().filter(|target| !matches!(target, Target::Esp32p4 | Target::Esp32s3)) {
            assert!(ChipData::of(*target).is_none(), "{target}");
        }
    }
}
