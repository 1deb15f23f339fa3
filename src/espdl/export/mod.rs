//! From a quantized graph to what ESP-DL runs: axes, Transposes; the passes of esp-ppq's exporter, one a file.
//!
//! Never: how exponents were found, and the bytes of the file.

mod assemble;
mod begin;
mod boundaries;
mod constants;
mod draft;
mod forms;
mod layout;
mod matmul;
mod relu;
mod tables;
mod transposes;
mod weights;

use crate::Result;
use crate::espdl::Model;
use crate::quant::Quantized;

pub use boundaries::insert_boundaries;
pub use draft::{Draft, DraftNode, DraftValue, Port};
pub use layout::lay_out;
pub use relu::fuse_relu;
pub use weights::pack_weights;

/// ONNX's, of the operator sets whose forms are written.
const IR_VERSION: i32 = 8;

/// The model as ESP-DL runs it.
pub fn export(quantized: &Quantized) -> Result<Model> {
    let target = quantized.settings.target;
    let mut draft = begin::begin(quantized)?;
    fuse_relu(&mut draft);
    matmul::right_sides(&mut draft);
    lay_out(&mut draft)?;
    insert_boundaries(&mut draft);
    pack_weights(&mut draft, target.family())?;
    let tables = tables::add_tables(&mut draft, quantized.graph.opset, target.rounding())?;
    let graph = assemble::assemble(&draft, &quantized.graph.name, tables);
    Ok(Model { ir_version: IR_VERSION, graph, ..Model::default() })
}

#[cfg(test)]
mod tests;
