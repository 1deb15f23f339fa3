//! InstanceNormalization: zero mean and unit deviation by sample and channel, then scale and bias. <https://onnx.ai/onnx/operators/onnx__InstanceNormalization.html>

use super::channel_groups::ChannelGroups;
use super::elementwise::infer_same;
use super::operands::{expect_float, required};
use super::{Call, Kernel, Operator, Treatment};
use crate::chip::Support;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "InstanceNormalization",
    treatment: Treatment::FLOAT,
    chip: Support::LACKS,
    infer: infer_same,
    prepare,
};

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    let x = required(call, 0, "InstanceNormalization")?;
    expect_float(x.data_type, "InstanceNormalization")?;
    let [_, channels, inner @ ..] = x.shape.as_slice() else {
        bail!("InstanceNormalization takes samples of channels, not shape {:?}", x.shape)
    };
    Ok(Box::new(ChannelGroups {
        channels: *channels,
        groups: *channels,
        inner: inner.iter().product(),
        epsilon: call.attributes.float_or("epsilon", 1e-5),
        parameters: *channels,
    }))
}
