//! Folding of a constant added to a Conv or ConvTranspose without bias into its bias.

use crate::graph::edit::Links;
use crate::graph::{Graph, NodeId, Tensor};

pub fn rewrite(graph: &mut Graph, id: NodeId, links: &Links) -> bool {
    let node = graph.node(id);
    let Some(before) = links.before(node, 0).filter(|_| node.is("Add")) else { return false };
    let conv = graph.node(before);
    let (Some(sum), Some(made)) = (node.output(0), conv.output(0)) else { return false };
    if !(conv.is("Conv") || conv.is("ConvTranspose")) || conv.inputs.len() != 2 || graph.uses(links, made) != 1 {
        return false;
    }
    let Some(bias) = bias(graph, before, id) else { return false };
    let name = node.input(1).map_or_else(String::new, |addend| graph.value(addend).name.clone());
    let bias = graph.fresh_constant(&name, bias);
    // Names of a Squeeze and its axes.
    graph.numbered += 3;
    graph.nodes[before.0].inputs.push(Some(bias));
    // Its scales were those before the bias.
    graph.values[made.0].scales.clear();
    graph.replace_uses(sum, made)
}

/// Returns the addend as one number per channel, if it has this form.
fn bias(graph: &Graph, conv: NodeId, add: NodeId) -> Option<Tensor> {
    let made = graph.shape(graph.node(conv).output(0)?)?;
    let channels = *made.get(1)?;
    let addend = graph.constant(graph.node(add), 1)?;
    let shape = addend.shape();
    if shape.len() > made.len() {
        return None;
    }
    if addend.len() == 1 {
        let value = *addend.slice::<f32>()?.first()?;
        return Tensor::new(&[channels], vec![value; channels]).ok();
    }
    // Its only dimension other than 1 must be the channels, counted from the last axis.
    let axis = (1 + shape.len()).checked_sub(made.len())?;
    let per_channel = addend.len() == channels && shape.get(axis) == Some(&channels);
    if per_channel { addend.clone().reshape(&[channels]).ok() } else { None }
}
