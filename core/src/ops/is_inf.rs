//! IsInf: `true` for infinite elements of the selected signs. <https://onnx.ai/onnx/operators/onnx__IsInf.html>

use super::elementwise::{infer_bool, take};
use super::{Call, Kernel, Operator, Treatment};
use crate::chip::Support;
use crate::graph::Tensor;
use crate::{Result, bail};

pub static OPERATOR: Operator =
    Operator { name: "IsInf", treatment: Treatment::FLOAT, chip: Support::LACKS, infer: infer_bool, prepare };

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    let asked = |sign| call.attributes.int_or(sign, 1) != 0;
    Ok(Box::new(IsInf { negative: asked("detect_negative"), positive: asked("detect_positive") }))
}

struct IsInf {
    negative: bool,
    positive: bool,
}

impl IsInf {
    fn holds(&self, v: f64) -> bool {
        (self.negative && v == f64::NEG_INFINITY) || (self.positive && v == f64::INFINITY)
    }
}

impl Kernel for IsInf {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = take(&mut inputs, 0)?;
        let found: Vec<bool> = match &x {
            Tensor::F32(a) => a.iter().map(|&v| self.holds(v.into())).collect(),
            Tensor::F64(a) => a.iter().map(|&v| self.holds(v)).collect(),
            other => bail!("IsInf takes float32 or float64, not {}", other.data_type().name()),
        };
        Ok(vec![Tensor::new(x.shape(), found)?])
    }
}
