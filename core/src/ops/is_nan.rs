//! IsNaN: `true` for NaN. <https://onnx.ai/onnx/operators/onnx__IsNaN.html>

use super::elementwise::{infer_bool, take};
use super::{Kernel, Operator, Treatment};
use crate::chip::Support;
use crate::graph::Tensor;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "IsNaN",
    treatment: Treatment::FLOAT,
    chip: Support::LACKS,
    infer: infer_bool,
    prepare: |_| Ok(Box::new(IsNan)),
};

struct IsNan;

impl Kernel for IsNan {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = take(&mut inputs, 0)?;
        let found: Vec<bool> = match &x {
            Tensor::F32(a) => a.iter().map(|v| v.is_nan()).collect(),
            Tensor::F64(a) => a.iter().map(|v| v.is_nan()).collect(),
            other => bail!("IsNaN takes float32 or float64, not {}", other.data_type().name()),
        };
        Ok(vec![Tensor::new(x.shape(), found)?])
    }
}
