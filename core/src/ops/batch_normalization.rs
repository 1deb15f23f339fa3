//! BatchNormalization: (x - mean) / sqrt(variance + epsilon) * scale + bias by channel. <https://onnx.ai/onnx/operators/onnx__BatchNormalization.html>

use super::elementwise::take;
use super::operands::required;
use super::{Call, Fact, Kernel, Operator, Treatment};
use crate::chip::Support;
use crate::graph::{Element, Tensor};
use crate::kernels::real::Real;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "BatchNormalization",
    treatment: Treatment::FLOAT,
    chip: Support::Lacks {
        instead: Some("replace it by Mul and Add with constants of shape [C, 1, 1], which ESP-DL supports"),
    },
    infer,
    prepare,
};

fn infer(call: &Call) -> Result<Vec<Fact>> {
    let x = required(call, 0, "BatchNormalization")?;
    let statistics = Fact::new(x.data_type, vec![channels(x)]);
    Ok(vec![Fact::new(x.data_type, x.shape.clone()), statistics.clone(), statistics])
}

fn channels(x: &Fact) -> usize {
    x.shape.get(1).copied().unwrap_or(1)
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    let x = required(call, 0, "BatchNormalization")?;
    let is_training = call.attributes.int_or("training_mode", 0) != 0;
    // Of constants it is folded: PyTorch's exporter standardizes weights this way.
    if (is_training || call.outputs > 1) && x.constant.is_none() {
        bail!("BatchNormalization is in training mode; export the model in evaluation mode");
    }
    let inner = x.shape.iter().skip(2).product();
    let momentum = is_training.then(|| call.attributes.float_or("momentum", 0.9));
    let epsilon = call.attributes.float_or("epsilon", 1e-5);
    Ok(Box::new(BatchNormalization { channels: channels(x), inner, epsilon, momentum }))
}

struct BatchNormalization {
    channels: usize,
    inner: usize,
    epsilon: f32,
    /// Share of the old statistics in the new ones, in training mode: the input is normalized by its own.
    momentum: Option<f32>,
}

impl Kernel for BatchNormalization {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = take(&mut inputs, 0)?;
        match &x {
            Tensor::F64(_) => self.compute::<f64>(x, &inputs),
            _ => self.compute::<f32>(x, &inputs),
        }
    }
}

impl BatchNormalization {
    fn compute<T: Real + Element>(&self, x: Tensor, inputs: &[Option<Tensor>]) -> Result<Vec<Tensor>> {
        let shape = x.shape().to_vec();
        let Some(mut values) = x.into_vec::<T>() else { bail!("BatchNormalization takes one floating type") };
        let parameter = |port| super::operands::exactly::<T>(inputs, port, self.channels);
        let (scale, bias, old_mean, old_variance) = (parameter(1)?, parameter(2)?, parameter(3)?, parameter(4)?);
        let widened = |values: &[T]| values.iter().map(|v| v.to_f64()).collect::<Vec<f64>>();
        let (old_mean, old_variance) = (widened(old_mean), widened(old_variance));
        let own = self.momentum.map(|_| self.statistics(&values));
        let (mean, variance) = own.as_ref().map_or((&old_mean, &old_variance), |(mean, variance)| (mean, variance));
        for (i, block) in values.chunks_mut(self.inner.max(1)).enumerate() {
            let c = i % self.channels.max(1);
            let factor = scale[c].to_f64() / (variance[c] + f64::from(self.epsilon)).sqrt();
            for v in block {
                *v = T::from_f64((v.to_f64() - mean[c]) * factor + bias[c].to_f64());
            }
        }
        let momentum = f64::from(self.momentum.unwrap_or(1.0));
        let moved = |old: &[f64], own: &[f64]| {
            let moved = old.iter().zip(own).map(|(old, own)| T::from_f64(old * momentum + own * (1.0 - momentum)));
            Tensor::new(&[self.channels], moved.collect())
        };
        Ok(vec![Tensor::new(&shape, values)?, moved(&old_mean, mean)?, moved(&old_variance, variance)?])
    }

    /// Returns mean and variance of each channel.
    fn statistics<T: Real>(&self, values: &[T]) -> (Vec<f64>, Vec<f64>) {
        let count = (values.len() / self.channels.max(1)).max(1) as f64;
        let sums = |of: &dyn Fn(usize, f64) -> f64| {
            let mut sums = vec![0.0; self.channels];
            for (i, block) in values.chunks(self.inner.max(1)).enumerate() {
                let c = i % self.channels.max(1);
                sums[c] += block.iter().map(|v| of(c, v.to_f64())).sum::<f64>();
            }
            sums.iter().map(|sum| sum / count).collect::<Vec<f64>>()
        };
        let mean = sums(&|_, v| v);
        let variance = sums(&|c, v| (v - mean[c]).powi(2));
        (mean, variance)
    }
}
