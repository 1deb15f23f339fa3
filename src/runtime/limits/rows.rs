//! Limits of operators that move values, and of Softmax.

use crate::chip::{Checked, Effect, Limit, NodeView, Unreadable};

/// The loader takes the indices from the file, and stops where they are not in it.
pub static GATHER_INDICES: Limit = Limit {
    name: "gather-indices",
    operators: &["Gather"],
    effect: Effect::NotLoaded,
    check: |node| {
        let computed = node.input(1).filter(|_| !node.is_constant(1));
        Ok(computed.map(|name| format!("Gather with indices '{name}' that are computed while the model runs")))
    },
    help: "the runtime has constant indices only: look the rows up in the application, and feed them to the model",
    source: "dl_module_gather.hpp",
};

/// Before operator set 13, Softmax joins all axes from `axis` on; the kernel takes one.
pub static SOFTMAX_AXES: Limit = Limit {
    name: "softmax-axes",
    operators: &["Softmax", "LogSoftmax"],
    effect: Effect::SilentlyWrong,
    check: joined_axes,
    help: "reshape the input to two dimensions, or export the model with operator set 13",
    source: "dl_module_softmax.hpp",
};

pub static CONCAT_ONE: Limit = Limit {
    name: "concat-of-one",
    operators: &["Concat"],
    effect: Effect::Crashes,
    check: |node| Ok((node.input_count() < 2).then(|| "Concat of one input stops the chip".to_string())),
    help: "replace it by Identity",
    source: "dl_module_concat.hpp",
};

/// `depth_to_space_dcr` counts channels by the block's size.
pub static DEPTH_TO_SPACE: Limit = Limit {
    name: "depth-to-space-dcr",
    operators: &["DepthToSpace"],
    effect: Effect::SilentlyWrong,
    check: depth_to_space,
    help: "use mode CRD, which PyTorch's PixelShuffle has",
    source: "dl_module_depth_to_space.hpp",
};

/// `space_to_depth` has channels before the block's places.
pub static SPACE_TO_DEPTH: Limit = Limit {
    name: "space-to-depth-channels",
    operators: &["SpaceToDepth"],
    effect: Effect::SilentlyWrong,
    check: |node| {
        let channels = channels(node).filter(|&channels| channels != 1);
        Ok(channels.map(|n| format!("SpaceToDepth of {n} channels, which would come before the places of a block")))
    },
    help: "write it as Reshape, Transpose and Reshape",
    source: "dl_module_space_to_depth.hpp",
};

fn joined_axes(node: &dyn NodeView) -> Checked {
    let (Some(opset), Some(shape)) = (node.opset(), node.shape(0)) else { return Ok(None) };
    if opset >= 13 {
        return Ok(None);
    }
    let axis = node.int("axis", 1)?;
    let first = if axis < 0 { axis.saturating_add_unsigned(shape.len() as u64) } else { axis };
    let Ok(first) = usize::try_from(first) else { return Ok(Some(format!("axis {axis} is outside of {shape:?}"))) };
    let joined = shape.iter().skip(first).filter(|&&size| size > 1).count();
    Ok((joined > 1).then(|| format!("{} of operator set 12 and before joins {joined} axes", node.op())))
}

fn channels(node: &dyn NodeView) -> Option<usize> {
    node.shape(0)?.get(1).copied()
}

fn depth_to_space(node: &dyn NodeView) -> Checked {
    if node.text("mode", "DCR")? == "CRD" {
        return Ok(None);
    }
    let Some(channels) = channels(node) else { return Ok(None) };
    let size = usize::try_from(node.int("blocksize", 0)?).map_err(|_| Unreadable("blocksize"))?;
    let left = channels.checked_div(size.saturating_mul(size)).ok_or(Unreadable("blocksize"))?;
    Ok((left != size).then(|| format!("DepthToSpace in mode DCR would write {left} channels as if they were {size}")))
}
