//! Relu: max(x, 0). <https://onnx.ai/onnx/operators/onnx__Relu.html>

use super::elementwise::{infer_same, map, take};
use super::{Kernel, Operator, Treatment};
use crate::chip::{Axes, Buffer, Chip, Support, Table};
use crate::graph::Tensor;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "Relu",
    treatment: Treatment { clamps: true, ..Treatment::PLAIN },
    chip: Support::Runs(&Chip { axes: Axes::Any, table: Table::Int8, buffer: Buffer::Overwritten, ..Chip::PLAIN }),
    infer: infer_same,
    prepare: |_| Ok(Box::new(Relu)),
};

struct Relu;

impl Kernel for Relu {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = take(&mut inputs, 0)?;
        Ok(vec![match &x {
            Tensor::F32(_) => map(x, |v: f32| v.max(0.0))?,
            Tensor::F64(_) => map(x, |v: f64| v.max(0.0))?,
            Tensor::I8(_) => map(x, |v: i8| v.max(0))?,
            Tensor::I16(_) => map(x, |v: i16| v.max(0))?,
            Tensor::I32(_) => map(x, |v: i32| v.max(0))?,
            Tensor::I64(_) => map(x, |v: i64| v.max(0))?,
            other => bail!("Relu takes signed numbers, not {}", other.data_type().name()),
        }])
    }
}
