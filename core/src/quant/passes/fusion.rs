//! Fusion: activations share the scale of the layer before them, passive operators that of their input.
//!
//! esp-ppq: `QuantizeFusionPass` in `optim/refine.py`.

use crate::graph::edit::Links;
use crate::graph::{NodeId, ValueId};
use crate::ops::{self, Role};
use crate::quant::plan::{Plan, is_passive};

pub fn fuse(plan: &mut Plan, links: &Links) {
    let pairs = activation_pairs(plan, links);
    for &(layer, activation) in &pairs {
        // The third step handles layers of different precision.
        if is_computing(plan, layer) && plan.scheme(layer) == plan.scheme(activation) {
            share_output(plan, layer, activation);
        }
    }
    for node in plan.graph.node_ids() {
        fuse_passive(plan, links, node);
    }
    for &(layer, activation) in &pairs {
        widen_activation(plan, layer, activation);
        share_output(plan, layer, activation);
    }
}

/// Returns quantized nodes, each with the Relu or Clip that is its only reader and reads nothing else, in node order.
fn activation_pairs(plan: &Plan, links: &Links) -> Vec<(NodeId, NodeId)> {
    let pair = |layer: NodeId| {
        let &[activation] = links.downstream(plan.graph.node(layer)).as_slice() else { return None };
        let is_activation = ops::find(&plan.graph.node(activation).op).is_some_and(|o| o.treatment.clamps);
        let alone = links.upstream(plan.graph.node(activation)) == [layer];
        let quantized = plan.config(layer).is_some() && plan.config(activation).is_some();
        // esp-ppq takes these for a pair, too: the model's output would then saturate at the activation's range.
        let is_output = |value: &Option<ValueId>| value.is_some_and(|v| plan.graph.outputs.contains(&v));
        let hidden = !plan.graph.node(layer).outputs.iter().any(is_output);
        (is_activation && alone && quantized && hidden).then_some((layer, activation))
    };
    plan.graph.node_ids().filter_map(pair).collect()
}

fn is_computing(plan: &Plan, node: NodeId) -> bool {
    ops::find(&plan.graph.node(node).op).is_some_and(|o| o.treatment.role == Role::Computing)
}

/// esp-ppq shares the scale of two widths, too: an 8-bit layer before a 16-bit Relu then saturates at 1/256 of its range.
/// Here each of the two keeps a scale of its own.
fn share_output(plan: &mut Plan, layer: NodeId, activation: NodeId) {
    let (Some(from), Some(to)) = (plan.config(layer), plan.config(activation)) else { return };
    let (Some(&output), Some(&input), Some(&shared)) = (from.outputs.first(), to.inputs.first(), to.outputs.first())
    else {
        return;
    };
    if plan.configs[output].bits != plan.configs[shared].bits {
        return;
    }
    plan.configs.dominate(output, shared);
    plan.configs.dominate(input, shared);
}

fn fuse_passive(plan: &mut Plan, links: &Links, node: NodeId) {
    if !is_passive(plan.graph.node(node)) {
        return;
    }
    let Some(source) = links.before(plan.graph.node(node), 0) else { return };
    let Some(config) = plan.config(node) else { return };
    if plan.scheme(source) != config.scheme {
        return;
    }
    let (Some(&input), outputs) = (config.inputs.first(), config.outputs.clone()) else { return };
    for output in outputs {
        plan.configs.dominate(output, input);
    }
}

/// Widens a layer's activation: ESP-DL runs a Relu inside Conv, Gemm and MatMul, whose precision takes over if it is
/// wider.
fn widen_activation(plan: &mut Plan, layer: NodeId, activation: NodeId) {
    let behind = plan.graph.node(activation).op.as_str();
    let fused_on_chip = ops::on_chip(&plan.graph.node(layer).op).is_some_and(|chip| chip.fuses.contains(&behind));
    let scheme = plan.scheme(layer);
    if !fused_on_chip || scheme == plan.scheme(activation) {
        return;
    }
    let (Some(from), Some(to)) = (plan.config(layer), plan.config(activation)) else { return };
    let (Some(&wide), Some(&input), Some(&output)) = (from.outputs.first(), to.inputs.first(), to.outputs.first())
    else {
        return;
    };
    if plan.configs[output].bits < plan.configs[wide].bits {
        for narrow in [input, output] {
            plan.configs[narrow].bits = plan.configs[wide].bits;
        }
        if let Some(config) = plan.nodes[activation.0].as_mut() {
            config.scheme = scheme;
        }
    }
}
