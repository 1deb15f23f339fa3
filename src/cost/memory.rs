//! RAM used by a file's values and weights on the chip.

use std::collections::HashMap;

use serde::Serialize;

use crate::espdl::{Graph, Tensor};

/// Memory used on the chip.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Memory {
    /// Bytes of initializers, with the file's padding.
    pub weight_bytes: usize,
    /// Maximum size of all live values, each of which lives from its node to its last reader. The chip's planner may
    /// save memory by working in place, and rounds sizes up.
    pub peak_bytes: usize,
    /// Node at which that maximum occurs.
    pub peak_node: String,
}

/// Computes the size of weights and the peak of values, each of which lives from its node to its last reader.
pub fn memory(graph: &Graph) -> Memory {
    let sizes: HashMap<&str, usize> = graph.values.iter().filter_map(|v| Some((v.name.as_str(), v.bytes()?))).collect();
    let mut last: HashMap<&str, usize> = HashMap::new();
    for (i, node) in graph.nodes.iter().enumerate() {
        node.inputs.iter().chain(&node.outputs).for_each(|name| {
            last.insert(name, i);
        });
    }
    // Outputs are read after the last node.
    last.extend(graph.outputs.iter().map(|v| (v.name.as_str(), graph.nodes.len())));
    let mut live: HashMap<&str, usize> = HashMap::new();
    let mut peak = Memory::default();
    live.extend(graph.inputs.iter().map(|v| (v.name.as_str(), sizes.get(v.name.as_str()).copied().unwrap_or(0))));
    for (i, node) in graph.nodes.iter().enumerate() {
        for name in node.outputs.iter().map(String::as_str) {
            live.insert(name, sizes.get(name).copied().unwrap_or(0));
        }
        let now = live.values().fold(0usize, |sum, &bytes| sum.saturating_add(bytes));
        if now > peak.peak_bytes {
            (peak.peak_bytes, peak.peak_node) = (now, node.name.clone());
        }
        live.retain(|name, _| last.get(name).is_some_and(|&l| l > i));
    }
    let padded = |t: &Tensor| t.bytes.len().div_ceil(16) * 16;
    peak.weight_bytes = graph.initializers.iter().fold(0, |sum, t| sum.saturating_add(padded(t)));
    peak
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::espdl::{DataType, Dim, Node, ValueInfo};

    fn info(name: &str, size: i64) -> ValueInfo {
        let dims = Some(vec![Dim::Size(size)]);
        ValueInfo { name: name.into(), data_type: DataType::Int16, dims, exponents: vec![-8], ..ValueInfo::default() }
    }

    fn step(name: &str, inputs: &[&str], output: &str) -> Node {
        let inputs = inputs.iter().map(|s| s.to_string()).collect();
        Node { name: name.into(), op: "Relu".into(), inputs, outputs: vec![output.into()], ..Node::default() }
    }

    #[test]
    fn values_live_from_their_node_to_their_last_reader() {
        // x and y are live while a runs, y and z while b runs; w, which nothing reads, is freed after c.
        let graph = Graph {
            nodes: vec![step("a", &["x"], "y"), step("b", &["y"], "z"), step("c", &["z"], "w"), step("d", &["z"], "o")],
            inputs: vec![info("x", 10)],
            outputs: vec![info("o", 1)],
            values: vec![info("x", 10), info("y", 100), info("z", 20), info("w", 30), info("o", 1)],
            ..Graph::default()
        };
        let memory = memory(&graph);
        assert_eq!((memory.peak_bytes, memory.peak_node.as_str()), (240, "b"));
    }
}
