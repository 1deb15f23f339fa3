//! ConstantOfShape: one value, in the shape that its input names. <https://onnx.ai/onnx/operators/onnx__ConstantOfShape.html>

use super::axes::constant_ints;
use super::layout::{each_type, slice};
use super::operands::checked_len;
use super::{Call, Operator, Treatment, constant_result};
use crate::chip::Support;
use crate::graph::Tensor;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "ConstantOfShape",
    treatment: Treatment { float_inputs: &[0], ..Treatment::FLOAT },
    chip: Support::LACKS,
    infer: |call| constant_result::infer(value(call)?),
    prepare: |call| constant_result::prepare(value(call)?),
};

fn value(call: &Call) -> Result<Tensor> {
    let Some(sizes) = constant_ints(call, "shape", 0)? else { bail!("ConstantOfShape has no shape") };
    let shape: Option<Vec<usize>> = sizes.iter().map(|&s| usize::try_from(s).ok()).collect();
    let Some(shape) = shape else { bail!("ConstantOfShape of {sizes:?} is not defined") };
    let len = checked_len(&shape)?;
    match call.attributes.tensor("value") {
        None => Tensor::new(&shape, vec![0f32; len]),
        Some(value) => each_type!(value, T => {
            let Some(&v) = slice::<T>(value).first() else { bail!("ConstantOfShape has an empty value") };
            Tensor::new(&shape, vec![v; len])
        }),
    }
}
