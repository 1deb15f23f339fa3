//! Limits of kernels that run over one or two spatial axes besides batch and channel.

use crate::chip::{Effect, Family, Limit};

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

/// The kernels loop over spatial axes and channels, but not over the batch.
pub static BATCH: Limit = Limit {
    name: "batch",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: |node| {
        let batch = node.shape(0).and_then(|shape| shape.first().copied()).filter(|&batch| batch > 1);
        Ok(batch.map(|n| format!("a batch of {n}, of which the chip computes only the first sample")))
    },
    help: "use a batch of 1: split the batch, run the layer on each part and join the results with Concat",
    source: "dl_base_conv2d.hpp, dl_base_pool2d.hpp, dl_base_resize.hpp",
};
