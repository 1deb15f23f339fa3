//! RMSNormalization: x / sqrt(mean(x^2) + epsilon) over the axes from `axis` on, times scale. <https://onnx.ai/onnx/operators/onnx__RMSNormalization.html>

use super::axes::normalize;
use super::elementwise::{infer_same, take};
use super::normalize_rows::Rows;
use super::operands::{elements, optional, required};
use super::{Call, Kernel, Operator, Treatment};
use crate::chip::{Buffer, Chip, Support};
use crate::graph::{Element, Tensor};
use crate::kernels::real::Real;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "RMSNormalization",
    treatment: Treatment { float_inputs: &[1], ..Treatment::PLAIN },
    chip: Support::Runs(&Chip { buffer: Buffer::Overwritten, ..Chip::PLAIN }),
    infer: infer_same,
    prepare,
};

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    let x = required(call, 0, "RMSNormalization")?;
    let axis = normalize(call.attributes.int_or("axis", -1), x.shape.len())?;
    let epsilon = call.attributes.float_or("epsilon", 1e-5);
    if let Some(scale) = optional(call, 1) {
        let real: Vec<usize> = scale.shape.iter().copied().skip_while(|&d| d == 1).collect();
        let row: Vec<usize> = x.shape[axis..].iter().copied().skip_while(|&d| d == 1).collect();
        if !real.is_empty() && real != row {
            bail!("RMSNormalization of rows {:?} has a scale of shape {:?}", &x.shape[axis..], scale.shape);
        }
    }
    Ok(Box::new(RmsNormalization { rows: Rows::from(&x.shape, axis), epsilon }))
}

struct RmsNormalization {
    rows: Rows,
    epsilon: f32,
}

impl Kernel for RmsNormalization {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = take(&mut inputs, 0)?;
        Ok(vec![match &x {
            Tensor::F64(_) => self.compute::<f64>(x, &inputs)?,
            _ => self.compute::<f32>(x, &inputs)?,
        }])
    }
}

impl RmsNormalization {
    fn compute<T: Real + Element>(&self, x: Tensor, inputs: &[Option<Tensor>]) -> Result<Tensor> {
        let shape = x.shape().to_vec();
        let Some(mut values) = x.into_vec::<T>() else { bail!("RMSNormalization takes one floating type") };
        let scale = elements::<T>(inputs, 1)?.filter(|s| !s.is_empty());
        self.rows.for_each(&mut values, |row| {
            let mean = row.iter().map(|v| v.to_f64().powi(2)).sum::<f64>() / row.len() as f64;
            let inverse = 1.0 / (mean + f64::from(self.epsilon)).sqrt();
            for (i, v) in row.iter_mut().enumerate() {
                *v = T::from_f64(v.to_f64() * inverse * scale.map_or(1.0, |s| s[i % s.len()].to_f64()));
            }
        });
        Tensor::new(&shape, values)
    }
}
