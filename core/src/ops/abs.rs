//! Abs: magnitude. <https://onnx.ai/onnx/operators/onnx__Abs.html>

use super::elementwise::{infer_same, map, take};
use super::{Kernel, Operator, Treatment};
use crate::chip::{Axes, Buffer, Chip, Support, Table};
use crate::graph::Tensor;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "Abs",
    treatment: Treatment::FLOAT,
    chip: Support::Runs(&Chip {
        written_as: Some("LeakyRelu"),
        axes: Axes::Any,
        table: Table::Int8,
        buffer: Buffer::Overwritten,
        ..Chip::PLAIN
    }),
    infer: infer_same,
    prepare: |_| Ok(Box::new(Abs)),
};

struct Abs;

impl Kernel for Abs {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = take(&mut inputs, 0)?;
        Ok(vec![match &x {
            Tensor::F32(_) => map(x, |v: f32| v.abs())?,
            Tensor::F64(_) => map(x, |v: f64| v.abs())?,
            Tensor::I8(_) => map(x, |v: i8| v.wrapping_abs())?,
            Tensor::I16(_) => map(x, |v: i16| v.wrapping_abs())?,
            Tensor::I32(_) => map(x, |v: i32| v.wrapping_abs())?,
            Tensor::I64(_) => map(x, |v: i64| v.wrapping_abs())?,
            other => bail!("Abs takes signed numbers, not {}", other.data_type().name()),
        }])
    }
}
