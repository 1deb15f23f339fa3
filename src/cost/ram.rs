//! RAM: the arena of the chip's planner, copies of parameters, and buffers of kernels.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::chip::{Family, Storage, Target};
use crate::espdl::{Graph, Node, Tensor};
use crate::order;
use crate::runtime::planner::{Arena, Network, smallest};

use super::Board;
use super::flash::padded;
use super::shapes::Shapes;

/// Memory of values and weights on the chip.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// Bytes of initializers, with the file's padding.
    pub weight_bytes: usize,
    /// Size of the arena of values, as ESP-DL's planner makes it (`variable` of `profile_memory`); 0 if a size is not
    /// fixed.
    pub peak_bytes: usize,
    /// Node at which the arena reaches that size.
    pub peak_node: String,
    /// Largest size of all values that are needed at one node: no place of values needs less in this order of nodes.
    pub live_bytes: usize,
    /// Size of the arena in another order of nodes and with copies of outputs, if a smaller one was found.
    pub smallest_bytes: Option<usize>,
    /// Nodes whose outputs are copied for it, since they would keep the larger memory of an input.
    #[serde(default)]
    pub copied_nodes: Vec<String>,
    /// Block of internal RAM that is allocated beside the arena, used or not.
    pub internal_bytes: usize,
    /// Values in the arena at that node, by their place.
    pub at_peak: Vec<Held>,
}

/// Value in the arena.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Name of the value.
    pub name: String,
    /// Bytes, rounded up to 16.
    pub bytes: usize,
    /// First byte in the arena.
    pub offset: usize,
    /// Values that lie in the same memory.
    pub shared_by: Vec<String>,
}

/// RAM by what it is for. All but what the allocator itself needs, and the program's own objects, is exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ram {
    /// The arena of values, in PSRAM where the chip has it (`variable`).
    pub arena_bytes: usize,
    /// Block of internal RAM for values (`variable`).
    pub internal_bytes: usize,
    /// Copies of parameters (`parameter_copy`).
    pub copy_bytes: usize,
    /// The file itself, if it is read into RAM (`fbs_model`).
    pub file_bytes: usize,
    /// Biases that the ESP32-S3 packs anew in the first run; those of copies take the place of the copies.
    pub packed_bias_bytes: usize,
    /// Tables and gates that kernels keep.
    pub kept_bytes: usize,
    /// Largest buffer that a kernel allocates and frees in each call.
    pub call_bytes: usize,
    /// Sum of these.
    pub total_bytes: usize,
}

/// Plans the memory of a file's values, and searches for smaller arenas.
pub fn memory(graph: &Graph, internal: Option<usize>) -> Memory {
    let Some(network) = Network::of(graph) else { return planned(graph, internal) };
    let smallest = smallest(&network);
    let name = |&node: &usize| graph.nodes.get(node).map(|node| node.name.clone());
    Memory {
        smallest_bytes: smallest.as_ref().map(|smallest| smallest.bytes),
        copied_nodes: smallest.iter().flat_map(|smallest| &smallest.copied).filter_map(name).collect(),
        ..planned(graph, internal)
    }
}

/// Plans the memory of a file's values.
pub fn planned(graph: &Graph, internal: Option<usize>) -> Memory {
    let weight_bytes = graph.initializers.iter().fold(0usize, |sum, tensor| sum.saturating_add(padded(tensor)));
    let Some(network) = Network::of(graph) else { return Memory { weight_bytes, ..Memory::default() } };
    let arena = network.place(internal);
    let peak_node = arena.peak.and_then(|step| graph.nodes.get(step)).map(|node| node.name.clone());
    Memory {
        weight_bytes,
        peak_bytes: arena.bytes,
        peak_node: peak_node.unwrap_or_default(),
        live_bytes: arena.live_bytes,
        smallest_bytes: None,
        copied_nodes: Vec::new(),
        internal_bytes: arena.internal_bytes,
        at_peak: at_peak(&network, &arena),
    }
}

fn at_peak(network: &Network, arena: &Arena) -> Vec<Held> {
    let Some(step) = arena.peak else { return Vec::new() };
    let held = |(value, placed): (usize, &_)| {
        let &crate::runtime::planner::Placed { root, offset, bytes, is_internal, .. } = placed;
        if root != value || is_internal || !arena.values[value].is_live(step) {
            return None;
        }
        let shares = |other: &usize| *other != value && arena.values[*other].root == value;
        let shared_by = (0..network.names.len()).filter(shares).map(|other| network.names[other].to_string()).collect();
        Some(Held { name: network.names[value].to_string(), bytes, offset, shared_by })
    };
    let mut all: Vec<Held> = arena.values.iter().enumerate().filter_map(held).collect();
    order::sort_by_key(&mut all, |held| held.offset);
    all
}

