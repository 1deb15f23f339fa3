//! Measurements of a board beside the estimates: the data of `espq profile`.

use std::collections::HashMap;
use std::path::Path;

use serde::Serialize;

use crate::chip::Target;
use crate::cost::{self, BoardLog, ChipData, Cost, Fitted, Interval, Sample, Term, Test, Work};
use crate::espdl::Key;
use crate::file;
use crate::order;
use crate::text::units::{count, percent};
use crate::{Error, Result};

use super::{Opened, Progress};

/// Measurements of a board beside the estimates for its file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Profile {
    /// Chip of the estimate.
    pub target: Target,
    /// Settings of the estimate.
    pub conditions: String,
    /// Result of `Model::test()`; `None` if the log has none.
    pub test: Option<Test>,
    /// Layers in the order of the log.
    pub layers: Vec<ProfiledLayer>,
    /// Measured microseconds of all layers.
    pub measured: Option<f64>,
    /// Measured microseconds of whole runs.
    pub runs: Vec<f64>,
    /// Estimated time.
    pub estimated: Option<Interval>,
    /// Memory in bytes.
    pub memory: Vec<ProfiledMemory>,
    /// Nodes of the log that the file does not have: it is another file's log.
    pub unknown: Vec<String>,
    /// Errors that the board printed.
    pub errors: Vec<String>,
    /// Constants of this board, if they were asked for.
    pub fit: Option<Fit>,
}

/// A layer's measured and estimated microseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProfiledLayer {
    /// Name of the node.
    pub name: String,
    /// Operator.
    pub op: String,
    /// Kernel in words; empty if the file has no such node.
    pub kernel: String,
    /// Measured microseconds.
    pub measured: f64,
    /// Estimate with its bounds.
    pub estimated: Option<Interval>,
}

/// A row of the memory summary beside its prediction.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProfiledMemory {
    /// "variable", "parameter_copy".
    pub name: String,
    /// Bytes that the board printed, RAM of both kinds (flash for `fbs_model` of a file in flash).
    pub measured: f64,
    /// Predicted bytes; `None` for what only the allocator knows.
    pub predicted: Option<f64>,
}

/// Constants fitted to a log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fit {
    /// Cycles per unit before and after, of kinds of work that the network has.
    pub constants: Vec<FittedConstant>,
    /// Median of the layers' errors before, as a share.
    pub before: f64,
    /// That median after.
    pub after: f64,
    /// All constants of the board.
    #[serde(skip)]
    pub data: ChipData,
}

impl Fit {
    /// Returns the file that `board.constants` names.
    pub fn file(&self) -> String {
        let target = self.data.target.map(|target| format!(" {target}")).unwrap_or_default();
        let (before, after) = (percent(self.before), percent(self.after));
        let fitted = count(self.constants.len(), "kind");
        self.data.written(&format!(
            "Constants of espq's time model for a board with an{target}: cycles for a unit of each kind of work.\n\
             Written by `espq profile --fit`: {fitted} of work fitted to a log; median error of a layer {before} -> {after}."
        ))
    }
}

/// Constant before and after a fit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FittedConstant {
    /// Kind of work.
    pub term: Term,
    /// Cycles per unit in the data of the chip.
    pub before: f64,
    /// Cycles per unit on this board.
    pub after: f64,
    /// Factor within which it is known.
    pub sure: f64,
}

impl Opened {
    /// Returns a log beside the estimates for the project's file.
    pub fn profile(&self, log: &Path, fits: bool, progress: &dyn Progress) -> Result<Profile> {
        let log = read(log)?;
        let data = self.machine()?.and_then(|machine| machine.data).filter(|_| fits);
        match self.cost(progress)? {
            Some(cost) => Ok(compare(&log, &cost, data)),
            None => Err(Error::new("the project's file is not exported, so that there is no estimate")
                .with_help("`espq export` lists the reasons")),
        }
    }
}

/// Returns a log beside the estimates for an `.espdl` file.
pub fn profile_of_file(
    log: &Path,
    file: &Path,
    key: Option<&Key>,
    target: Option<Target>,
    fits: bool,
) -> Result<Profile> {
    let log = read(log)?;
    let opened = super::inspect::open(file, key)?;
    let summary = super::inspect::summarize(&opened, target);
    let known = |cost: &Cost| compare(&log, cost, ChipData::of(cost.target).filter(|_| fits));
    let mut profiles: Vec<Profile> = summary.models.iter().flat_map(|model| &model.costs).map(known).collect();
    // Of a package, the model whose layers the log has; of two chips, the one that is nearer.
    order::sort_by(&mut profiles, |a, b| {
        a.unknown.len().cmp(&b.unknown.len()).then(distance(a).total_cmp(&distance(b)))
    });
    profiles.into_iter().next().ok_or_else(|| Error::new("the file has no model").in_file(file))
}

fn distance(profile: &Profile) -> f64 {
    match (profile.measured, profile.estimated) {
        (Some(measured), Some(estimated)) => (measured.max(1e-9) / estimated.estimate.max(1e-9)).ln().abs(),
        _ => f64::INFINITY,
    }
}

