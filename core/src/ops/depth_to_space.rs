//! DepthToSpace: blocks of channels into blocks of pixels. <https://onnx.ai/onnx/operators/onnx__DepthToSpace.html>

use super::layout::{strides, walk};
use super::operands::{checked_len, required};
use super::{Call, Fact, Kernel, Operator, Treatment};
use crate::chip::{Axes, Checked, Chip, Effect, Family, Limit, NodeView, Scales, Support, Unreadable};
use crate::graph::Tensor;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "DepthToSpace",
    treatment: Treatment::PLAIN,
    chip: Support::Runs(&Chip { axes: Axes::ChannelsLast, limits: &[&DCR], scales: Scales::OfInput, ..Chip::PLAIN }),
    infer,
    prepare,
};

/// `depth_to_space_dcr` takes the number of channels from the block's size.
pub static DCR: Limit = Limit {
    name: "depth-to-space-dcr",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: dcr,
    help: "use mode CRD, as PyTorch's PixelShuffle does",
    source: "dl_module_depth_to_space.hpp",
};

fn dcr(node: &dyn NodeView) -> Checked {
    if node.text("mode", "DCR")? == "CRD" {
        return Ok(None);
    }
    let Some(channels) = node.shape(0).and_then(|shape| shape.get(1).copied()) else { return Ok(None) };
    let size = usize::try_from(node.int("blocksize", 0)?).map_err(|_| Unreadable("blocksize"))?;
    let left = channels.checked_div(size.saturating_mul(size)).ok_or(Unreadable("blocksize"))?;
    Ok((left != size).then(|| {
        format!("DepthToSpace in mode DCR with {left} output channels, which the chip writes as if there were {size}")
    }))
}

struct DepthToSpace {
    /// Shape of the input with the block's axes separated, and their order in the output.
    view: [usize; 6],
    order: [usize; 6],
    shape: Vec<usize>,
}

fn plan(call: &Call) -> Result<DepthToSpace> {
    let x = required(call, 0, "DepthToSpace")?;
    let b = match call.attributes.int("blocksize").map(usize::try_from) {
        Some(Ok(b)) if (1..1 << 16).contains(&b) => b,
        _ => bail!("DepthToSpace has no blocksize above 0"),
    };
    let [n, c, h, w] = *x.shape.as_slice() else { bail!("DepthToSpace takes 4 axes, not {:?}", x.shape) };
    if c % (b * b) != 0 {
        bail!("DepthToSpace has blocksize {b}, whose square does not divide {c} channels");
    }
    let c = c / (b * b);
    // DCR has the block's axes before the channel's, CRD after it.
    let (view, order) = match call.attributes.text("mode").unwrap_or("DCR") {
        "DCR" => ([n, b, b, c, h, w], [0, 3, 4, 1, 5, 2]),
        "CRD" => ([n, c, b, b, h, w], [0, 1, 4, 2, 5, 3]),
        other => bail!("DepthToSpace has no mode {other}"),
    };
    let shape = vec![n, c, h.saturating_mul(b), w.saturating_mul(b)];
    checked_len(&shape)?;
    Ok(DepthToSpace { view, order, shape })
}

fn infer(call: &Call) -> Result<Vec<Fact>> {
    Ok(vec![Fact::new(required(call, 0, "DepthToSpace")?.data_type, plan(call)?.shape)])
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    Ok(Box::new(plan(call)?))
}

impl Kernel for DepthToSpace {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = super::elementwise::take(&mut inputs, 0)?;
        let steps = strides(&self.view);
        let view = self.order.map(|axis| self.view[axis]);
        let steps = self.order.map(|axis| steps[axis]);
        Ok(vec![walk(&x, 0, &view, &steps)?.reshape(&self.shape)?])
    }
}