impl Ram {
    /// Counts the RAM of a file on a board.
    pub fn of(
        graph: &Graph,
        memory: &Memory,
        file_bytes: usize,
        is_encrypted: bool,
        target: Target,
        board: &Board,
    ) -> Ram {
        let family = target.family();
        let is_in_ram = board.storage == Storage::Sdcard || is_encrypted;
        let copies = board.param_copy && !is_in_ram;
        let shapes = Shapes::of(graph);
        let each =
            |of: &dyn Fn(&Node, &Shapes) -> usize| graph.nodes.iter().map(|node| of(node, &shapes)).collect::<Vec<_>>();
        let parameters: Vec<&Tensor> = parameters(graph, &shapes);
        let packed = match family {
            Family::S3 => packed_biases(graph, &shapes),
            Family::P4 | Family::C => Vec::new(),
        };
        // Where parameters are copied, the packed bias replaces its copy.
        let replaced = if copies { packed.iter().map(|(bias, _)| padded(bias)).sum() } else { 0 };
        let packed_bytes: usize = packed.iter().map(|(_, bytes)| bytes).sum();
        let mut ram = Ram {
            arena_bytes: memory.peak_bytes,
            internal_bytes: memory.internal_bytes,
            copy_bytes: if copies { parameters.iter().map(|tensor| padded(tensor)).sum() } else { 0 },
            file_bytes: if is_in_ram { file_bytes } else { 0 },
            packed_bias_bytes: packed_bytes.saturating_sub(replaced),
            kept_bytes: each(&kept).iter().sum(),
            call_bytes: each(&|node, shapes| of_call(node, shapes, family)).into_iter().max().unwrap_or(0),
            total_bytes: 0,
        };
        ram.total_bytes = ram.arena_bytes
            + ram.internal_bytes
            + ram.copy_bytes
            + ram.file_bytes
            + ram.packed_bias_bytes
            + ram.kept_bytes
            + ram.call_bytes;
        ram
    }
}

/// Returns the constants that nodes read as inputs, each once: the loader's parameters. Lookup tables are none.
fn parameters<'g>(graph: &'g Graph, shapes: &Shapes<'g>) -> Vec<&'g Tensor> {
    let mut known = HashSet::new();
    let names = graph.nodes.iter().flat_map(|node| &node.inputs).filter(|name| known.insert(name.as_str()));
    names.filter_map(|name| shapes.constant(name)).collect()
}

/// Returns biases with the bytes that the ESP32-S3 packs them into (`TensorBase::reset_bias_layout`).
fn packed_biases<'g>(graph: &'g Graph, shapes: &Shapes<'g>) -> Vec<(&'g Tensor, usize)> {
    let mut known = HashSet::new();
    let packed = |node: &'g Node| {
        let bias = shapes.parameter(node, 2).filter(|_| matches!(node.op.as_str(), "Conv" | "Gemm"))?;
        if !known.insert(bias.name.as_str()) {
            return None;
        }
        let (count, is_depthwise) = (bias.count().ok()?, node.int("group").is_some_and(|group| group > 1));
        let bytes = match bias.data_type.width() {
            Some(8) => count.checked_mul(8)?,
            _ => {
                let rest = if is_depthwise { 0 } else { count % 16 };
                (count - rest).checked_mul(4)?.checked_add(rest * 8)?
            }
        };
        Some((bias, bytes.next_multiple_of(16)))
    };
    graph.nodes.iter().filter_map(packed).collect()
}

/// Bytes that a module allocates once: tables of exponentials, gates of recurrent layers.
fn kept(node: &Node, shapes: &Shapes) -> usize {
    let hidden = || shapes.parameter(node, 2).and_then(|tensor| tensor.dims.last().copied()).unwrap_or(0);
    match node.op.as_str() {
        "Softmax" | "LogSoftmax" | "ReduceLogSumExp" if shapes.width(node) == Some(8) => 1024,
        "GRU" => hidden().saturating_mul(12),
        "LSTM" => hidden().saturating_mul(16),
        _ => 0,
    }
}

/// Bytes that a kernel allocates and frees in each call (`ConvOpArgs` and the portable loops in `dl_base.hpp`).
fn of_call(node: &Node, shapes: &Shapes, family: Family) -> usize {
    if !matches!(node.op.as_str(), "Conv" | "ConvTranspose" | "Gemm" | "MatMul") {
        return 0;
    }
    let width = shapes.width(node).map_or(1, |bits| bits.div_ceil(8));
    let channels = shapes.output(node).and_then(|shape| shape.last().copied()).unwrap_or(0);
    let by_channel = shapes.parameter(node, 1).is_some_and(|filter| filter.exponents.len() > 1);
    match family {
        Family::P4 if by_channel => channels.saturating_mul(width).next_multiple_of(16),
        Family::C => channels.saturating_mul(4 * width),
        Family::P4 | Family::S3 => 0,
    }
}

#[cfg(test)]
#[path = "ram_tests.rs"]
mod tests;
