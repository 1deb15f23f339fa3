//! From a quantized graph to what ESP-DL runs: axes, Transposes; the passes of esp-ppq's exporter, one a file.
//!
//! Never: how exponents were found, and the bytes of the file.

mod abs;
mod assemble;
mod averages;
mod batch;
mod begin;
mod boundaries;
mod constants;
mod crop;
mod draft;
mod forms;
mod gelu;
mod gemm;
mod global_max;
mod groups;
mod layout;
mod matmul;
mod nothing;
mod places;
mod pooling;
mod prelu;
mod quantization;
mod reciprocal;
mod relu;
mod resize;
mod rewrite;
mod softmax;
mod tables;
mod test_values;
mod transposes;
mod weights;
mod wide;

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

/// ONNX's, of the operator sets whose forms are written.
const IR_VERSION: i32 = 8;

/// What the file is for, and what it carries beside the model.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub runtime: Runtime,
    /// Pairs for `metadata_props`.
    pub metadata: Vec<(String, String)>,
    /// One tensor an input: the file then carries it, for the chip to run itself against.
    pub sample: Option<Vec<graph::Tensor>>,
}

/// What is written, and what in it is not as esp-ppq would write it.
#[derive(Debug, Clone)]
pub struct Export {
    pub model: Model,
    /// The `.json` beside it: who shares whose scale.
    pub quantization: String,
    /// A sentence each.
    pub differences: Vec<String>,
    /// Why the sample is not in the file: what the chip makes of it is not known.
    pub untested: Option<Error>,
}

/// The model as ESP-DL runs it.
pub fn export(quantized: &Quantized, options: &Options) -> Result<Export> {
    let target = quantized.settings.target;
    let mut draft = begin::begin(quantized)?;
    pooling::explicit_windows(&mut draft);
    gelu::fuse_gelu(&mut draft);
    other_operators(&mut draft);
    softmax::join_axes(&mut draft, quantized.graph.opset);
    fuse_relu(&mut draft);
    gemm::turn_first_inputs(&mut draft);
    matmul::right_sides(&mut draft, target.family(), options.runtime);
    prelu::shape(&mut draft);
    lay_out(&mut draft)?;
    other_forms(&mut draft, quantized, options.runtime)?;
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

/// Operators that ESP-DL lacks, by one that it has.
fn other_operators(draft: &mut Draft) {
    abs::by_slope(draft);
    reciprocal::divide(draft);
    global_max::reduce(draft);
    nothing::reduce_one(draft);
    crop::slice(draft);
}

/// Forms that ESP-DL's kernels lack, by several nodes; the batch comes last, since each of these may have one.
fn other_forms(draft: &mut Draft, quantized: &Quantized, runtime: Runtime) -> Result<()> {
    places::by_places(draft, quantized, runtime)?;
    averages::pool_edges_apart(draft);
    groups::ungroup(draft);
    prelu::flatten(draft);
    wide::pad_before(draft);
    batch::unroll(draft);
    Ok(())
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod rewrite_tests;
