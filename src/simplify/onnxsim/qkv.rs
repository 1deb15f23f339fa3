//! Merging of three MatMuls of one value with constants of equal shape (query, key and value of an attention) into one
//! MatMul and a Split.

use crate::graph::edit::Links;
use crate::graph::{Attribute, Attributes, Graph, Node, NodeId, Tensor, ValueId};

pub fn rewrite(graph: &mut Graph, id: NodeId, links: &Links) -> bool {
    let node = graph.node(id);
    let Some(x) = node.input(0).filter(|_| node.is("MatMul")) else { return false };
    let Some(three) = three(graph, links, x) else { return false };
    let Some(weights) = joined(graph, three) else { return false };
    let products: Vec<Option<ValueId>> = three.iter().map(|id| graph.node(*id).output(0)).collect();
    let parts: Vec<i64> = vec![(weights.shape().last().copied().unwrap_or(0) / 3) as i64; 3];
    // At the position of the first, so that every reader comes after it.
    let at = three.iter().map(|id| id.0).min().unwrap_or(id.0);
    let weights = graph.fresh_constant("qkv_weight", weights);
    // Names of Concat, then MatMul, Split and its sizes.
    graph.numbered += 1;
    let product = graph.fresh_numbered();
    graph.numbered += 5;
    let mut split = Attributes::default();
    split.set("axis", Attribute::Int(-1));
    let mut inputs = vec![Some(product)];
    if graph.opset >= 13 {
        let Ok(sizes) = Tensor::new(&[3], parts) else { return false };
        inputs.push(Some(graph.fresh_constant("qkv_split", sizes)));
    } else {
        split.set("split", Attribute::Ints(parts));
    }
    let unnamed = |op: &str, attributes, inputs, outputs| Node {
        name: String::new(),
        op: op.to_owned(),
        domain: String::new(),
        attributes,
        inputs,
        outputs,
    };
    for id in three {
        graph.nodes[id.0].outputs[0] = None;
    }
    graph.nodes.insert(at, unnamed("Split", split, inputs, products));
    graph.nodes.insert(at, unnamed("MatMul", Attributes::default(), vec![Some(x), Some(weights)], vec![Some(product)]));
    true
}

fn three(graph: &Graph, links: &Links, x: ValueId) -> Option<[NodeId; 3]> {
    let [a, b, c] = links.consumers[x.0][..] else { return None };
    let three = [a, b, c];
    let fits = |(id, port): &(NodeId, usize)| {
        let node = graph.node(*id);
        let once = node.output(0).is_some_and(|made| graph.uses(links, made) == 1 && !graph.outputs.contains(&made));
        *port == 0 && node.is("MatMul") && once && graph.constant(node, 1).is_some()
    };
    (three.iter().all(fits) && !graph.outputs.contains(&x)).then_some([a.0, b.0, c.0])
}

/// Concatenates the three weights along the last axis.
fn joined(graph: &Graph, three: [NodeId; 3]) -> Option<Tensor> {
    let weights: Vec<&Tensor> = three.iter().filter_map(|id| graph.constant(graph.node(*id), 1)).collect();
    let [q, k, v] = weights[..] else { return None };
    let shape = q.shape();
    let columns = *shape.last().filter(|&&n| n > 0)?;
    if k.shape() != shape || v.shape() != shape {
        return None;
    }
    let (q, k, v) = (q.slice::<f32>()?, k.slice::<f32>()?, v.slice::<f32>()?);
    let rows = q.chunks(columns).zip(k.chunks(columns)).zip(v.chunks(columns));
    let all: Vec<f32> = rows.flat_map(|((q, k), v)| [q, k, v].concat()).collect();
    let mut shape = shape.to_vec();
    if let Some(last) = shape.last_mut() {
        *last *= 3;
    }
    Tensor::new(&shape, all).ok()
}
