//! GroupNormalization: zero mean and unit deviation by sample and group of channels, then scale and
//! bias: one per group before operator set 21, one per channel since. <https://onnx.ai/onnx/operators/onnx__GroupNormalization.html>

use super::channel_groups::ChannelGroups;
use super::elementwise::infer_same;
use super::operands::{expect_float, required};
use super::{Call, Kernel, Operator, Treatment};
use crate::chip::Support;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "GroupNormalization",
    treatment: Treatment::FLOAT,
    chip: Support::LACKS,
    infer: infer_same,
    prepare,
};

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    let x = required(call, 0, "GroupNormalization")?;
    expect_float(x.data_type, "GroupNormalization")?;
    let [_, channels, inner @ ..] = x.shape.as_slice() else {
        bail!("GroupNormalization takes samples of channels, not shape {:?}", x.shape)
    };
    let asked = call.attributes.int("num_groups").and_then(|g| usize::try_from(g).ok());
    let Some(groups) = asked.filter(|&g| g > 0 && channels.is_multiple_of(g)) else {
        bail!("GroupNormalization cannot split {channels} channels into num_groups = {asked:?}")
    };
    Ok(Box::new(ChannelGroups {
        channels: *channels,
        groups,
        inner: inner.iter().product(),
        epsilon: call.attributes.float_or("epsilon", 1e-5),
        parameters: if call.opset >= 21 { *channels } else { groups },
    }))
}
