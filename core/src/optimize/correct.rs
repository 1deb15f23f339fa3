//! Pass `correct`: subtracts the measured mean error of each output channel from its bias.
//!
//! Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction" (2019), section 4.2, with
//! means measured on the samples, after the changes to earlier layers. Values count as far as readers see them: an error below
//! a Relu's 0 or beyond the scale's end is none, and a bias that makes up for it would only move the other values.

use crate::Result;
use crate::graph::Tensor;
use crate::parallel;

use super::sweep::{Change, Layer, channel_means};

/// Returns the bias of a layer without the mean error of its outputs.
pub fn correct(layer: &Layer) -> Result<Vec<Change>> {
    let weighted = layer.weighted;
    let Some(bias) = weighted.bias else { return Ok(Vec::new()) };
    let Some(constant) = layer.graph.value(bias).constant.as_ref() else { return Ok(Vec::new()) };
    let errors: Vec<[Option<Vec<f64>>; 2]> = parallel::try_map(layer.samples(), |sample| {
        let means = [layer.output(sample)?, layer.float_output(sample)?];
        Ok(means.map(|output| output.map(|output| channel_means(weighted, &output, layer.range))))
    })?;
    let mut shift = vec![0.0; weighted.outputs];
    for errors in &errors {
        let [Some(simulated), Some(float)] = errors else { return Ok(Vec::new()) };
        for (shift, (simulated, float)) in shift.iter_mut().zip(simulated.iter().zip(float)) {
            *shift += (simulated - float) / layer.samples() as f64;
        }
    }
    let biases = constant.slice::<f32>().unwrap_or_default();
    let corrected: Vec<f32> = biases.iter().zip(&shift).map(|(bias, shift)| bias - *shift as f32).collect();
    let tensor = Tensor::new(constant.shape(), corrected)?;
    Ok(vec![Change { value: bias, tensor, exponents: None }])
}
