//! What onnxsim does: its passes in its order, again and again until nothing changes.
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
mod transposes;
mod unit;

use super::super::edit::Links;
use super::super::{Graph, NodeId};
use super::fold;
use crate::{Error, Result};

/// Tries to rewrite at one node; true where it did.
type Rewrite = fn(&mut Graph, NodeId, &Links) -> bool;

/// In the order of onnx-optimizer's registry, then onnxsim's own.
const REWRITES: &[Rewrite] = &[
    rnn_state::zero,
    idempotent::rewrite,
    select::arg_max,
    no_op::rewrite,
    bias_into_conv::rewrite,
    batch_norm_into_conv::rewrite,
    concats::merge,
    concats::log_softmax,
    axes::keep_reduced,
    axes::cancel,
    axes::merge,
    transposes::rewrite,
    gemm::from_matmul_add,
    pad_into::rewrite,
    gemm::take_transpose,
    unit::rewrite,
    qkv::rewrite,
    select::without_not,
    reshape_around::rewrite,
    scale::merge,
    scale::into_conv_before,
    scale::into_conv_after,
    gemm::from_batched_matmul_add,
];

/// Rounds after which a graph that still changes is given up; onnxsim's own number.
const ROUNDS: usize = 50;

pub fn simplify(graph: &mut Graph) -> Result<()> {
    graph.drop_dead();
    for _ in 0..ROUNDS {
        let mut changed = fold::fold(graph);
        for rewrite in REWRITES {
            changed |= everywhere(graph, *rewrite)?;
        }
        changed |= common::merge(graph);
        changed |= graph.drop_dead();
        if !changed {
            break;
        }
    }
    Ok(())
}

/// One rewrite at every node, until there is nowhere left for it.
fn everywhere(graph: &mut Graph, rewrite: Rewrite) -> Result<bool> {
    let mut links = Links::of(graph);
    let mut changes = 0;
    let limit = 100 + 100 * graph.nodes.len();
    let mut at = 0;
    while at < graph.nodes.len() {
        if rewrite(graph, NodeId(at), &links) {
            graph.drop_dead();
            links = Links::of(graph);
            changes += 1;
            at = 0;
        } else {
            at += 1;
        }
        if changes > limit {
            return Err(Error::new("simplifying the model does not come to an end")
                .with_help("this is a fault of espq: please report the model"));
        }
    }
    Ok(changes > 0)
}
