//! Gelu: x times the normal distribution function, or its tanh approximation. <https://onnx.ai/onnx/operators/onnx__Gelu.html>

use super::elementwise::{infer_same, map, take};
use super::{Call, Kernel, Operator, Treatment};
use crate::chip::{Axes, Buffer, Chip, Kernels, Support, Table};
use crate::graph::Tensor;
use crate::kernels::activation::tanh;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "Gelu",
    treatment: Treatment::PLAIN,
    chip: Support::Runs(&Chip {
        kernels: Kernels::INTEGER,
        axes: Axes::Any,
        table: Table::Int8AndInt16,
        buffer: Buffer::Overwritten,
        ..Chip::PLAIN
    }),
    infer: infer_same,
    prepare,
};

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    Ok(Box::new(match call.attributes.text("approximate") {
        None | Some("none") => Gelu { tanh: false },
        Some("tanh") => Gelu { tanh: true },
        Some(other) => bail!("Gelu has approximate = {other}, only none and tanh are defined"),
    }))
}

struct Gelu {
    tanh: bool,
}

impl Kernel for Gelu {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = take(&mut inputs, 0)?;
        Ok(vec![match &x {
            Tensor::F64(_) => map(x, |v| gelu(v, self.tanh))?,
            _ => map(x, |v: f32| gelu_single(v, self.tanh))?,
        }])
    }
}

fn gelu(x: f64, tanh: bool) -> f64 {
    if tanh {
        0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x)).tanh())
    } else {
        0.5 * x * (1.0 + libm::erf(x / std::f64::consts::SQRT_2))
    }
}

/// float32 rounds each step, as torch does.
fn gelu_single(x: f32, approximate: bool) -> f32 {
    if approximate {
        let slope = (2.0 / std::f64::consts::PI).sqrt() as f32;
        0.5 * x * (1.0 + tanh(slope * (x * x * x).mul_add(0.044_715, x)))
    } else {
        0.5 * x * (1.0 + (x * std::f32::consts::FRAC_1_SQRT_2).error_function())
    }
}

/// Error function of either float type.
pub trait Erf {
    fn error_function(self) -> Self;
}

impl Erf for f64 {
    fn error_function(self) -> f64 {
        libm::erf(self)
    }
}

impl Erf for f32 {
    fn error_function(self) -> f32 {
        libm::erf(f64::from(self)) as f32
    }
}
