//! Concats that lose a part of what they join, where it is seen in the results.
//!
//! Never: measuring, fixes.

use crate::analysis::{Joint, Report};
use crate::order;
use crate::project::Config;

/// Returns the joints that lose a part, in the order of the worst one's error: those that make an output, and all others if an
/// output exceeds its limit, or boxes are lost.
pub fn lossy_joints<'a>(config: &Config, report: &'a Report) -> Vec<&'a Joint> {
    let limit = config.output_limit();
    let has_lost_boxes = report.detection.and_then(|boxes| boxes.share());
    let has_lost_boxes = has_lost_boxes.is_some_and(|share| share < config.limits.boxes_found().0);
    let is_bad = has_lost_boxes || report.outputs.iter().any(|output| output.is_over(limit));
    let worst = |joint: &Joint| joint.lost(limit).map(|part| part.nsr).fold(0.0, f64::max);
    let mut joints: Vec<&Joint> = report.joints.iter().filter(|joint| is_bad || joint.output.is_some()).collect();
    joints.retain(|joint| worst(joint) > 0.0);
    order::sort_by(&mut joints, |a, b| worst(b).total_cmp(&worst(a)));
    joints
}
