//! Pass `widen`: Add, Sub and Concat take the scale of their widest input where that of their output would cut it off.
//!
//! ESP-DL adds integers of one scale, and esp-ppq gives all of them the scale of the output
//! (`QuantAlignmentPass`, "Align to Output"). Where large values nearly cancel, the output is small, and its scale cuts the
//! inputs off. The scale of the widest input costs the output its finest steps, of which it has enough at int16.

use crate::quant::Plan;

pub fn widen(plan: &mut Plan) {
    plan.widened = true;
}
