//! Constant: the value of its attribute. <https://onnx.ai/onnx/operators/onnx__Constant.html>

use super::{Call, Operator, Treatment, constant_result};
use crate::chip::Support;
use crate::graph::{Attribute, Tensor};
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "Constant",
    treatment: Treatment::FLOAT,
    chip: Support::LACKS,
    infer: |call| constant_result::infer(value(call)?),
    prepare: |call| constant_result::prepare(value(call)?),
};

fn value(call: &Call) -> Result<Tensor> {
    let Some((name, attribute)) = call.attributes.0.iter().next() else { bail!("Constant has no value") };
    Ok(match attribute {
        Attribute::Tensor(tensor) => tensor.clone(),
        Attribute::Float(v) => Tensor::scalar(*v),
        Attribute::Int(v) => Tensor::scalar(*v),
        Attribute::Floats(v) => Tensor::new(&[v.len()], v.clone())?,
        Attribute::Ints(v) => Tensor::new(&[v.len()], v.clone())?,
        _ => bail!("Constant of {name} is not supported"),
    })
}
