//! Models whose activations are integers, which ESP-DL cannot take over.

use super::file::{File, Info};
use super::schema::kind_name;
use super::weights::is_narrow;
use crate::{Error, Result};

/// Refuses a model with integers and scales between its layers.
pub fn check(file: &File) -> Result<()> {
    let between =
        file.operators.iter().flat_map(|operator| operator.outputs.iter().chain(operator.inputs.iter().flatten()));
    let is_quantized = |info: &&Info| info.scales.is_some() && is_narrow(info.kind) && !info.is_constant();
    let Some(first) = between.map(|&tensor| &file.tensors[tensor]).find(is_quantized) else { return Ok(()) };
    let what = format!(
        "the model is already quantized: '{}' is {} with a scale of TensorFlow Lite, which is no power of two as \
         ESP-DL's are",
        first.name,
        kind_name(first.kind)
    );
    Err(Error::new(what).with_help(
        "convert the float model: leave out `converter.optimizations`, `representative_dataset` and \
         `inference_input_type`; espq determines the scales for ESP-DL",
    ))
}
