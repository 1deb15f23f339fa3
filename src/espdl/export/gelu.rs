//! `x / sqrt(2)`, Erf, `+ 1`, `* x`, `/ 2` becomes Gelu: ESP-DL 3.3.9 has no Erf, and a table of the whole is
//! also nearer to the float than five roundings.

use crate::espdl::{Attribute, QuantType};
use crate::graph::{NodeId, ValueId};

use super::draft::{Draft, DraftNode};
use super::tables;

pub fn fuse_gelu(draft: &mut Draft) {
    for erf in draft.order() {
        let found = draft.node(erf).filter(|n| n.op == "Erf").and_then(|_| find(draft, erf));
        if let Some(found) = found {
            replace(draft, erf, &found);
        }
    }
}

struct Found {
    x: ValueId,
    /// The node that reads x first, whose port it is.
    first: NodeId,
    last: NodeId,
    /// All but the last.
    inner: Vec<NodeId>,
}

/// A constant near `wanted`: quantized ones have up to one part in a hundred to go.
fn is_near(draft: &Draft, value: ValueId, wanted: f64) -> bool {
    let Some(constant) = &draft.value(value).constant else { return false };
    let scale = constant.exponents.first().map_or(1.0, |&e| (e.clamp(-1000, 1000) as f64).exp2());
    let values = constant.values().unwrap_or_default();
    !values.is_empty() && values.iter().all(|v| (v * scale / wanted - 1.0).abs() < 0.01)
}

/// The other operand of a node of two, if this one is near `wanted`.
fn beside(draft: &Draft, id: NodeId, op: &str, wanted: f64) -> Option<ValueId> {
    let node = draft.node(id).filter(|n| n.op == op)?;
    let &[Some(a), Some(b)] = node.inputs.as_slice() else { return None };
    match (is_near(draft, a, wanted), is_near(draft, b, wanted)) {
        (false, true) => Some(a),
        (true, false) if op != "Div" => Some(b),
        _ => None,
    }
}

/// The one reader of a node whose output nobody else sees.
fn only_reader(draft: &Draft, id: NodeId) -> Option<NodeId> {
    let &[output] = draft.node(id)?.outputs.as_slice() else { return None };
    match draft.value(output).readers.as_slice() {
        &[reader] if !draft.outputs.contains(&output) => Some(reader),
        _ => None,
    }
}

fn find(draft: &Draft, erf: NodeId) -> Option<Found> {
    use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};
    let first = draft.value(draft.input(erf, 0)?).maker?;
    let x = beside(draft, first, "Div", SQRT_2).or_else(|| beside(draft, first, "Mul", FRAC_1_SQRT_2))?;
    let one = only_reader(draft, erf)?;
    beside(draft, one, "Add", 1.0)?;
    let product = only_reader(draft, one).filter(|&p| draft.node(p).is_some_and(|n| n.op == "Mul"))?;
    only_reader(draft, first).filter(|&r| r == erf)?;
    let found = |last, inner| Some(Found { x, first, last, inner });
    let reads = |id: NodeId, v: ValueId| draft.node(id).is_some_and(|n| n.inputs.contains(&Some(v)));
    if beside(draft, product, "Mul", 0.5).is_some() {
        let last =
            only_reader(draft, product).filter(|&l| draft.node(l).is_some_and(|n| n.op == "Mul") && reads(l, x))?;
        return found(last, vec![first, erf, one, product]);
    }
    if reads(product, x) {
        let last = only_reader(draft, product).filter(|&l| beside(draft, l, "Mul", 0.5).is_some())?;
        return found(last, vec![first, erf, one, product]);
    }
    let sum = *draft.node(one)?.outputs.first()?;
    let other = draft.node(product)?.inputs.iter().flatten().find(|&&v| v != sum)?;
    let half = draft.value(*other).maker?;
    let fits = beside(draft, half, "Mul", 0.5) == Some(x) && only_reader(draft, half) == Some(product);
    fits.then(|| found(product, vec![first, erf, one, half]))?
}

fn replace(draft: &mut Draft, erf: NodeId, found: &Found) {
    let whole = |n: Option<&DraftNode>| n.is_some_and(|n| n.ports.0.first().is_some_and(Option::is_some));
    if !whole(draft.node(found.first)) || !whole(draft.node(erf)) {
        return;
    }
    let Some((port, config)) = draft.node(found.first).and_then(|n| {
        let index = n.inputs.iter().position(|&i| i == Some(found.x))?;
        Some((n.ports.0.get(index).cloned().flatten(), n.config.as_ref().and_then(|c| c.inputs.get(index).copied())))
    }) else {
        return;
    };
    let all: Vec<NodeId> = found.inner.iter().copied().chain([found.last]).collect();
    for &id in &all {
        for value in draft.node(id).map(|n| n.inputs.clone()).unwrap_or_default().into_iter().flatten() {
            draft.value_mut(value).readers.retain(|r| *r != id);
        }
    }
    for &id in &found.inner {
        for value in draft.node(id).map(|n| n.outputs.clone()).unwrap_or_default() {
            draft.value_mut(value).maker = None;
        }
        draft.nodes[id.0] = None; // each stands in the draft: `find` has seen it
    }
    draft.value_mut(found.x).readers.push(found.last);
    let Some(node) = draft.node_mut(found.last) else { return };
    node.op = "Gelu".to_string();
    node.inputs = vec![Some(found.x)];
    node.ports.0 = vec![port];
    node.attributes.retain(|(name, _)| name == "quant_type");
    node.set("approximate", Attribute::Text(b"none".to_vec()));
    if let (Some(own), Some(config)) = (&mut node.config, config) {
        own.inputs = vec![config];
    }
    if node.quant_type() == Some(QuantType::S16) {
        tables::mark(node);
    }
    let name = node.name.clone();
    draft.differences.push(format!("{name}: five nodes around Erf, which ESP-DL does not have, are one Gelu"));
}
