//! Flash: bytes of a file by what they are, and of a plan's weights before there is a file.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::chip::Scheme;
use crate::espdl::{Attribute, Graph, Node, Tensor};
use crate::graph::{NodeId, ValueId};
use crate::ops::{self, Weights};
use crate::quant::Plan;

use super::shapes::Shapes;

/// Bytes of a file by what they are; their sum is the file's length.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flash {
    /// The file's length.
    pub file_bytes: usize,
    /// Weights, biases and other constants, each padded to 16.
    pub weight_bytes: usize,
    /// Exponents of constants and values, 8 bytes each.
    pub exponent_bytes: usize,
    /// Part of `exponent_bytes` that is there because constants have one exponent for each channel.
    pub channel_exponent_bytes: usize,
    /// Lookup tables.
    pub table_bytes: usize,
    /// Names of nodes, values and constants, with their lengths.
    pub name_bytes: usize,
    /// Test inputs and outputs.
    pub test_bytes: usize,
    /// Everything else: shapes, attributes, offsets, the header.
    pub other_bytes: usize,
}

impl Flash {
    /// Counts the bytes of a file of this graph.
    pub fn of(graph: &Graph, file_bytes: usize) -> Flash {
        let tables: HashSet<&str> = graph.nodes.iter().filter_map(|node| node.text("lut")).collect();
        let is_table = |tensor: &&Tensor| tables.contains(tensor.name.as_str());
        let (found, weights): (Vec<&Tensor>, Vec<&Tensor>) = graph.initializers.iter().partition(is_table);
        let tensors = || graph.initializers.iter();
        let values = || graph.values.iter().chain(&graph.inputs).chain(&graph.outputs);
        let tests = || graph.test_inputs.iter().chain(&graph.test_outputs);
        let exponents = tensors().map(|t| t.exponents.len()).chain(values().map(|v| v.exponents.len()));
        let names = tensors().map(|t| t.name.as_str()).chain(values().map(|v| v.name.as_str()));
        let of_nodes = graph.nodes.iter().map(node_names).sum::<usize>();
        let mut flash = Flash {
            file_bytes,
            weight_bytes: weights.iter().map(|tensor| padded(tensor)).sum(),
            exponent_bytes: 8 * exponents.sum::<usize>(),
            channel_exponent_bytes: tensors().map(|t| 8 * t.exponents.len().saturating_sub(1)).sum(),
            table_bytes: found.iter().map(|tensor| padded(tensor)).sum(),
            name_bytes: names.map(text).sum::<usize>() + of_nodes,
            test_bytes: tests().map(|tensor| padded(tensor) + text(&tensor.name) + 8 * tensor.exponents.len()).sum(),
            other_bytes: 0,
        };
        flash.other_bytes = file_bytes.saturating_sub(flash.counted());
        flash
    }

    fn counted(&self) -> usize {
        self.weight_bytes + self.exponent_bytes + self.table_bytes + self.name_bytes + self.test_bytes
    }
}

/// Returns the bytes that only this node needs: its constants with their exponents and names, its table, its own names.
/// Constants that an earlier node reads are counted there.
pub fn of_layer<'g>(node: &'g Node, shapes: &Shapes<'g>, counted: &mut HashSet<&'g str>) -> usize {
    let table = match node.attribute("lut") {
        Some(Attribute::Text(bytes)) => std::str::from_utf8(bytes).ok(),
        _ => None,
    };
    let named = node.inputs.iter().map(String::as_str).chain(table);
    let own: Vec<&str> = named.filter(|name| counted.insert(name)).collect();
    let constant = |tensor: &Tensor| padded(tensor) + 8 * tensor.exponents.len() + text(&tensor.name);
    own.iter().filter_map(|name| shapes.constant(name)).map(constant).sum::<usize>() + node_names(node)
}

fn node_names(node: &Node) -> usize {
    let names = [&node.name, &node.op].into_iter().chain(&node.inputs).chain(&node.outputs);
    names.map(|name| text(name)).sum()
}

/// Bytes of a string: its length, its letters and a zero, in units of four.
fn text(name: &str) -> usize {
    4 + (name.len() + 1).next_multiple_of(4)
}

/// Bytes of a constant's elements, which the file holds in blocks of 16.
pub fn padded(tensor: &Tensor) -> usize {
    tensor.bytes.len().next_multiple_of(16)
}

/// Returns the bytes of all quantized constants: weights at their width, bias as int32 for 8-bit and int64 for 16-bit
/// layers, each tensor aligned to 16 bytes as in the file.
pub fn constants(plan: &Plan) -> usize {
    plan.graph.node_ids().map(|node| of_node(plan, node)).sum()
}

fn of_node(plan: &Plan, node: NodeId) -> usize {
    let Some(Some(config)) = plan.nodes.get(node.0) else { return 0 };
    let n = plan.graph.node(node);
    let elements = |value: &Option<ValueId>| Some(plan.graph.value((*value)?).constant.as_ref()?.len());
    let port = |(index, (value, &id)): (usize, (&Option<ValueId>, &_))| {
        let elements = elements(value)?;
        let has_bias = matches!(ops::find(&n.op).map(|o| o.treatment.weights), Some(Weights::ByChannel(_)));
        let bytes = match (has_bias && index == 2, config.scheme) {
            (true, Scheme::Int8 | Scheme::Float) => 4,
            (true, Scheme::Int16 | Scheme::W8A16) => 8,
            (false, _) => plan.configs[id].bits.div_ceil(8) as usize,
        };
        Some(elements.saturating_mul(bytes).next_multiple_of(16))
    };
    n.inputs.iter().zip(&config.inputs).enumerate().filter_map(port).sum()
}
