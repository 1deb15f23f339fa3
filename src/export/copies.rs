//! Copies of values, by what the chip's planner does with memory that nodes share (`runtime::planner`): of those that would
//! be overwritten before their last reader, and of those that would keep larger memory than their own. A Transpose that
//! keeps the order has memory of its own.

use std::collections::HashMap;

use crate::chip::QuantType;
use crate::espdl::{Graph, Node, Tensor};
use crate::graph::NodeId;
use crate::order;
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

/// Puts nodes into the order with the smallest arena, and copies outputs that would keep larger memory than their own.
/// Returns the graph with both, or as it is if neither saves.
pub fn with_smallest_arena(draft: &mut Draft, graph: Graph, tables: Vec<Tensor>) -> Graph {
    let Some(network) = planner::Network::of(&graph) else { return graph };
    let (before, Some(smallest)) = (network.place(None).bytes, planner::smallest(&network)) else { return graph };
    // The graph has the draft's nodes, in their order.
    let ids = draft.order();
    let id = |node: &usize| ids.get(*node).copied();
    let mut order: Vec<NodeId> = smallest.nodes.iter().filter_map(id).collect();
    let bytes = smallest.bytes;
    let arena = format!("values take {bytes} bytes instead of {before}");
    if order != ids {
        draft.differences.push(format!("nodes run in another order, in which {arena}"));
    }
    for node in smallest.copied.iter().filter_map(id) {
        let (Some(copy), Some(place)) = (copy_after(draft, node), order.iter().position(|&other| other == node)) else {
            continue;
        };
        order.insert(place + 1, copy);
        let name = draft.node(node).map(|node| node.name.clone()).unwrap_or_default();
        draft.differences.push(format!(
            "{name}: a Transpose copies its output, which would keep the larger memory of an input, so that {arena}"
        ));
    }
    let places: HashMap<NodeId, usize> = order.into_iter().zip(0..).collect();
    let mut graph = assemble(draft, &graph.name, tables);
    let mut placed: Vec<(Option<usize>, Node)> =
        draft.order().iter().map(|id| places.get(id).copied()).zip(std::mem::take(&mut graph.nodes)).collect();
    order::sort_by_key(&mut placed, |(place, _)| *place);
    graph.nodes = placed.into_iter().map(|(_, node)| node).collect();
    graph
}

/// Inserts a copy behind a node.
fn copy_after(draft: &mut Draft, node: NodeId) -> Option<NodeId> {
    let output = *draft.node(node)?.outputs.first()?;
    let shape = draft.value(output).stored_shape();
    let copy = draft.insert_after(node, 0, "Transpose", shape.clone())?;
    keep_order(draft, copy, shape.len())?;
    let made = *draft.node(node)?.outputs.first()?;
    draft.value_mut(made).perm = Some(identity(shape.len()));
    Some(copy)
}

fn copy_before(draft: &mut Draft, node: &str, input: &str) -> Option<NodeId> {
    let id = draft.order().into_iter().find(|&id| draft.node(id).is_some_and(|n| n.name == node))?;
    let inputs = &draft.node(id)?.inputs;
    let index = inputs.iter().position(|value| value.is_some_and(|value| draft.value(value).name == input))?;
    let shape = draft.value(draft.input(id, index)?).stored_shape();
    let copy = draft.insert_before(id, index, "Transpose", shape.clone())?;
    keep_order(draft, copy, shape.len())?;
    Some(copy)
}

/// Makes an inserted Transpose one that copies.
fn keep_order(draft: &mut Draft, copy: NodeId, rank: usize) -> Option<()> {
    let node = draft.node_mut(copy)?;
    node.set("perm", perm_attribute(&identity(rank)));
    let width = node.ports.0.first().and_then(Option::as_ref).map(|port| port.bits);
    node.set_quant_type(match width {
        None => QuantType::F32,
        Some(8) => QuantType::S8,
        Some(_) => QuantType::S16,
    });
    Some(())
}
