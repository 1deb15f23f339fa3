//! S002

use crate::exec::Samples as _;
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};
use crate::text::units;

rule! {
    /// ## What it does
    /// Reports fewer samples than configured, and fewer than 8 in any case.
    ///
    /// ## Why is this bad?
    /// A range observed in a few samples is too narrow for others, and the chip saturates. If fewer samples exist than
    /// are configured, some files are probably missing.
    ///
    /// ## Example
    /// ```toml
    /// [calibration]
    /// data = "calib/*.npy"    # 5 files
    /// samples = 32
    /// ```
    ///
    /// ## What to do
    /// Add samples of the data that the chip will process, 32 or more. If there are no more, make that explicit:
    /// `samples = 5` and `ignore = ["S002"]` in `[lint]`.
    S002, "too-few-samples", Warning, Files
}

/// Minimum number of samples without a finding. ESP-DL's examples use 32 and more; with fewer than 8, histograms are
/// nearly empty.
const FEWEST: usize = 8;

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(Ok(samples)) = facts.samples else { return };
    let (count, config) = (samples.len(), &facts.project.config);
    let asked = config.calibration.samples.as_ref().map(|s| s.value).filter(|&asked| asked > count);
    let verb = if count == 1 { "is" } else { "are" };
    let there = units::count(count, "sample");
    let (message, key) = match asked {
        Some(asked) => (format!("{there} {verb} available, but {asked} are configured"), "calibration.samples"),
        None if count < FEWEST => (format!("{there} {verb} too few for calibration"), "calibration.data"),
        None => return,
    };
    let help = "use 32 or more samples of the data that the chip will process";
    findings.push(Finding::new(&RULE, place::of_key(facts.project, key), message).with_help(help));
}
