//! Pass `correct`: subtracts the measured mean error of each output channel from its bias.
//!
//! Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction" (2019), section 4.2, with
//! means measured on the samples, after the changes to earlier layers.

use rayon::prelude::*;

use crate::Result;
use crate::graph::Tensor;

use super::sweep::{Change, Layer, channel_means};

/// Returns the bias of a layer without the mean error of its outputs.
pub fn correct(layer: &Layer) -> Result<Option<Change>> {
    let weighted = layer.weighted;
    let Some(bias) = weighted.bias.filter(|_| !layer.float_means.is_empty()) else { return Ok(None) };
    let Some(constant) = layer.graph.value(bias).constant.as_ref() else { return Ok(None) };
    let means = (0..layer.samples()).into_par_iter().map(|sample| {
        let output = layer.output(sample)?;
        Ok(output.map(|output| channel_means(weighted, &output)))
    });
    let Some(means) = means.collect::<Result<Vec<_>>>()?.into_iter().collect::<Option<Vec<Vec<f64>>>>() else {
        return Ok(None);
    };
    let mut corrected = constant.slice::<f32>().unwrap_or_default().to_vec();
    for (channel, value) in corrected.iter_mut().enumerate() {
        let simulated: f64 = means.iter().filter_map(|m| m.get(channel)).sum::<f64>() / means.len().max(1) as f64;
        *value -= (simulated - layer.float_means.get(channel).copied().unwrap_or(simulated)) as f32;
    }
    let tensor = Tensor::new(constant.shape(), corrected)?;
    Ok(Some(Change { value: bias, tensor, exponents: None }))
}
