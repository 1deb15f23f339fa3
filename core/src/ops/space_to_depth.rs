//! SpaceToDepth: blocks of pixels into blocks of channels. <https://onnx.ai/onnx/operators/onnx__SpaceToDepth.html>

use super::layout::{strides, walk};
use super::operands::{checked_len, required};
use super::{Call, Fact, Kernel, Operator, Treatment};
use crate::chip::{Axes, Chip, Effect, Family, Limit, Scales, Support};
use crate::graph::Tensor;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "SpaceToDepth",
    treatment: Treatment::PLAIN,
    chip: Support::Runs(&Chip {
        axes: Axes::ChannelsLast,
        limits: &[&CHANNELS],
        scales: Scales::OfInput,
        ..Chip::PLAIN
    }),
    infer,
    prepare,
};

/// `space_to_depth` puts channels before the block's positions.
pub static CHANNELS: Limit = Limit {
    name: "space-to-depth-channels",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: |node| {
        let channels = node.shape(0).and_then(|shape| shape.get(1).copied()).filter(|&channels| channels != 1);
        Ok(channels
            .map(|n| format!("SpaceToDepth of {n} channels, which the chip puts before the positions of a block")))
    },
    help: "replace it by Reshape, Transpose and Reshape",
    source: "dl_module_space_to_depth.hpp",
};

struct SpaceToDepth {
    /// Shape of the input with the block's axes separated, and their order in the output.
    view: [usize; 6],
    order: [usize; 6],
    shape: Vec<usize>,
}

fn plan(call: &Call) -> Result<SpaceToDepth> {
    let x = required(call, 0, "SpaceToDepth")?;
    let b = match call.attributes.int("blocksize").map(usize::try_from) {
        Some(Ok(b)) if (1..1 << 16).contains(&b) => b,
        _ => bail!("SpaceToDepth has no blocksize above 0"),
    };
    let [n, c, h, w] = *x.shape.as_slice() else { bail!("SpaceToDepth takes 4 axes, not {:?}", x.shape) };
    if h % b != 0 || w % b != 0 {
        bail!("SpaceToDepth has blocksize {b}, which does not divide {h} x {w} pixels");
    }
    let (view, order) = ([n, c, h / b, b, w / b, b], [0, 3, 5, 1, 2, 4]);
    let shape = vec![n, c.saturating_mul(b * b), h / b, w / b];
    checked_len(&shape)?;
    Ok(SpaceToDepth { view, order, shape })
}

fn infer(call: &Call) -> Result<Vec<Fact>> {
    Ok(vec![Fact::new(required(call, 0, "SpaceToDepth")?.data_type, plan(call)?.shape)])
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    Ok(Box::new(plan(call)?))
}

impl Kernel for SpaceToDepth {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = super::elementwise::take(&mut inputs, 0)?;
        let steps = strides(&self.view);
        let view = self.order.map(|axis| self.view[axis]);
        let steps = self.order.map(|axis| steps[axis]);
        Ok(vec![walk(&x, 0, &view, &steps)?.reshape(&self.shape)?])
    }
}
