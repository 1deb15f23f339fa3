//! S007

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};

rule! {
    /// ## What it does
    /// Reports images as samples, in `[calibration]`, `[analysis]` or `[accuracy]`, without a normalization: neither `mean`, `std`
    /// nor `scale` is in `[calibration.image]`, so that the network gets pixel / 255.
    ///
    /// ## Why is this bad?
    /// Most networks are trained with another one, such as ImageNet's mean and deviation, or values from -1 to 1. On inputs
    /// that it was not trained with, a network computes something else, and its scales and figures are wrong without an
    /// error.
    ///
    /// ## Example
    /// ```toml
    /// [calibration]
    /// data = "images"
    /// ```
    ///
    /// ## What to do
    /// Write the normalization of the training script, and pixel / 255 too if it is that:
    /// ```toml
    /// [calibration.image]
    /// mean = [0.485, 0.456, 0.406]    # 0.5 for values from -1 to 1; 0 for pixel / 255
    /// std = [0.229, 0.224, 0.225]     # 0.5, and 1
    /// ```
    S007, "assumed-normalization", Warning, Files
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let image = &facts.project.config.calibration.image;
    let Some(table) = facts.image_tables.first().filter(|_| !image.options().is_normalized()) else { return };
    let message = "the images are fed as pixel / 255, since no normalization is configured";
    let help =
        "write `mean` and `std` of the training script into [calibration.image]; `mean = 0` if it is pixel / 255";
    findings.push(Finding::new(&RULE, place::of_key(facts.project, &format!("{table}.data")), message).with_help(help));
}
