//! Sigmoid: 1 / (1 + e^-x). <https://onnx.ai/onnx/operators/onnx__Sigmoid.html>

use super::elementwise::{infer_same, map_all, take};
use super::{Kernel, Operator, Treatment};
use crate::chip::{Axes, Buffer, Chip, Support, Table};
use crate::graph::{DataType, Tensor};
use crate::kernels::activation::sigmoid;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "Sigmoid",
    treatment: Treatment::PLAIN,
    chip: Support::Runs(&Chip {
        axes: Axes::Any,
        table: Table::Int8AndInt16,
        buffer: Buffer::Overwritten,
        ..Chip::PLAIN
    }),
    infer: infer_same,
    prepare: |_| Ok(Box::new(Sigmoid)),
};

struct Sigmoid;

impl Kernel for Sigmoid {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = take(&mut inputs, 0)?;
        Ok(vec![match x.data_type() {
            DataType::F32 => map_all(x, sigmoid::<f32>)?,
            DataType::F64 => map_all(x, sigmoid::<f64>)?,
            other => bail!("Sigmoid takes float32 or float64, not {}", other.name()),
        }])
    }
}
