//! E010

use crate::analysis::Joint;
use crate::chip::Scheme;
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, Fix, FixKind, Measure, Safety, ends_trials, place};
use crate::project::edit;
use crate::text::units::percent;

rule! {
    /// ## What it does
    /// Reports Concats that join values of very different ranges, at least 8 times, where the error of a narrow part exceeds
    /// `limits.output-nsr`. The error is measured for each part.
    ///
    /// ## Why is this bad?
    /// The result of a Concat has one scale on the chip, that of its widest part. Boxes from 0 to 320 and scores from 0 to 1 in one
    /// output: a step is 4, and every score becomes 0. The error of the whole output hides it, since the wide part has nearly
    /// all of the signal's power.
    ///
    /// ## Example
    /// ```text
    /// Concat `/head/Concat` joins values of very different ranges: channels 4 to 83 lose 100%; they share the scale of channels 0
    /// to 3, which is 320 times larger
    /// ```
    ///
    /// ## What to do
    /// Give the parts outputs of their own, so that each has its own scale, and join them on the CPU. Or set the Concat to int16:
    /// it then has 256 times as many steps. The fixes have the measured errors of the parts.
    E010, "mixed-ranges", Warning
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(report) = facts.report() else { return };
    let limit = facts.project.config.output_limit();
    for joint in &report.joints {
        let Some(message) = message(joint, limit) else { continue };
        let mut finding =
            Finding::new(&RULE, place::of_layer(facts.project, &joint.layer), message).about(&joint.layer);
        let is_decoded = facts.decoded_head().is_some();
        finding.help = Some(match (&joint.output, is_decoded) {
            (Some(_), true) => "end the network before decoding (D010): each value then has its own scale".to_string(),
            (Some(_), false) => "give the parts outputs of their own, or set the Concat to int16".to_string(),
            (None, _) => {
                "set the Concat and the layers that read it to int16, or scale the parts alike in training".to_string()
            }
        });
        if let Some(measured) = facts.ends_trials {
            let apart =
                measured.apart(&joint.layer).and_then(|trial| ends_trials::of_joint(facts.project, report, trial));
            let wide = measured.wide(&joint.layer).and_then(|after| wide(facts, joint, after));
            finding.fixes.extend(apart.into_iter().chain(wide));
        }
        findings.push(finding);
    }
}

/// "Concat `x` joins values of very different ranges: channels 4 to 83 lose 100%; they share ..."
fn message(joint: &Joint, limit: f64) -> Option<String> {
    let widest = joint.widest()?;
    let lost: Vec<String> = joint
        .lost(limit)
        .map(|part| format!("{} lose {}", joint.places(part.first, part.last), percent(part.nsr.min(1.0))))
        .collect();
    let least = joint.lost(limit).map(|part| part.range).fold(f64::INFINITY, f64::min);
    if lost.is_empty() {
        return None;
    }
    let times = (widest.range / least).round();
    let is_with_most = if lost.len() > 1 { "up to " } else { "" };
    Some(format!(
        "Concat `{}` joins values of very different ranges: {}; they share the scale of {}, whose range is {is_with_most}{times} \
         times as large",
        joint.layer,
        lost.join(", "),
        joint.places(widest.first, widest.last)
    ))
}

/// Returns the fix that sets the Concat to int16, if a part loses less.
fn wide(facts: &Facts, joint: &Joint, after: &[f64]) -> Option<Fix> {
    let worst = |errors: &mut dyn Iterator<Item = f64>| errors.fold(0.0, f64::max);
    let before = worst(&mut joint.parts.iter().map(|part| part.nsr));
    let now = worst(&mut after.iter().copied());
    let edit = edit::set_precision(facts.project, &[(&joint.layer, Scheme::Int16)]).filter(|_| now < before)?;
    let kind = FixKind::Precision(Measure::Layer { name: joint.layer.clone(), scheme: Scheme::Int16 });
    let (before, now) = (percent(before), percent(now));
    let title = format!("Set `{}` to int16: error of the worst part {before} -> {now}", joint.layer);
    Some(Fix { title, kind, safety: Safety::Unsafe, edits: vec![edit] })
}
