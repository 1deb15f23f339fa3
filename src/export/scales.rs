//! Exponents that a kernel takes for equal (`chip::Scales`): where calibration gives others, a RequantizeLinear stands
//! beside the node. The values that leave it are those of the simulation.

use crate::chip::{Family, QuantType, Scales};
use crate::graph::NodeId;
use crate::ops;
use crate::quant::Port;

use super::boundaries;
use super::draft::{Draft, DraftNode};

fn scales(node: &DraftNode) -> Scales {
    ops::on_chip(&node.op).map_or(Scales::Any, |chip| chip.scales)
}

/// Gives inputs the exponent that their kernel takes them to have; [`boundaries::insert_boundaries`] requantizes them then.
pub fn settle_inputs(draft: &mut Draft) {
    for id in draft.order() {
        let Some(node) = draft.node(id) else { continue };
        let (wanted, count) = match scales(node) {
            Scales::OfOutput => (node.ports.1.first().cloned().flatten(), node.inputs.len()),
            Scales::OneForInputs => (widest(node), 2),
            Scales::Any | Scales::OfInput => continue,
        };
        let Some(wanted) = wanted else { continue };
        (0..count).for_each(|index| settle_input(draft, id, index, &wanted));
    }
}

fn settle_input(draft: &mut Draft, id: NodeId, index: usize, wanted: &Port) {
    let Some(value) = draft.input(id, index).filter(|&v| draft.value(v).constant.is_none()) else { return };
    let Some(node) = draft.node_mut(id) else { return };
    match node.ports.0.get_mut(index) {
        Some(Some(port)) if port != wanted => *port = wanted.clone(),
        _ => return,
    }
    let (name, op, value) = (node.name.clone(), node.op.clone(), draft.value(value).name.clone());
    draft.differences.push(format!(
        "{name}: {value} is requantized to exponent {:?}: {op} adds, joins or compares integers without a shift",
        wanted.exponents
    ));
}

/// The port of the larger exponent, at which neither input saturates.
fn widest(node: &DraftNode) -> Option<Port> {
    let ports = node.ports.0.iter().take(2).flatten();
    ports.max_by_key(|port| port.exponents.iter().max()).cloned()
}

/// Lets nodes that move integers give their outputs the input's exponent, and requantizes what they make.
pub fn settle_outputs(draft: &mut Draft) {
    for id in draft.order() {
        let Some(node) = draft.node(id).filter(|node| scales(node) == Scales::OfInput) else { continue };
        let Some(input) = node.ports.0.first().cloned().flatten() else { continue };
        for index in 0..node.outputs.len() {
            requantize_output(draft, id, index, &input);
        }
    }
}

/// Gives products the exponent of their factors where their outputs have a smaller one, since vector kernels shift right
/// only, and requantizes what they make. The integers are the same, without the last bits, which are 0. Products of
/// several exponents would lose bits of those with the smaller ones, and are left to be refused.
pub fn raise_products(draft: &mut Draft, family: Family) {
    for id in draft.order().into_iter().filter(|_| Family::VECTOR.contains(&family)) {
        let Some(node) = draft.node(id).filter(|node| shifts_right(node)) else { continue };
        let Some((product, output)) = product(node).zip(node.ports.1.first().cloned().flatten()) else { continue };
        if output.exponents.iter().all(|&exponent| exponent >= product) {
            continue;
        }
        let raised = Port { exponents: vec![product], ..output.clone() };
        let name = node.name.clone();
        if boundaries::requantize_after(draft, id, 0, &raised, &output).is_some() {
            draft.differences.push(format!(
                "{name}: its output is requantized from exponent {product} to {:?} behind the layer: the kernel shifts sums right only",
                output.exponents
            ));
        }
    }
}

fn shifts_right(node: &DraftNode) -> bool {
    let is_integer = matches!(node.quant_type(), Some(QuantType::S8 | QuantType::S16));
    is_integer && ops::on_chip(&node.op).is_some_and(|chip| chip.has_limit(&ops::SHIFT))
}

/// Returns the exponent of all products; `None` if they have several.
fn product(node: &DraftNode) -> Option<i64> {
    let [input, factors] = [0, 1].map(|index| node.ports.0.get(index).and_then(Option::as_ref));
    let (input, factors) = (input?.exponents.first()?, &factors?.exponents);
    let first = factors.first().filter(|first| factors.iter().all(|factor| factor == *first))?;
    Some(input.saturating_add(*first))
}

fn requantize_output(draft: &mut Draft, id: NodeId, index: usize, input: &Port) {
    let Some(node) = draft.node(id) else { return };
    let Some(output) = node.ports.1.get(index).cloned().flatten().filter(|port| port != input) else { return };
    let Some(&value) = node.outputs.get(index) else { return };
    let (name, op) = (node.name.clone(), node.op.clone());
    if boundaries::requantize_after(draft, id, index, input, &output).is_none() {
        return;
    }
    // The kernel has the width of what it moves, whatever the layer's precision.
    if let Some(node) = draft.node_mut(id).filter(|_| input.bits != output.bits) {
        node.set_quant_type(if input.bits > 8 { QuantType::S16 } else { QuantType::S8 });
    }
    let value = draft.value(value).name.clone();
    draft.differences.push(format!(
        "{name}: {value} is requantized from exponent {:?} to {:?} behind the layer: {op} moves integers as they are",
        input.exponents, output.exponents
    ));
}
