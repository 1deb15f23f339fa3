//! E010

use crate::analysis::{Joint, Report};
use crate::chip::Scheme;
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, Fix, FixKind, Measure, Safety, WideJoint, ends_trials, lossy_joints, place};
use crate::order;
use crate::project::edit;
use crate::text::units::percent;

rule! {
    /// ## What it does
    /// Reports Concats that join values of very different ranges, at least 8 times, where the error of a narrow part exceeds
    /// `limits.output-nsr`, and rounding to the shared scale alone exceeds it. The error is measured for each part, at the
    /// Concat's own output. A Concat whose values are no output is reported if an output exceeds its limit, or if boxes are lost
    /// (E011).
    ///
    /// ## Why is this bad?
    /// ESP-DL's Concat copies integers (`dl_module_concat.hpp`): all inputs and the output have one scale on the chip, that of
    /// the widest part. Boxes from 0 to 320 and scores from 0 to 1 in one output: a step is 4, and every score becomes 0. The
    /// error of the whole output hides it, since the wide part has nearly all of the signal's power.
    ///
    /// ## Example
    /// ```text
    /// Concat `/head/Concat` joins values of very different ranges: channels 4 to 83 lose 100%; they share the scale of channels 0
    /// to 3, which is 320 times larger
    /// ```
    ///
    /// ## What to do
    /// Give the parts outputs of their own, so that each has its own scale, and join them on the CPU: the fix is offered where
    /// all layers behind the Concat may run there, which those with weights may not. Or set the Concat to int16: it then has 256
    /// times as many steps. Layers that read it get int16, too, since at 8 bits they would round the parts to one scale again.
    /// The fixes have their measured errors, the least first.
    ///
    /// A scale for each part is possible only where nothing joins them. A Conv that reads the Concat can be changed in the model
    /// to one Conv for each part, and an Add of their outputs. That keeps 8 bits, and costs the Add, and one more output of the
    /// Conv in RAM.
    E010, "mixed-ranges", Warning
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(report) = facts.report() else { return };
    let limit = facts.project.config.output_limit();
    for joint in lossy_joints(&facts.project.config, report) {
        let Some(message) = message(joint, limit) else { continue };
        let span = place::of_layer(facts.project, &joint.layer);
        let mut finding = Finding::new(&RULE, span, message).about(&joint.layer).with_help(help(facts, joint));
        finding.fixes = fixes(facts, report, joint);
        if joint.output.is_none() && facts.decoded_head().is_none() && facts.trials.is_none() {
            finding.pending = Some(Measure::Joint { name: joint.layer.clone() });
        }
        findings.push(finding);
    }
}

fn help(facts: &Facts, joint: &Joint) -> &'static str {
    match (&joint.output, facts.decoded_head().is_some()) {
        (Some(_), true) => "end the network before decoding (D010): each value then has its own scale",
        (Some(_), false) => "give the parts outputs of their own, or set the Concat to int16",
        (None, _) => {
            "set the Concat and the layers that read it to int16; or let one Conv read each part, and an Add join their \
             outputs"
        }
    }
}

/// Returns the measured fixes that help, the one with the least error first.
fn fixes(facts: &Facts, report: &Report, joint: &Joint) -> Vec<Fix> {
    let mut fixes: Vec<(f64, Fix)> = Vec::new();
    if let Some(measured) = facts.ends_trials {
        let before = worst(joint.parts.iter().map(|part| part.nsr));
        let apart = measured.apart(&joint.layer).filter(|trial| trial.worst() < before);
        let fix = apart.and_then(|trial| Some((trial, ends_trials::of_joint(facts.project, report, before, trial)?)));
        fixes.extend(fix.map(|(trial, fix)| (trial.worst(), fix)));
        let wide = measured.wide(&joint.layer);
        let fix = wide.and_then(|wide| Some((wide, wide_fix(facts, joint, wide)?)));
        fixes.extend(fix.map(|(wide, fix)| (worst(wide.parts.iter().copied()), fix)));
    }
    if let Some(trial) = facts.trials.and_then(|trials| trials.joint(&joint.layer)) {
        let measure = Measure::Joint { name: joint.layer.clone() };
        fixes.extend(measure.fix(facts.project, trial).map(|fix| (trial.after, fix)));
    }
    order::sort_by(&mut fixes, |a, b| a.0.total_cmp(&b.0));
    fixes.into_iter().map(|(_, fix)| fix).collect()
}

fn worst(errors: impl Iterator<Item = f64>) -> f64 {
    errors.fold(0.0, f64::max)
}

/// "Concat `x` joins values of very different ranges: channels 4 to 83 lose 100%; they share ..."
fn message(joint: &Joint, limit: f64) -> Option<String> {
    let widest = joint.widest()?;
    let lost = joint.lost(limit).map(|part| {
        let lose = if part.first == part.last { "loses" } else { "lose" };
        format!("{} {lose} {}", joint.places(part.first, part.last), percent(part.nsr.min(1.0)))
    });
    let lost: Vec<String> = lost.collect();
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

/// Returns the fix that sets the Concat to int16, if the worst part loses less.
fn wide_fix(facts: &Facts, joint: &Joint, wide: &WideJoint) -> Option<Fix> {
    let (before, after) = (worst(joint.parts.iter().map(|part| part.nsr)), worst(wide.parts.iter().copied()));
    let layers: Vec<(&str, Scheme)> = wide.layers.iter().map(|layer| (layer.as_str(), Scheme::Int16)).collect();
    let edit = edit::set_precision(facts.project, &layers).filter(|_| after < before)?;
    let measure = Measure::Joint { name: joint.layer.clone() };
    let (before, after) = (percent(before), percent(after));
    let title = format!("{}: error of the worst part {before} -> {after}", measure.change(&wide.layers));
    Some(Fix { title, kind: FixKind::Settings, safety: Safety::Unsafe, edits: vec![edit] })
}
