//! Copies of values that the chip would overwrite before their last reader: its planner follows memory that nodes share
//! by one step only (`runtime::planner`). A Transpose that keeps the order has memory of its own.

use crate::chip::QuantType;
use crate::espdl::{Graph, Tensor};
use crate::graph::NodeId;
use crate::runtime::planner;

use super::assemble::assemble;
use super::draft::{Draft, identity, perm_attribute};

/// Assembles the graph, with a copy wherever one is needed.
pub fn assemble_with_copies(draft: &mut Draft, name: &str, tables: Vec<Tensor>) -> Graph {
    let mut graph = assemble(draft, name, tables.clone());
    // One copy for each node is the most.
    for _ in 0..graph.nodes.len() {
        let Some(found) = planner::first_overwritten(&graph) else { break };
        let (node, input, value) = (found.node.to_string(), found.input.to_string(), found.value.to_string());
        if copy_before(draft, &node, &input).is_none() {
            break;
        }
        draft.differences.push(format!(
            "{node}: a Transpose copies its input, since the chip would overwrite {value}, which shares its memory and is read later"
        ));
        graph = assemble(draft, name, tables.clone());
    }
    graph
}

fn copy_before(draft: &mut Draft, node: &str, input: &str) -> Option<NodeId> {
    let id = draft.order().into_iter().find(|&id| draft.node(id).is_some_and(|n| n.name == node))?;
    let inputs = &draft.node(id)?.inputs;
    let index = inputs.iter().position(|value| value.is_some_and(|value| draft.value(value).name == input))?;
    let shape = draft.value(draft.input(id, index)?).stored_shape();
    let copy = draft.insert_before(id, index, "Transpose", shape.clone())?;
    let node = draft.node_mut(copy)?;
    node.set("perm", perm_attribute(&identity(shape.len())));
    let width = node.ports.0.first().and_then(Option::as_ref).map(|port| port.bits);
    node.set_quant_type(match width {
        None => QuantType::F32,
        Some(8) => QuantType::S8,
        Some(_) => QuantType::S16,
    });
    Some(copy)
}
