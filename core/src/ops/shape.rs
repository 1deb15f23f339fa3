//! Shape: the sizes of axes from `start` to `end`. <https://onnx.ai/onnx/operators/onnx__Shape.html>

use super::operands::required;
use super::{Call, Operator, Treatment, constant_result};
use crate::Result;
use crate::chip::Support;
use crate::graph::Tensor;

pub static OPERATOR: Operator = Operator {
    name: "Shape",
    treatment: Treatment { float_outputs: &[0], ..Treatment::FLOAT },
    chip: Support::LACKS,
    infer: |call| constant_result::infer(value(call)?),
    prepare: |call| constant_result::prepare(value(call)?),
};

fn value(call: &Call) -> Result<Tensor> {
    let x = required(call, 0, "Shape")?;
    let rank = x.shape.len() as i64;
    let at = |i: i64| (if i < 0 { i.saturating_add(rank) } else { i }).clamp(0, rank) as usize;
    let (start, end) = (at(call.attributes.int_or("start", 0)), at(call.attributes.int_or("end", rank)));
    let sizes: Vec<i64> = x.shape[start..end.max(start)].iter().map(|&d| d as i64).collect();
    Tensor::new(&[sizes.len()], sizes)
}
