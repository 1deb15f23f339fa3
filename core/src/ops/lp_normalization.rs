//! LpNormalization: x divided by its 1- or 2-norm along an axis. <https://onnx.ai/onnx/operators/onnx__LpNormalization.html>

use super::axes::normalize;
use super::elementwise::{infer_same, take};
use super::normalize_rows::Rows;
use super::operands::required;
use super::{Call, Kernel, Operator, Treatment};
use crate::chip::{Axes, Buffer, Chip, Support};
use crate::graph::{Element, Tensor};
use crate::kernels::real::Real;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "LpNormalization",
    treatment: Treatment::PLAIN,
    chip: Support::Runs(&Chip { axes: Axes::Attribute { default: -1 }, buffer: Buffer::Overwritten, ..Chip::PLAIN }),
    infer: infer_same,
    prepare,
};

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    let x = required(call, 0, "LpNormalization")?;
    let axis = normalize(call.attributes.int_or("axis", -1), x.shape.len())?;
    let p = call.attributes.int_or("p", 2);
    if !matches!(p, 1 | 2) {
        bail!("LpNormalization has p = {p}, only 1 and 2 are defined");
    }
    Ok(Box::new(LpNormalization { rows: Rows::along(&x.shape, axis), euclidean: p == 2 }))
}

struct LpNormalization {
    rows: Rows,
    euclidean: bool,
}

impl Kernel for LpNormalization {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = take(&mut inputs, 0)?;
        Ok(vec![match &x {
            Tensor::F64(_) => self.compute::<f64>(x)?,
            _ => self.compute::<f32>(x)?,
        }])
    }
}

impl LpNormalization {
    fn compute<T: Real + Element>(&self, x: Tensor) -> Result<Tensor> {
        let shape = x.shape().to_vec();
        let Some(mut values) = x.into_vec::<T>() else { bail!("LpNormalization takes float32 or float64") };
        self.rows.for_each(&mut values, |row| {
            let norm = match self.euclidean {
                true => row.iter().map(|v| v.to_f64().powi(2)).sum::<f64>().sqrt(),
                false => row.iter().map(|v| v.to_f64().abs()).sum::<f64>(),
            };
            // torch.nn.functional.normalize: a row of zeros does not change.
            let norm = norm.max(1e-12);
            row.iter_mut().for_each(|v| *v = T::from_f64(v.to_f64() / norm));
        });
        Tensor::new(&shape, values)
    }
}
