//! S010

use std::collections::BTreeSet;

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};
use crate::samples::Labels;
use crate::text::units::{and_more, count};

rule! {
    /// ## What it does
    /// Reports samples for calibration in which classes are missing: their files are in folders of classes, or they are the first of
    /// the samples with labels, and `calibration.samples` leaves out all samples of some class.
    ///
    /// ## Why is this bad?
    /// Files are taken in the order of their names, so that the first 32 of a folder of classes often show one class alone. The ranges
    /// of the layers are then those of this class, and the others saturate.
    ///
    /// ## Example
    /// ```toml
    /// [calibration]
    /// data = "calib"      # calib/cat and calib/dog, with 100 images each
    /// samples = 32        # all of calib/cat
    /// ```
    ///
    /// ## What to do
    /// Raise `samples`, or give a folder with a few samples of every class.
    S010, "missing-classes", Warning, Files
}

/// Number of classes that are named.
const NAMED: usize = 3;

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(Ok(samples)) = facts.samples else { return };
    let config = &facts.project.config;
    let wanted = config.calibration_samples();
    let has_own_labels = config.accuracy.data.is_some() || config.analysis.data.is_some();
    let (kind, all, used) = match (samples.folders(), facts.labels) {
        (Some((all, used)), _) => ("folders", all, used),
        (None, Some(Ok(Labels::Classes(classes)))) if !has_own_labels => {
            let names = |classes: &[usize]| classes.iter().map(usize::to_string).collect::<BTreeSet<String>>();
            // The labelled samples begin with those of calibration.
            ("classes", names(classes), names(&classes[..wanted.min(classes.len())]))
        }
        _ => return,
    };
    // Of more classes than samples some are missing anyway.
    if used.len() >= all.len().min(wanted) {
        return;
    }
    let missing: Vec<&String> = all.difference(&used).collect();
    let message = format!(
        "the first {} are of {} of {} {kind}: none is of {}",
        count(wanted, "sample"),
        used.len(),
        all.len(),
        and_more(&missing, NAMED)
    );
    let help =
        "raise `samples`, or give a folder with a few samples of every class: the ranges of the others are not seen";
    findings.push(Finding::new(&RULE, place::of_key(facts.project, "calibration.samples"), message).with_help(help));
}
