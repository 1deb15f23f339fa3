//! onnxsim's passes in its order, repeated until nothing changes.
//! <https://github.com/onnxsim/onnxsim>, <https://github.com/onnx/optimizer>

mod axes;
mod batch_norm_into_conv;
mod bias_into_conv;
mod common;
mod concats;
mod gemm;
mod idempotent;
mod no_op;
mod pad_into;
mod qkv;
mod reshape_around;
mod rnn_state;
mod scale;
mod select;
mod slices;
mod transposes;
mod unit;

use super::fold;
use crate::graph::edit::Links;
use crate::graph::{Graph, NodeId, Value};

/// Rewrite at one node; returns `true` if it changed the graph.
type Rewrite = fn(&mut Graph, NodeId, &Links) -> bool;

enum Pass {
    /// Runs once at every node.
    Nodes(Rewrite),
    /// Like `Nodes`, but creates constant subgraphs: run constant folding and then another round.
    Folding(Rewrite),
    /// Like `Nodes`, but replaced nodes remain and count as readers until unused nodes are dropped.
    Lingering(Rewrite),
    Whole(fn(&mut Graph) -> bool),
}
use Pass::{Folding, Lingering, Nodes, Whole};

/// Passes in the order of onnx-optimizer's registry, then onnxsim's own.
const PASSES: &[Pass] = &[
    Nodes(rnn_state::zero),
    Nodes(no_op::rewrite),
    Nodes(idempotent::rewrite),
    Nodes(select::arg_max),
    Folding(bias_into_conv::rewrite),
    Folding(batch_norm_into_conv::rewrite),
    Nodes(concats::merge),
    Nodes(concats::log_softmax),
    Nodes(axes::keep_reduced),
    Nodes(axes::merge_squeezes),
    Nodes(axes::cancel),
    Nodes(transposes::rewrite),
    Nodes(gemm::from_matmul_add),
    Nodes(pad_into::rewrite),
    Nodes(gemm::take_transpose),
    Nodes(no_op::reshape),
    // Three MatMuls left by a removed zero bias are not query, key and value in this round: the value has four readers.
    Lingering(unit::rewrite),
    Whole(common::nodes),
    Folding(qkv::rewrite),
    Nodes(axes::merge_unsqueezes),
    Whole(Graph::drop_dead),
    Nodes(no_op::identity),
    Folding(slices::rewrite),
    Whole(common::constants),
    Nodes(select::without_not),
    Folding(reshape_around::rewrite),
    Nodes(scale::merge),
    Folding(scale::into_conv_before),
    Folding(scale::into_conv_after),
    Folding(gemm::from_batched_matmul_add),
];

/// Maximum number of rounds for a graph that keeps changing; onnxsim's limit.
const ROUNDS: usize = 50;

/// Rewrites and folds alternately until folding finds nothing.
pub fn simplify(graph: &mut Graph) {
    for nth in 0..ROUNDS {
        let folding = rewrite(graph, nth == 0);
        if !(fold::fold(graph) || folding) {
            break;
        }
    }
    graph.drop_dead();
}

/// Rewrites in rounds. Like onnxsim, it stops when shape inference finds nothing new, even if another round would: the
/// remaining layers are the rows that users see.
fn rewrite(graph: &mut Graph, first: bool) -> bool {
    fold::infer_known(graph);
    let mut ever = false;
    for nth in 0..ROUNDS {
        renumber(graph, first && nth == 0);
        let (changed, folding) = round(graph);
        ever |= folding;
        if !(changed && fold::infer_known(graph)) {
            break;
        }
    }
    ever
}

/// Restarts the numbers of values for a round: one for each existing value, and one for "none".
fn renumber(graph: &mut Graph, first: bool) {
    let links = Links::of(graph);
    let read = |(n, value): (usize, &Value)| value.constant.is_some() && (first || !links.consumers[n].is_empty());
    let constants = graph.values.iter().enumerate().filter(|&entry| read(entry)).count();
    let made: usize = graph.nodes.iter().map(|node| node.outputs.len()).sum();
    // The loader has counted the Constant nodes, which use two more numbers until they are initializers.
    let more = if first { graph.numbered } else { 0 };
    graph.numbered = more + graph.inputs.len() + constants + made + 1;
}

/// Runs every pass once. Returns whether any changed the graph, and whether any created nodes to fold.
fn round(graph: &mut Graph) -> (bool, bool) {
    let (mut changed, mut folding) = (false, false);
    for pass in PASSES {
        match pass {
            Whole(pass) => changed |= pass(graph),
            Nodes(rewrite) => changed |= sweep(graph, *rewrite, true),
            Folding(rewrite) => folding |= sweep(graph, *rewrite, true),
            Lingering(rewrite) => changed |= sweep(graph, *rewrite, false),
        }
    }
    (changed || folding, folding)
}

/// Runs one rewrite at every node in turn. A replaced node is removed immediately if it `goes`; nodes that thereby
/// become unused remain, and count as readers, until unused nodes are dropped.
fn sweep(graph: &mut Graph, rewrite: Rewrite, goes: bool) -> bool {
    let mut links = Links::of(graph);
    let mut changed = false;
    let mut at = 0;
    while at < graph.nodes.len() {
        // Rewrites insert nodes before the current one, never after it.
        let after = graph.nodes.len() - at - 1;
        if rewrite(graph, NodeId(at), &links) {
            changed = true;
            links = Links::of(graph);
            let current = graph.nodes.len() - after - 1;
            if goes && graph.nodes[current].outputs.iter().flatten().all(|output| graph.uses(&links, *output) == 0) {
                graph.nodes.remove(current);
                links = Links::of(graph);
            }
            at = graph.nodes.len() - after;
        } else {
            at += 1;
        }
    }
    changed
}
