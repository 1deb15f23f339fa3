//! Neg: -x. <https://onnx.ai/onnx/operators/onnx__Neg.html>

use super::elementwise::{infer_same, map, take};
use super::{Kernel, Operator, Treatment};
use crate::chip::{Axes, Buffer, Chip, Scales, Support};
use crate::graph::Tensor;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "Neg",
    treatment: Treatment::PLAIN,
    chip: Support::Runs(&Chip { axes: Axes::Any, scales: Scales::OfInput, buffer: Buffer::Overwritten, ..Chip::PLAIN }),
    infer: infer_same,
    prepare: |_| Ok(Box::new(Neg)),
};

struct Neg;

impl Kernel for Neg {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = take(&mut inputs, 0)?;
        Ok(vec![match &x {
            Tensor::F32(_) => map(x, |v: f32| -v)?,
            Tensor::F64(_) => map(x, |v: f64| -v)?,
            Tensor::I8(_) => map(x, |v: i8| v.wrapping_neg())?,
            Tensor::I16(_) => map(x, |v: i16| v.wrapping_neg())?,
            Tensor::I32(_) => map(x, |v: i32| v.wrapping_neg())?,
            Tensor::I64(_) => map(x, |v: i64| v.wrapping_neg())?,
            other => bail!("Neg takes signed numbers, not {}", other.data_type().name()),
        }])
    }
}
