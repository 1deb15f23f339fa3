//! Parts shared by InstanceNormalization and GroupNormalization: each group of channels of each sample is normalized to
//! zero mean and unit deviation, then scaled and shifted.

use crate::graph::{Element, Tensor};
use crate::kernels::real::Real;
use crate::{Result, bail};

use super::Kernel;
use super::elementwise::take;
use super::operands::exactly;

pub struct ChannelGroups {
    pub channels: usize,
    /// Number of groups, which divides `channels`.
    pub groups: usize,
    /// Elements per channel.
    pub inner: usize,
    pub epsilon: f32,
    /// Elements of scale and of bias: one per channel or one per group.
    pub parameters: usize,
}

impl Kernel for ChannelGroups {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = take(&mut inputs, 0)?;
        Ok(vec![match &x {
            Tensor::F64(_) => self.compute::<f64>(x, &inputs)?,
            _ => self.compute::<f32>(x, &inputs)?,
        }])
    }
}

impl ChannelGroups {
    fn compute<T: Real + Element>(&self, x: Tensor, inputs: &[Option<Tensor>]) -> Result<Tensor> {
        let shape = x.shape().to_vec();
        let Some(mut values) = x.into_vec::<T>() else { bail!("a normalization takes one floating type") };
        let (scale, bias) = (exactly::<T>(inputs, 1, self.parameters)?, exactly::<T>(inputs, 2, self.parameters)?);
        let size = self.channels / self.groups.max(1);
        for (g, group) in values.chunks_mut((size * self.inner).max(1)).enumerate() {
            let n = group.len() as f64;
            let mean = group.iter().map(|v| v.to_f64()).sum::<f64>() / n;
            let variance = group.iter().map(|v| (v.to_f64() - mean).powi(2)).sum::<f64>() / n;
            let inverse = 1.0 / (variance + f64::from(self.epsilon)).sqrt();
            for (c, channel) in group.chunks_mut(self.inner.max(1)).enumerate() {
                let channel_index = (g % self.groups) * size + c;
                let p = channel_index * self.parameters / self.channels;
                let (factor, offset) = (scale[p].to_f64() * inverse, bias[p].to_f64());
                channel.iter_mut().for_each(|v| *v = T::from_f64((v.to_f64() - mean) * factor + offset));
            }
        }
        Tensor::new(&shape, values)
    }
}
