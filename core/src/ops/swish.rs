//! Swish: x / (1 + e^(-alpha x)). <https://onnx.ai/onnx/operators/onnx__Swish.html>

use super::elementwise::{infer_same, map_all, take};
use super::{Call, Kernel, Operator, Treatment};
use crate::chip::{Axes, Buffer, Chip, Support, Table};
use crate::graph::{DataType, Tensor};
use crate::kernels::activation::swish;
use crate::kernels::real::Real;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "Swish",
    treatment: Treatment::PLAIN,
    chip: Support::Runs(&Chip {
        axes: Axes::Any,
        table: Table::Int8AndInt16,
        buffer: Buffer::Overwritten,
        ..Chip::PLAIN
    }),
    infer: infer_same,
    prepare,
};

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    Ok(Box::new(Swish { alpha: call.attributes.float_or("alpha", 1.0) }))
}

struct Swish {
    alpha: f32,
}

impl Kernel for Swish {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = take(&mut inputs, 0)?;
        Ok(vec![match x.data_type() {
            DataType::F32 => map_all(x, |x| self.compute::<f32>(x))?,
            DataType::F64 => map_all(x, |x| self.compute::<f64>(x))?,
            other => bail!("Swish takes float32 or float64, not {}", other.name()),
        }])
    }
}

impl Swish {
    fn compute<T: Real>(&self, values: &mut [T]) {
        if self.alpha == 1.0 {
            return swish(values);
        }
        let alpha = T::from_f32(self.alpha);
        for x in values {
            *x = *x / (T::ONE + (T::ZERO - alpha * *x).exponential());
        }
    }
}
