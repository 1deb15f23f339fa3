//! DepthToSpace and SpaceToDepth, between channels and spatial axes of an NHWC value (`dl_module_depth_to_space.hpp`,
//! `dl_module_space_to_depth.hpp`).
//!
//! Never: arithmetic.

use crate::{Result, bail};

use super::kernel::Kernel;
use super::node_context::Step;
use super::shape_ops::walked;
use super::value::Fact;
use super::walk::strides;

/// Prepares a permutation of the input's axes, with blocks as separate axes, to the output's order.
fn blocks(step: &Step, order: [usize; 6], view: [usize; 6], dims: [usize; 4]) -> Result<Kernel> {
    let strides = strides(&view);
    // In bounds: axes 0 to 5.
    let axes = order.map(|axis| (0, strides[axis] as i64, view[axis]));
    walked(step, dims.to_vec(), &axes)
}

fn size(step: &Step, input: &Fact) -> Result<([usize; 4], usize)> {
    let size = usize::try_from(step.int("blocksize", 0)).ok().filter(|b| (1..=1 << 15).contains(b));
    match (<[usize; 4]>::try_from(input.dims.as_slice()), size) {
        (Ok(dims), Some(size)) => Ok((dims, size)),
        _ => bail!("blocks of {} on an input of shape {:?}", step.int("blocksize", 0), input.dims),
    }
}

pub fn depth_to_space(step: &Step) -> Result<Kernel> {
    let input = step.input(0)?;
    let ([n, h, w, c], b) = size(step, input)?;
    let left = c / (b * b);
    if left * b * b != c {
        bail!("{c} channels cannot be split into blocks of {b} by {b}");
    }
    let dims = [n, h * b, w * b, left];
    match step.node.text("mode") {
        Some("CRD") => blocks(step, [0, 1, 4, 2, 5, 3], [n, h, w, left, b, b], dims),
        // `depth_to_space_dcr` takes the block's size as the number of remaining channels.
        _ if left == b => blocks(step, [0, 1, 3, 2, 4, 5], [n, h, w, b, b, left], dims),
        _ => bail!("in mode DCR, the chip writes {left} channels as if there were {b}, overwriting some"),
    }
}

/// Prepares SpaceToDepth, with channels before the positions of a block, like PyTorch's pixel_unshuffle; ONNX has the
/// positions first.
pub fn space_to_depth(step: &Step) -> Result<Kernel> {
    let input = step.input(0)?;
    let ([n, h, w, c], b) = size(step, input)?;
    if h % b != 0 || w % b != 0 {
        bail!("{h} by {w} pixels cannot be split into blocks of {b} by {b}");
    }
    blocks(step, [0, 1, 3, 5, 2, 4], [n, h / b, b, w / b, b, c], [n, h / b, w / b, c * b * b])
}
