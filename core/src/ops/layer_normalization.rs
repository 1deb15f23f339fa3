//! LayerNormalization: zero mean and unit deviation over the axes from `axis` on, then scale and bias. <https://onnx.ai/onnx/operators/onnx__LayerNormalization.html>

use super::axes::normalize;
use super::normalize_rows::Rows;
use super::operands::{elements, expect_float, required};
use super::{Call, Fact, Kernel, Operator, Treatment};
use crate::chip::{Buffer, Chip, Effect, Family, Limit, Support};
use crate::graph::{DataType, Element, Tensor};
use crate::kernels::real::Real;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "LayerNormalization",
    treatment: Treatment::PLAIN,
    chip: Support::Runs(&Chip { limits: &[&STATISTICS], buffer: Buffer::Overwritten, ..Chip::PLAIN }),
    infer,
    prepare,
};

pub static STATISTICS: Limit = Limit {
    name: "layer-normalization-statistics",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: |node| {
        let is_read = node.has_output(1) || node.has_output(2);
        Ok(is_read.then(|| "LayerNormalization with the outputs Mean and InvStdDev, which have no scale".to_string()))
    },
    help: "compute the mean with a separate ReduceMean",
    source: "dl_module_layer_normalization.hpp",
};

fn axis(call: &Call) -> Result<usize> {
    normalize(call.attributes.int_or("axis", -1), required(call, 0, "LayerNormalization")?.shape.len())
}

/// Infers Y, and if requested the mean and the inverse deviation.
fn infer(call: &Call) -> Result<Vec<Fact>> {
    let x = required(call, 0, "LayerNormalization")?;
    expect_float(x.data_type, "LayerNormalization")?;
    let mut reduced = x.shape.clone();
    reduced[axis(call)?..].fill(1);
    let facts = [x.shape.clone(), reduced.clone(), reduced].map(|shape| Fact::new(x.data_type, shape));
    Ok(facts.into_iter().take(call.outputs).collect())
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    let x = required(call, 0, "LayerNormalization")?;
    Ok(Box::new(LayerNormalization {
        rows: Rows::from(&x.shape, axis(call)?),
        epsilon: call.attributes.float_or("epsilon", 1e-5),
        facts: infer(call)?,
    }))
}

struct LayerNormalization {
    rows: Rows,
    epsilon: f32,
    facts: Vec<Fact>,
}

impl Kernel for LayerNormalization {
    fn run(&self, inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        match self.facts.first().map(|f| f.data_type) {
            Some(DataType::F64) => self.compute::<f64>(inputs),
            _ => self.compute::<f32>(inputs),
        }
    }
}

impl LayerNormalization {
    fn compute<T: Real + Element>(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = super::elementwise::take(&mut inputs, 0)?;
        let Some(mut values) = x.into_vec::<T>() else { bail!("LayerNormalization takes one floating type") };
        let (scale, bias) = (elements::<T>(&inputs, 1)?, elements::<T>(&inputs, 2)?);
        let of = |parameter: Option<&[T]>, i: usize, default: f64| match parameter {
            Some(p) if !p.is_empty() => p[i % p.len()].to_f64(),
            _ => default,
        };
        let (mut means, mut inverses) = (Vec::new(), Vec::new());
        self.rows.for_each(&mut values, |row| {
            let n = row.len() as f64;
            let mean = row.iter().map(|v| v.to_f64()).sum::<f64>() / n;
            let variance = row.iter().map(|v| (v.to_f64() - mean).powi(2)).sum::<f64>() / n;
            let inverse = 1.0 / (variance + f64::from(self.epsilon)).sqrt();
            for (i, v) in row.iter_mut().enumerate() {
                *v = T::from_f64((v.to_f64() - mean) * inverse * of(scale, i, 1.0) + of(bias, i, 0.0));
            }
            means.push(T::from_f64(mean));
            inverses.push(T::from_f64(inverse));
        });
        let all = self.facts.iter().zip([values, means, inverses]);
        all.map(|(fact, values)| Tensor::new(&fact.shape, values)).collect()
    }
}
