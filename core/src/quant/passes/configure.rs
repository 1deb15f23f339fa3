//! Configures every port of every quantized node.
//!
//! esp-ppq: `quantizer/EspdlQuantizer.py`, `quantizer/base.py`, `scheduler/allin.py`.

use crate::Result;
use crate::chip::Scheme;
use crate::graph::edit::Links;
use crate::graph::{DataType, Graph, Node, NodeId, Tensor, ValueId};
use crate::ops::{self, Role, Treatment, Weights};
use crate::quant::Settings;
use crate::quant::config::{ConfigId, Configs, State};
use crate::quant::plan::{NodeConfig, Plan};

pub fn configure(plan: &mut Plan, links: &Links) -> Result<()> {
    for node in plan.graph.node_ids() {
        let scheme = scheme_of(&plan.graph, node, &plan.settings);
        if scheme != Scheme::Float {
            let mut config = ports(&plan.graph, node, scheme, &mut plan.configs);
            special_ports(&plan.graph, node, &plan.settings, &mut plan.configs, &mut config);
            masked_inputs(&plan.graph, links, node, &mut plan.configs, &config);
            plan.nodes[node.0] = Some(config);
        }
    }
    Ok(())
}

/// Returns the scheme of a node. A layer's own scheme takes precedence, even for an operator that is otherwise left in
/// float.
fn scheme_of(graph: &Graph, id: NodeId, settings: &Settings) -> Scheme {
    let node = graph.node(id);
    let quantable = ops::find(&node.op).is_some_and(|o| o.treatment.role != Role::Float);
    let scheme = match settings.layer_schemes.get(&owner(graph, id).name) {
        Some(&scheme) => scheme,
        None if quantable => settings.scheme,
        None => Scheme::Float,
    };
    // Without a weight operand, there are no 8-bit weights.
    let dynamic = node.inputs.len() >= 2 && !is_parameter(graph, node, 0) && !is_parameter(graph, node, 1);
    if scheme == Scheme::W8A16 && node.op == "MatMul" && dynamic { Scheme::Int16 } else { scheme }
}

/// Returns the layer whose scheme a node has: InsertZeros and the Slice after it belong to the ConvTranspose that they were
/// made for.
fn owner(graph: &Graph, id: NodeId) -> &Node {
    let reader = |node: &Node| graph.nodes.iter().find(|other| other.inputs.first() == node.outputs.first());
    let is_behind = |node: &Node| {
        let source = |other: &&Node| other.op == "InsertZeros" && other.outputs.first() == node.inputs.first();
        node.op == "Slice" && graph.nodes.iter().any(|other| source(&other))
    };
    let mut node = graph.node(id);
    while node.op == "InsertZeros" || is_behind(node) {
        let Some(next) = reader(node) else { break };
        node = next;
    }
    node
}

pub(super) fn is_parameter(graph: &Graph, node: &Node, port: usize) -> bool {
    node.inputs.get(port).copied().flatten().is_some_and(|v| graph.value(v).constant.is_some())
}

fn ports(graph: &Graph, id: NodeId, scheme: Scheme, configs: &mut Configs) -> NodeConfig {
    let node = graph.node(id);
    let (bits, treatment) = (scheme.activation_bits(), treatment(node));
    let inputs = node.inputs.iter().enumerate().map(|(port, value)| {
        let float = treatment.float_inputs.contains(&port) || value.is_none();
        configs.add(if float { State::Float } else { State::Initial }, bits, None)
    });
    let inputs = inputs.collect();
    let outputs = (0..node.outputs.len()).map(|port| {
        let float = treatment.float_outputs.contains(&port);
        configs.add(if float { State::Float } else { State::Initial }, bits, None)
    });
    NodeConfig { scheme, inputs, outputs: outputs.collect() }
}

/// Configures weights, biases and recurrent states.
fn special_ports(graph: &Graph, id: NodeId, settings: &Settings, configs: &mut Configs, config: &mut NodeConfig) {
    let node = graph.node(id);
    let treatment = treatment(node);
    if let Weights::ByChannel(axis) = treatment.weights {
        let by_channel = settings.target.per_channel();
        if let (Some(&weight), true) = (config.inputs.get(1), by_channel) {
            configs[weight].axis = Some(axis(&node.attributes));
        }
        if let [_, _, bias] = config.inputs[..] {
            passive(configs, bias, settings.target.bias_bits(config.scheme), by_channel.then_some(0));
        }
    }
    for &port in treatment.cell_inputs.iter().filter(|&&p| node.inputs.get(p).is_some_and(Option::is_some)) {
        passive(configs, config.inputs[port], 16, None);
    }
    for &cell in treatment.cell_outputs.iter().filter_map(|&port| config.outputs.get(port)) {
        passive(configs, cell, 16, None);
    }
    let narrow_weight = ops::on_chip(&node.op).is_some_and(|chip| chip.packs_weights)
        && is_parameter(graph, node, 1)
        // ESP-DL has no depthwise kernel with 8-bit weights and 16-bit activations.
        && node.attributes.int_or("group", 1) == 1;
    if config.scheme == Scheme::W8A16 && narrow_weight {
        configs[config.inputs[1]].bits = 8;
    }
}

fn passive(configs: &mut Configs, id: ConfigId, bits: u32, axis: Option<usize>) {
    let config = &mut configs[id];
    (config.state, config.bits, config.axis) = (State::PassiveInit, bits, axis);
}

/// Returns the treatment of a node's operator; an operator that espq does not support is treated as plain.
fn treatment(node: &Node) -> &'static Treatment {
    ops::find(&node.op).map_or(&Treatment::PLAIN, |operator| &operator.treatment)
}

/// Leaves inputs in float that read a mask of minus infinities, which has no range.
fn masked_inputs(graph: &Graph, links: &Links, id: NodeId, configs: &mut Configs, config: &NodeConfig) {
    for (&port, value) in config.inputs.iter().zip(&graph.node(id).inputs) {
        if value.is_some_and(|v| carries_mask(graph, links, v)) {
            configs[port].state = State::Float;
        }
    }
}

/// Follows Add and Where upstream, as far as they reach.
fn carries_mask(graph: &Graph, links: &Links, value: ValueId) -> bool {
    let (mut pending, mut seen) = (vec![value], vec![false; graph.values.len()]);
    while let Some(value) = pending.pop() {
        if std::mem::replace(&mut seen[value.0], true) {
            continue;
        }
        if graph.value(value).constant.as_ref().is_some_and(is_mask) {
            return true;
        }
        if let Some(source) = links.producers[value.0] {
            let node = graph.node(source);
            match node.op.as_str() {
                "Add" => pending.extend(node.inputs.iter().flatten()),
                "Where" => pending.extend(node.inputs.iter().skip(1).flatten()),
                _ => {}
            }
        }
    }
    false
}

fn is_mask(constant: &Tensor) -> bool {
    constant.data_type() == DataType::Bool
        || constant.slice::<f32>().is_some_and(|elements| any(elements, |v| v.is_infinite()))
        || constant.slice::<f64>().is_some_and(|elements| any(elements, |v| v.is_infinite()))
}

/// Tests blocks of elements without a branch for each: weights are long, and hardly ever infinite.
fn any<T: Copy>(elements: &[T], is_wanted: impl Fn(T) -> bool) -> bool {
    elements.chunks(64).any(|block| block.iter().fold(false, |found, &element| found | is_wanted(element)))
}
