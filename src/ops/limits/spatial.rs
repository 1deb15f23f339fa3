//! Limits of kernels that run over one or two places beside batch and channel.

use crate::chip::{Effect, Family, Limit};

pub static RANK: Limit = Limit {
    name: "spatial-rank",
    effect: Effect::NotLoaded,
    on: Family::ALL,
    until: None,
    check: |node| {
        let rank = node.rank(0).filter(|rank| !matches!(rank, 3 | 4));
        Ok(rank
            .map(|rank| format!("{} of a tensor with {rank} dimensions; the chip has 1-D (3) and 2-D (4)", node.op())))
    },
    help: "reshape the tensor around the layer",
    source: "dl_module_conv.hpp",
};

/// The kernels run over places and channels, never over the batch.
pub static BATCH: Limit = Limit {
    name: "batch",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: |node| {
        let batch = node.shape(0).and_then(|shape| shape.first().copied()).filter(|&batch| batch > 1);
        Ok(batch.map(|n| format!("a batch of {n}, of which the chip computes the first and leaves the rest as it was")))
    },
    help: "give the layer a batch of 1: split the batch, run the layer on each part and join the results with Concat",
    source: "dl_base_conv2d.hpp, dl_base_pool2d.hpp, dl_base_resize.hpp",
};