/// Longest log that is read, in bytes.
const LONGEST: u64 = 64 << 20;

fn read(path: &Path) -> Result<BoardLog> {
    let bytes = file::read(path, LONGEST).map_err(|e| e.with_help("name a file with what a board printed"))?;
    let log = BoardLog::parse(&String::from_utf8_lossy(&bytes));
    if log.modules.is_empty() && log.memory.is_empty() && log.test.is_none() && log.errors.is_empty() {
        return Err(Error::new("the log has no output of ESP-DL's `test` or `profile`")
            .in_file(path)
            .with_help("save what `idf.py monitor` prints: `idf.py monitor | tee board.log`"));
    }
    Ok(log)
}

/// Makes a profile; with the constants of the time model, these are fitted.
fn compare(log: &BoardLog, cost: &Cost, data: Option<&ChipData>) -> Profile {
    let clock = cost.board.clock_mhz;
    let known: HashMap<&str, &cost::LayerCost> = cost.layers.iter().map(|layer| (layer.name.as_str(), layer)).collect();
    let layer = |module: &cost::Module| {
        let layer = known.get(module.name.as_str());
        ProfiledLayer {
            name: module.name.clone(),
            op: module.op.clone(),
            kernel: layer.map(|layer| layer.kernel.clone()).unwrap_or_default(),
            measured: module.latency.microseconds(clock),
            estimated: layer.and_then(|layer| layer.time),
        }
    };
    let layers: Vec<ProfiledLayer> = log.modules.iter().map(layer).collect();
    let is_unknown = |layer: &&ProfiledLayer| !known.contains_key(layer.name.as_str());
    let sum = || layers.iter().map(|layer| layer.measured).sum();
    Profile {
        target: cost.target,
        conditions: cost.time.as_ref().map(|time| time.conditions.clone()).unwrap_or_default(),
        test: log.test.clone(),
        measured: log.total.map(|total| total.microseconds(clock)).or((!layers.is_empty()).then(sum)),
        runs: log.runs.clone(),
        // `profile` runs every layer on one core.
        estimated: cost.time.as_ref().map(|time| time.total),
        memory: memory(log, cost),
        unknown: layers.iter().filter(is_unknown).map(|layer| layer.name.clone()).collect(),
        errors: log.errors.clone(),
        fit: data.and_then(|data| fit(&layers, &known, cost, data)),
        layers,
    }
}

fn memory(log: &BoardLog, cost: &Cost) -> Vec<ProfiledMemory> {
    let ram = &cost.ram;
    let row = |row: &cost::MemoryRow| {
        let (measured, predicted) = match row.name.as_str() {
            "fbs_model" => (row.internal + row.psram + row.flash, Some(cost.flash.file_bytes.saturating_sub(16))),
            "variable" => (row.internal + row.psram, Some(ram.arena_bytes + ram.internal_bytes)),
            "parameter_copy" => (row.internal + row.psram, Some(ram.copy_bytes)),
            _ => (row.internal + row.psram, None),
        };
        ProfiledMemory { name: row.name.clone(), measured, predicted: predicted.map(|bytes| bytes as f64) }
    };
    log.memory.iter().map(row).collect()
}

fn fit(layers: &[ProfiledLayer], known: &HashMap<&str, &cost::LayerCost>, cost: &Cost, data: &ChipData) -> Option<Fit> {
    let mut data = data.on(cost.target, &cost.board);
    let sample = |layer: &ProfiledLayer| {
        let work = known.get(layer.name.as_str())?.work;
        (layer.measured > 0.0).then(|| Sample { family: layer.name.clone(), work, microseconds: layer.measured })
    };
    let samples: Vec<Sample> = layers.iter().filter_map(sample).collect();
    if samples.is_empty() {
        return None;
    }
    let priors = data.known();
    let clock = cost.board.clock_mhz;
    let fitted = cost::fit(&samples, &priors, clock);
    let error = |cycles: &dyn Fn(Term) -> f64| {
        let time = |work: &Work| work.iter().map(|(term, units)| units * cycles(term) / clock).sum::<f64>();
        let mut errors: Vec<f64> = samples.iter().map(|s| (time(&s.work) / s.microseconds - 1.0).abs()).collect();
        order::sort_by(&mut errors, f64::total_cmp);
        errors[errors.len() / 2]
    };
    let has = |term: &Term| samples.iter().any(|sample| sample.work.of(*term) > 0.0);
    let constants = fitted.iter().filter(|(term, _)| has(term)).map(|(&term, &Fitted { cycles, sure })| {
        FittedConstant { term, before: priors[&term].cycles, after: cycles, sure }
    });
    let constants: Vec<FittedConstant> = constants.collect();
    for found in &constants {
        if let Some(constant) = data.constants.get_mut(&found.term) {
            (constant.cycles, constant.sure) = (found.after, found.sure);
            constant.source = "fit to a log of this board".to_string();
        }
    }
    Some(Fit {
        constants,
        before: error(&|term| priors.get(&term).map_or(0.0, |prior| prior.cycles)),
        after: error(&|term| fitted.get(&term).map_or(0.0, |fitted| fitted.cycles)),
        data,
    })
}
