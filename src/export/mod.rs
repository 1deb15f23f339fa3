//! Conversion of a quantized graph to ESP-DL's form: order of axes, Transposes, and the passes of esp-ppq's exporter,
//! one per file.
//!
//! Never: the choice of exponents, the bytes of the file.

mod abs;
mod assemble;
mod averages;
mod batch;
mod begin;
mod boundaries;
mod constants;
mod copies;
mod crop;
mod draft;
mod feed;
mod forms;
mod gelu;
mod gemm;
mod global_max;
mod groups;
mod layout;
mod matmul;
mod places;
mod pooling;
mod prelu;
mod quantization;
mod reciprocal;
mod recurrent;
mod relu;
mod resize;
mod rewrite;
mod scales;
mod softmax;
mod tables;
mod transposes;
mod weights;
mod wide;

use std::collections::HashMap;

use crate::chip::{NodeOrder, Runtime};
use crate::espdl::{Model, Tensor};
use crate::graph;
use crate::quant::Quantized;
use crate::{Error, Result};

pub use boundaries::insert_boundaries;
pub use draft::{Draft, DraftNode, DraftValue};
use feed::Feed;
pub use gelu::{JoinedGelu, gelus};
pub use layout::lay_out;
pub use relu::fuse_relu;
pub use weights::pack_weights;

/// ONNX's version for the operator sets whose forms are written.
const IR_VERSION: i32 = 8;

/// Target of the file, and data that it contains besides the model.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Release of ESP-DL whose limits decide which forms are rewritten.
    pub runtime: Runtime,
    /// Order of the nodes.
    pub order: NodeOrder,
    /// Entries of `metadata_props`.
    pub metadata: Vec<(String, String)>,
}

/// Exported model, and its differences from esp-ppq's.
#[derive(Debug, Clone)]
pub struct Export {
    /// Model to encode; test values are added later.
    pub model: Model,
    /// The `.json` beside the model: sharing of scales.
    pub quantization: String,
    /// Differences from esp-ppq, one sentence each.
    pub differences: Vec<String>,
    /// Inputs of the quantized graph, in their order, as the chip is fed.
    inputs: Vec<Feed>,
    /// Values of the quantized graph that the model has, too, by name.
    places: HashMap<String, Place>,
}

/// Value of the quantized graph, and its order of axes in the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Id in the quantized graph, whose ids the draft keeps.
    pub value: graph::ValueId,
    /// ONNX's axes in the order in which they are stored.
    pub perm: Vec<usize>,
}

impl Export {
    /// Converts a sample, one tensor per input of the quantized graph, to the form of the chip: one tensor per input of the
    /// file.
    pub fn feed(&self, sample: &[graph::Tensor]) -> Result<Vec<Tensor>> {
        if sample.len() != self.inputs.len() {
            let (given, wanted) = (sample.len(), self.inputs.len());
            return Err(Error::new(format!("a sample of {given} tensors does not feed {wanted} inputs")));
        }
        let read = self.inputs.iter().zip(sample).filter(|(feed, _)| feed.is_read);
        read.map(|(feed, tensor)| feed.tensor(tensor)).collect()
    }

    /// Returns the place of a value in the quantized graph; `None` for values that the exporter has made.
    pub fn place(&self, name: &str) -> Option<&Place> {
        self.places.get(name)
    }
}

/// Exports the model in the form that ESP-DL runs.
pub fn export(quantized: &Quantized, options: &Options) -> Result<Export> {
    let target = quantized.plan().settings.target;
    let mut draft = begin::begin(quantized)?;
    pooling::explicit_windows(&mut draft);
    gelu::fuse_gelu(&mut draft);
    other_operators(&mut draft);
    softmax::join_axes(&mut draft, quantized.plan().graph.opset);
    softmax::widen(&mut draft);
    fuse_relu(&mut draft);
    gemm::turn_first_inputs(&mut draft);
    matmul::right_sides(&mut draft, target.family(), options.runtime);
    prelu::shape(&mut draft);
    lay_out(&mut draft)?;
    other_forms(&mut draft, quantized, options.runtime)?;
    prelu::exponents(&mut draft, target.family());
    scales::settle_inputs(&mut draft);
    insert_boundaries(&mut draft);
    scales::settle_outputs(&mut draft);
    scales::raise_products(&mut draft, target.family());
    pack_weights(&mut draft, target.family())?;
    let tables = tables::add_tables(&mut draft, quantized.plan().graph.opset, target.rounding())?;
    let inputs = feed::feeds(&draft, target.rounding());
    leave_out_unread_inputs(&mut draft);
    let mut graph = copies::assemble_with_copies(&mut draft, &quantized.plan().graph.name, tables.clone());
    if options.order == NodeOrder::Smallest {
        graph = copies::with_smallest_arena(&mut draft, graph, tables);
    }
    let metadata = options.metadata.clone();
    let model = Model { ir_version: IR_VERSION, metadata, graph, ..Model::default() };
    let quantization = quantization::quantization(&draft, quantized)?;
    let places = places(&draft, &quantized.plan().graph);
    Ok(Export { model, quantization, differences: draft.differences, inputs, places })
}

/// Removes inputs that no node reads: the loader has no tensor for them (`Model::build` in `dl_model_base.cpp`), and
/// `Model::test` dereferences a null pointer.
fn leave_out_unread_inputs(draft: &mut Draft) {
    for input in draft.inputs.clone() {
        if !draft.is_read(input) {
            draft.inputs.retain(|&kept| kept != input);
            let name = draft.value(input).name.clone();
            draft.differences.push(format!(
                "{name}: this input is left out, since no layer reads it; the loader has no tensor for it"
            ));
        }
    }
}

/// Returns values that have kept their shape; a rewrite may have folded one into another.
fn places(draft: &Draft, graph: &graph::Graph) -> HashMap<String, Place> {
    let ids = (0..graph.values.len()).map(graph::ValueId);
    let place = |id: graph::ValueId| {
        let value = draft.value(id);
        let is_made = value.maker.is_some() || draft.inputs.contains(&id);
        let is_same = value.constant.is_none() && graph.shape(id) == Some(&value.shape[..]);
        let perm = value.perm.clone().unwrap_or_else(|| value.identity());
        (is_made && is_same).then(|| (value.name.clone(), Place { value: id, perm }))
    };
    ids.filter_map(place).collect()
}

/// Operators that ESP-DL lacks, by one that it has.
fn other_operators(draft: &mut Draft) {
    abs::by_slope(draft);
    reciprocal::divide(draft);
    global_max::reduce(draft);
    crop::slice(draft);
}

/// Forms that ESP-DL's kernels lack, by several nodes; the batch comes last, since each of these may have one.
fn other_forms(draft: &mut Draft, quantized: &Quantized, runtime: Runtime) -> Result<()> {
    places::by_places(draft, quantized, runtime)?;
    averages::pool_edges_apart(draft);
    groups::ungroup(draft);
    prelu::flatten(draft);
    wide::pad_before(draft);
    recurrent::turn_around(draft);
    recurrent::take_apart(draft);
    batch::unroll(draft);
    Ok(())
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod rewrite_tests;
