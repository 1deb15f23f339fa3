//! Conversion of a quantized graph to ESP-DL's form: order of axes, Transposes, and the passes of esp-ppq's exporter,
//! one per file.
//!
//! Never: the choice of exponents, the bytes of the file.

mod assemble;
mod begin;
mod boundaries;
mod constants;
mod draft;
mod forms;
mod gelu;
mod gemm;
mod layout;
mod matmul;
mod pooling;
mod prelu;
mod quantization;
mod relu;
mod resize;
mod tables;
mod test_values;
mod transposes;
mod weights;

use crate::chip::Runtime;
use crate::espdl::Model;
use crate::graph;
use crate::quant::Quantized;
use crate::runtime::run;
use crate::{Error, Result};

pub use boundaries::insert_boundaries;
pub use draft::{Draft, DraftNode, DraftValue, Port};
pub use gelu::erfs_of_gelus;
pub use layout::lay_out;
pub use relu::fuse_relu;
pub use weights::pack_weights;

/// ONNX's version for the operator sets whose forms are written.
const IR_VERSION: i32 = 8;

/// Target of the file, and data that it contains besides the model.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub runtime: Runtime,
    /// Entries of `metadata_props`.
    pub metadata: Vec<(String, String)>,
    /// Test input with one tensor per input of the model, for the self-test on the chip.
    pub sample: Option<Vec<graph::Tensor>>,
}

/// Exported model, and its differences from esp-ppq's.
#[derive(Debug, Clone)]
pub struct Export {
    pub model: Model,
    /// The `.json` beside the model: sharing of scales.
    pub quantization: String,
    /// Differences from esp-ppq, one sentence each.
    pub differences: Vec<String>,
    /// Reason why the test input is not in the file: the chip's outputs for it are unknown.
    pub untested: Option<Error>,
}

/// Exports the model in the form that ESP-DL runs.
pub fn export(quantized: &Quantized, options: &Options) -> Result<Export> {
    let target = quantized.settings.target;
    let mut draft = begin::begin(quantized)?;
    pooling::explicit_windows(&mut draft);
    gelu::fuse_gelu(&mut draft);
    fuse_relu(&mut draft);
    gemm::turn_first_inputs(&mut draft);
    matmul::right_sides(&mut draft, target.family(), options.runtime);
    prelu::shape(&mut draft);
    lay_out(&mut draft)?;
    prelu::exponents(&mut draft, target.family());
    boundaries::equalize(&mut draft);
    insert_boundaries(&mut draft);
    pack_weights(&mut draft, target.family())?;
    let tables = tables::add_tables(&mut draft, quantized.graph.opset, target.rounding())?;
    let graph = assemble::assemble(&draft, &quantized.graph.name, tables);
    let metadata = options.metadata.clone();
    let mut model = Model { ir_version: IR_VERSION, metadata, graph, ..Model::default() };
    let mut untested = None;
    if let Some(sample) = &options.sample {
        let order = draft.order();
        let ports = assemble::value_ports(&draft, &order);
        let inputs = test_values::inputs(&draft, &ports, sample, target.rounding())?;
        untested = run::fill_tests(&mut model, target, inputs).err();
    }
    let quantization = quantization::quantization(&draft, quantized)?;
    Ok(Export { model, quantization, differences: draft.differences, untested })
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod rewrite_tests;
