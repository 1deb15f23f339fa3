//! S006

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};

rule! {
    /// ## What it does
    /// Reports samples of images, spectrograms and the like (16 by 16 and more) without any relation between neighbours, as
    /// `numpy.random` makes them.
    ///
    /// ## Why is this bad?
    /// Activations of noise have other ranges than those of data. Scales that fit noise saturate on data, or waste half of
    /// the bits, and the figures say nothing about the network in use.
    ///
    /// ## Example
    /// ```python
    /// np.save("calib.npy", np.random.rand(32, 3, 96, 96))
    /// ```
    ///
    /// ## What to do
    /// Calibrate with 32 or more samples of the data that the chip will process. If the input is noise by nature, put
    /// `ignore = ["S006"]` in `[lint]`.
    S006, "random-samples", Warning, Files
}

/// Correlation of neighbours below which nothing is in a sample. Pixels of photos have 0.9 and more, and half a million
/// independent ones have less than 0.005.
const LEAST: f64 = 0.02;

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(seen) = facts.sample_facts else { return };
    for input in &seen.inputs {
        let Some(related) = input.neighbours.filter(|related| related.abs() < LEAST && input.std > 0.0) else {
            continue;
        };
        let message =
            format!("samples of input `{}` look random: neighbours have a correlation of {related:.3}", input.name);
        let help = "use samples of the data that the chip will process: ranges of noise do not fit them";
        findings.push(Finding::new(&RULE, place::of_key(facts.project, "calibration.data"), message).with_help(help));
    }
}
