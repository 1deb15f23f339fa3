//! S002

use crate::exec::Samples as _;
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};
use crate::text::units;

rule! {
    /// ## What it does
    /// Reports fewer samples than the configuration asks for, and fewer than 8 whatever it asks for.
    ///
    /// ## Why is this bad?
    /// A range that was seen in a handful of samples is too narrow for the next one, and the chip saturates. A
    /// configuration that asks for more samples than there are is one whose files are missing in part.
    ///
    /// ## Example
    /// ```toml
    /// [calibration]
    /// data = "calib/*.npy"    # 5 files
    /// samples = 32
    /// ```
    ///
    /// ## What to do
    /// Add samples from the data that the chip will see, 32 or more. Where there really are no more, say so:
    /// `samples = 5` and `ignore = ["S002"]` in `[lint]`.
    S002, "too-few-samples", Warning
}

/// ESP-DL's examples calibrate with 32 and more; below this a histogram has next to nothing to tell.
const FEWEST: usize = 8;

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(Ok(samples)) = facts.samples else { return };
    let (count, config) = (samples.len(), &facts.project.config);
    let asked = config.calibration.samples.as_ref().map(|s| s.value).filter(|&asked| asked > count);
    let verb = if count == 1 { "is" } else { "are" };
    let there = units::count(count, "sample");
    let (message, key) = match asked {
        Some(asked) => (format!("{there} {verb} there, {asked} are asked for"), "calibration.samples"),
        None if count < FEWEST => (format!("{there} {verb} too few to calibrate with"), "calibration.data"),
        None => return,
    };
    let help = "take 32 or more from the data that the chip will see";
    findings.push(Finding::new(&RULE, place::of_key(facts.project, key), message).with_help(help));
}
