//! E011

use crate::detect::SCORE;
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};
use crate::text::units::percent;

rule! {
    /// ## What it does
    /// Reports detection networks whose quantized form finds fewer of the float network's boxes than `limits.boxes-found`, 90%
    /// by default. It needs no labels: boxes of the float network with a score of at least 0.25 count, in the samples of the
    /// analysis. A box is found if the quantized network has one of the same class with an overlap (IoU) of at least 0.5.
    ///
    /// ## Why is this bad?
    /// The noise-to-signal ratio of an output says little about a detector: boxes are lost at 2% where scores share a scale with
    /// boxes, and kept at 20% where the noise is in cells without an object.
    ///
    /// ## Example
    /// ```text
    /// the quantized network finds 3 of 12 boxes (25%), under the limit of 90%, and 1 new one
    /// ```
    ///
    /// ## What to do
    /// If the network decodes its boxes itself, end it before decoding (D010). Otherwise give the layers with the largest error 16
    /// bits (`espq report` lists them), or run `espq optimize`. Samples should be photos with objects, letterboxed as the network
    /// expects (`fit = "letterbox"` under `[calibration.image]`).
    E011, "lost-boxes", Error
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(agreement) = facts.report().and_then(|report| report.detection) else { return };
    let limit = facts.project.config.limits.boxes_found().0;
    let Some(share) = agreement.share().filter(|share| *share < limit) else { return };
    let new = match agreement.new {
        0 => String::new(),
        1 => ", and 1 new one".to_string(),
        count => format!(", and {count} new ones"),
    };
    let message = format!(
        "the quantized network finds {} of {} boxes ({}), under the limit of {}{new}",
        agreement.found,
        agreement.boxes,
        percent(share),
        percent(limit)
    );
    let help = match facts.decoded_head().is_some() {
        true => "end the network before decoding (D010)".to_string(),
        false => format!(
            "give the layers with the largest error 16 bits, or run `espq optimize`; boxes are those of the float network with a \
             score of at least {SCORE}"
        ),
    };
    findings.push(Finding::new(&RULE, place::of_model(facts.project), message).with_help(help));
}
