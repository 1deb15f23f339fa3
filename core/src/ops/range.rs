//! Range: from start up to limit by delta. <https://onnx.ai/onnx/operators/onnx__Range.html>

use super::cast::cast;
use super::operands::{checked_len, required};
use super::{Call, Operator, Treatment, constant_result};
use crate::chip::Support;
use crate::graph::{DataType, Tensor};
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "Range",
    treatment: Treatment { float_inputs: &[0, 1, 2], ..Treatment::FLOAT },
    chip: Support::LACKS,
    infer: |call| constant_result::infer(value(call)?),
    prepare: |call| constant_result::prepare(value(call)?),
};

fn value(call: &Call) -> Result<Tensor> {
    let constant = |port| match required(call, port, "Range")?.constant.clone() {
        Some(tensor) => Ok(tensor),
        None => bail!("Range has bounds that are computed while the model runs, but espq needs constants"),
    };
    let (start, limit, delta) = (constant(0)?, constant(1)?, constant(2)?);
    let data_type = start.data_type();
    let number = |t: Tensor| match cast(t, DataType::F64)?.slice::<f64>() {
        Some(&[v]) => Ok(v),
        _ => bail!("Range takes scalars"),
    };
    let (from, to, step) = (number(start)?, number(limit)?, number(delta)?);
    let count = ((to - from) / step).ceil().max(0.0);
    if !count.is_finite() || step == 0.0 {
        bail!("Range from {from} to {to} by {step} has no end");
    }
    let len = checked_len(&[count as usize])?;
    cast(Tensor::new(&[len], (0..len).map(|i| from + i as f64 * step).collect::<Vec<f64>>())?, data_type)
}
