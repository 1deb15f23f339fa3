//! D010

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, ends_trials, place};

rule! {
    /// ## What it does
    /// Reports detection networks that decode their boxes themselves, as ultralytics exports YOLOv8, YOLO11, YOLO26 (also for
    /// pose and segmentation) and ESPDet. The head is recognized by its structure.
    ///
    /// ## Why is this bad?
    /// Decoding joins boxes (0 to 320 pixels) and scores (0 to 1) in one output, which has one scale on the chip: every score
    /// becomes 0. Besides, decoding is slow in integers. ESP-DL's postprocessors decode on the CPU, and read the values before
    /// decoding by their names: `box0`, `score0`, ..., with `kpt0` for pose, `mc0` and `p` for segmentation, and
    /// `one2one_p3_box`, `one2one_p3_cls`, ... for YOLO26.
    ///
    /// ## Example
    /// ```text
    /// the network decodes its boxes on the chip; ESP-DL does it on the CPU (YOLOv8/YOLO11 detection head, yolo11PostProcessor)
    /// ```
    ///
    /// ## What to do
    /// End the network before decoding: the fix writes `[model.outputs]` with the values and the names that the postprocessor
    /// reads. The order is that of Espressif's published models.
    D010, "decoding-on-chip", Warning
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(head) = facts.decoded_head() else { return };
    let by = head.postprocessor().map_or_else(String::new, |name| format!(", {name}"));
    let message = format!(
        "the network decodes its boxes on the chip, where boxes and scores share one scale; ESP-DL does it on the CPU ({}{by})",
        head.describe()
    );
    let mut finding = Finding::new(&RULE, place::of_key(facts.project, "model.path"), message);
    let names: Vec<String> = head.outputs().into_iter().map(|(name, _)| name).collect();
    let mut help = format!("end the network before decoding, with the outputs {}", names.join(", "));
    if head.postprocessor().is_none() {
        help += "; ESP-DL has no postprocessor for this form of the head, so decode these values in your own code";
    }
    if head.family == crate::detect::Family::Yolo26 && !head.is_end_to_end {
        help += "; this file has the branch that finds each object several times, and models/yolo26 of ESP-DL drops no \
                 duplicates: export with end2end=True, or drop them (NMS) in your own code";
    }
    finding.help = Some(help);
    let trial = facts.ends_trials.and_then(|trials| trials.head.as_ref());
    finding.fixes.extend(ends_trials::of_head(facts.project, head, facts.report(), trial));
    findings.push(finding);
}
