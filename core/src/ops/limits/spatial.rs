//! Limits of kernels that run over one or two spatial axes besides batch and channel.

use crate::chip::{Checked, Effect, Family, Limit, NodeView};

pub static RANK: Limit = Limit {
    name: "spatial-rank",
    effect: Effect::NotLoaded,
    on: Family::ALL,
    until: None,
    check: |node| {
        let rank = node.rank(0).filter(|rank| !matches!(rank, 3 | 4));
        Ok(rank.map(|rank| {
            format!("{} of a tensor with {rank} dimensions; the chip supports 1-D (3) and 2-D (4)", node.op())
        }))
    },
    help: "add a Reshape before and after the layer",
    source: "dl_module_conv.hpp",
};

/// The kernels loop over spatial axes and channels, but not over the batch; the exporter writes a node per sample.
pub static BATCH: Limit = Limit {
    name: "batch",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: |node| {
        let batch = node.shape(0).filter(|_| node.is_written()).and_then(|shape| shape.first().copied());
        let batch = batch.filter(|&batch| batch > 1);
        Ok(batch.map(|n| format!("a batch of {n}, of which the chip computes only the first sample")))
    },
    help: "use a batch of 1: split the batch, run the layer on each part and join the results with Concat",
    source: "dl_base_conv2d.hpp, dl_base_pool2d.hpp, dl_base_resize.hpp",
};

/// The exporter makes the pads a part of the input.
pub static WIDE: Limit = Limit {
    name: "window-beyond-input",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: wide,
    help: "pad the input with a Pad before the layer",
    source: "dl_base_pool2d.hpp, dl_base.hpp",
};

/// The exporter makes the pads a part of the input.
pub static POINTWISE: Limit = Limit {
    name: "padded-pointwise",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: pointwise,
    help: "pad the input with a Pad before the layer",
    source: "dl_base_conv2d.cpp (conv2d_11cn)",
};

fn pointwise(node: &dyn NodeView) -> Checked {
    let Some(weights) = node.shape(1).filter(|_| node.is_written()) else { return Ok(None) };
    let kernel: Vec<i64> = weights.iter().skip(2).map(|&k| i64::try_from(k).unwrap_or(i64::MAX)).collect();
    let is_padded = node.ints("pads")?.iter().any(|&pad| pad > 0);
    let is_wrong = is_padded && has_pointwise_kernel(node.int("group", 1)?, &kernel);
    Ok(is_wrong.then(|| "pads around a filter of one place, whose kernel reads beyond the input".to_string()))
}

/// Returns `true` if a Conv runs by the kernel for a filter of one place, which has no case for pads.
pub fn has_pointwise_kernel(groups: i64, kernel: &[i64]) -> bool {
    groups == 1 && kernel.iter().all(|&k| k == 1)
}

fn wide(node: &dyn NodeView) -> Checked {
    let Some(places) = node.shape(0).filter(|_| node.is_written()) else { return Ok(None) };
    let weights = node.shape(1).unwrap_or_default();
    let of_weights = || weights.iter().skip(2).map(|&k| i64::try_from(k).unwrap_or(i64::MAX)).collect();
    let kernel: Vec<i64> = if node.op() == "Conv" { of_weights() } else { node.ints("kernel_shape")?.to_vec() };
    let (strides, dilations, pads) = (node.ints("strides")?, node.ints("dilations")?, node.ints("pads")?);
    for (axis, (&size, &kernel)) in places.iter().skip(2).zip(&kernel).enumerate() {
        let at = |list: &[i64], default: i64| list.get(axis).copied().unwrap_or(default);
        let window = kernel.saturating_sub(1).saturating_mul(at(dilations, 1)).saturating_add(1);
        if counts_one_too_many(size, at(pads, 0), window, at(strides, 1)) {
            return Ok(Some(format!(
                "a window of {window} over {size} places, padded at the end only, reads beyond them"
            )));
        }
    }
    Ok(None)
}

/// Returns `true` if the kernels count a whole window along an axis that has none: `(size - window) / stride` is rounded
/// toward zero.
/// With pads at its begin, the windows in these are taken off again.
pub fn counts_one_too_many(size: usize, begin: i64, window: i64, stride: i64) -> bool {
    let missing = window.saturating_sub(i64::try_from(size).unwrap_or(i64::MAX));
    begin == 0 && missing > 0 && missing < stride
}
