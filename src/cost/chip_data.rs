//! Constants of the time model of a chip, one file for each in `data/`, with their sources.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::chip::Target;

use super::{Board, Term};

/// Constants of a chip, and the settings under which they were fitted.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ChipData {
    /// Chip of a board's own constants; `None` for those of published times.
    #[serde(default)]
    pub target: Option<Target>,
    /// Settings of the measurements.
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

    /// Parses the constants of a board, as `espq profile --fit -o FILE` writes them. Errors say what is wrong in the file.
    pub fn parse(text: &str, target: Target) -> Result<ChipData, String> {
        let data: ChipData = toml::from_str(text).map_err(|e| match e.span() {
            Some(span) => format!("line {}: {}", 1 + text[..span.start].matches('\n').count(), e.message()),
            None => e.message().to_string(),
        })?;
        match data.target {
            Some(own) if own == target => {}
            Some(own) => return Err(format!("the constants are those of {own}, but the target is {target}")),
            None => return Err("`target` is missing: the chip whose constants they are".to_string()),
        }
        if let Some(term) = Term::ALL.iter().find(|term| !data.constants.contains_key(*term)) {
            return Err(format!("[constant.{}] is missing", term.name()));
        }
        let is_wrong = |constant: &Constant| {
            let is_count = |cycles: f64| cycles.is_finite() && cycles >= 0.0;
            !is_count(constant.cycles) || !is_count(constant.prior) || !(1.0..1e6).contains(&constant.sure)
        };
        if let Some((term, _)) = data.constants.iter().find(|(_, constant)| is_wrong(constant)) {
            return Err(format!("[constant.{}]: cycles must be 0 or more, and `sure` 1 or more", term.name()));
        }
        let board = &data.board;
        let is_sound =
            board.clock_mhz >= 1.0 && board.psram_mhz >= 0.0 && board.cache_bytes > 0 && board.cache_line > 0;
        match is_sound && data.two_cores >= 1.0 && (0.0..10.0).contains(&data.network_error) {
            true => Ok(data),
            false => {
                Err("[board] needs a clock and a cache, `two_cores` 1 or more, `network_error` 0 to 10".to_string())
            }
        }
    }

    /// Writes the constants of a board as TOML, with a comment above.
    pub fn written(&self, comment: &str) -> String {
        let board = &self.board;
        let lines: String = comment.lines().map(|line| format!("# {line}\n")).collect();
        let target = self.target.map(|target| format!("target = \"{target}\"\n")).unwrap_or_default();
        let head = format!("{target}network_error = {}\ntwo_cores = {}\n", self.network_error, self.two_cores);
        let storage = board.storage.name();
        let board = format!(
            "clock_mhz = {:?}\ncache_bytes = {}\ncache_line = {}\npsram_mhz = {:?}\ncores = {}\nstorage = \"{storage}\"\n\
             param_copy = {}\ninternal_bytes = {}\n",
            board.clock_mhz,
            board.cache_bytes,
            board.cache_line,
            board.psram_mhz,
            board.cores,
            board.param_copy,
            board.internal_bytes
        );
        let constant = |(term, constant): (&Term, &Constant)| {
            let Constant { cycles, sure, prior, spread, source } = constant;
            let source = toml::Value::from(source.as_str());
            format!(
                "\n[constant.{}]\ncycles = {cycles:?}\nsure = {sure:?}\nprior = {prior:?}\nspread = {spread:?}\nsource = {source}\n",
                term.name()
            )
        };
        let constants: String = self.constants.iter().map(constant).collect();
        format!("{lines}\n{head}\n[board]\n{board}{constants}")
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
    fn the_constants_of_a_board_are_read_as_they_were_written() {
        let own = ChipData { target: Some(Target::Esp32s3), ..ChipData::of(Target::Esp32s3).unwrap().clone() };
        let text = own.written("Fitted.");
        assert!(text.starts_with("# Fitted.\n"));
        assert_eq!(ChipData::parse(&text, Target::Esp32s3), Ok(own));
        let fault = |text: &str| ChipData::parse(text, Target::Esp32s3).unwrap_err();
        assert!(fault(&text.replace("[constant.near]", "[constant.far]")).starts_with("line "));
        assert!(fault(&text.replace("cycles = 1.46", "cycles = -1.46")).contains("[constant.blocks]: cycles"));
        assert!(fault(&text.replace("target = \"esp32s3\"\n", "")).contains("`target` is missing"));
        assert!(fault(&text.replace("\"esp32s3\"", "\"esp32p4\"")).contains("those of esp32p4"));
        let until = text.find("[constant.loops]").unwrap();
        assert_eq!(fault(&text[..until]), "[constant.loops] is missing");
    }

    #[test]
    fn chips_without_published_times_have_no_constants() {
        for target in Target::ALL.iter().filter(|target| !matches!(target, Target::Esp32p4 | Target::Esp32s3)) {
            assert!(ChipData::of(*target).is_none(), "{target}");
        }
    }
}
