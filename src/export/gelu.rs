//! Replacement of `x / sqrt(2)`, Erf, `+ 1`, `* x`, `/ 2` by Gelu: ESP-DL 3.3.9 does not support Erf, and a single
//! table is more accurate than five roundings.

use crate::chip::QuantType;
use crate::espdl::Attribute;
use crate::graph::{Graph, NodeId, ValueId};
use crate::quant::Port;

use super::draft::Draft;
use super::tables;

pub fn fuse_gelu(draft: &mut Draft) {
    for erf in draft.order() {
        if let Some(found) = find(draft, erf) {
            replace(draft, &found);
        }
    }
}

/// Returns the nodes of a model that are written as Gelus.
pub fn gelus(graph: &Graph) -> Vec<JoinedGelu> {
    let unchanged = Unchanged { graph, producers: graph.producers(), consumers: graph.consumers() };
    graph.node_ids().filter_map(|id| find(&unchanged, id)).collect()
}

/// Nodes that are written as one Gelu of `x`.
pub struct JoinedGelu {
    /// Input of the Gelu.
    pub x: ValueId,
    /// First node that reads x, whose port is used.
    pub first: NodeId,
    /// Node that makes the result.
    pub last: NodeId,
    /// All nodes but the last.
    pub inner: Vec<NodeId>,
    /// Set if the result is twice the Gelu: the half is a factor of the next layer's weights.
    pub doubled: bool,
}

/// Readers of nodes, in a model or in a draft.
trait Wires {
    fn is(&self, id: NodeId, op: &str) -> bool;
    fn inputs(&self, id: NodeId) -> &[Option<ValueId>];
    fn output(&self, id: NodeId) -> Option<ValueId>;
    fn maker(&self, value: ValueId) -> Option<NodeId>;
    /// Returns the only reader of a node, if its output has no other reader.
    fn only_reader(&self, id: NodeId) -> Option<NodeId>;
    /// Returns `true` for a constant near `wanted`; quantized ones may differ by one percent.
    fn is_near(&self, value: ValueId, wanted: f64) -> bool;
}

impl Wires for Draft {
    fn is(&self, id: NodeId, op: &str) -> bool {
        self.node(id).is_some_and(|n| n.op == op)
    }

    fn inputs(&self, id: NodeId) -> &[Option<ValueId>] {
        self.node(id).map_or(&[], |n| &n.inputs)
    }

    fn output(&self, id: NodeId) -> Option<ValueId> {
        self.node(id)?.outputs.first().copied()
    }

    fn maker(&self, value: ValueId) -> Option<NodeId> {
        self.value(value).maker
    }

    fn only_reader(&self, id: NodeId) -> Option<NodeId> {
        let &[output] = self.node(id)?.outputs.as_slice() else { return None };
        match self.value(output).readers.as_slice() {
            &[reader] if !self.outputs.contains(&output) => Some(reader),
            _ => None,
        }
    }

    fn is_near(&self, value: ValueId, wanted: f64) -> bool {
        let Some(constant) = &self.value(value).constant else { return false };
        let scale = constant.exponents.first().map_or(1.0, |&e| (e.clamp(-1000, 1000) as f64).exp2());
        all_near(constant.values().unwrap_or_default().into_iter().map(|v| v * scale), wanted)
    }
}

/// Unchanged model.
struct Unchanged<'g> {
    graph: &'g Graph,
    producers: Vec<Option<(NodeId, usize)>>,
    consumers: Vec<Vec<(NodeId, usize)>>,
}

impl Wires for Unchanged<'_> {
    fn is(&self, id: NodeId, op: &str) -> bool {
        self.graph.node(id).op == op
    }

    fn inputs(&self, id: NodeId) -> &[Option<ValueId>] {
        &self.graph.node(id).inputs
    }

    fn output(&self, id: NodeId) -> Option<ValueId> {
        self.graph.node(id).outputs.first().copied().flatten()
    }

    fn maker(&self, value: ValueId) -> Option<NodeId> {
        self.producers.get(value.0).copied().flatten().map(|(id, _)| id)
    }

    fn only_reader(&self, id: NodeId) -> Option<NodeId> {
        let output = self.output(id)?;
        match self.consumers.get(output.0).map(Vec::as_slice) {
            Some(&[(reader, _)]) if !self.graph.outputs.contains(&output) => Some(reader),
            _ => None,
        }
    }

    fn is_near(&self, value: ValueId, wanted: f64) -> bool {
        let constant = self.graph.value(value).constant.as_ref();
        let values = constant.and_then(|c| c.slice::<f32>()).unwrap_or_default();
        all_near(values.iter().map(|&v| v.into()), wanted)
    }
}

fn all_near(mut values: impl ExactSizeIterator<Item = f64>, wanted: f64) -> bool {
    values.len() > 0 && values.all(|v| (v / wanted - 1.0).abs() < 0.01)
}

/// Returns the other operand of a node of two, if this one is near `wanted`.
fn beside(wires: &impl Wires, id: NodeId, op: &str, wanted: f64) -> Option<ValueId> {
    let (true, &[Some(a), Some(b)]) = (wires.is(id, op), wires.inputs(id)) else { return None };
    match (wires.is_near(a, wanted), wires.is_near(b, wanted)) {
        (false, true) => Some(a),
        (true, false) if op != "Div" => Some(b),
        _ => None,
    }
}

fn find(wires: &impl Wires, erf: NodeId) -> Option<JoinedGelu> {
    use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};
    let first = wires.maker(wires.inputs(erf).first().copied().flatten().filter(|_| wires.is(erf, "Erf"))?)?;
    let x = beside(wires, first, "Div", SQRT_2).or_else(|| beside(wires, first, "Mul", FRAC_1_SQRT_2))?;
    let one = wires.only_reader(erf)?;
    beside(wires, one, "Add", 1.0)?;
    let product = wires.only_reader(one).filter(|&p| wires.is(p, "Mul"))?;
    wires.only_reader(first).filter(|&r| r == erf)?;
    let found = |last, inner| Some(JoinedGelu { x, first, last, inner, doubled: false });
    let reads = |id: NodeId, v: ValueId| wires.inputs(id).contains(&Some(v));
    if beside(wires, product, "Mul", 0.5).is_some() {
        let last = wires.only_reader(product).filter(|&l| wires.is(l, "Mul") && reads(l, x))?;
        return found(last, vec![first, erf, one, product]);
    }
    if reads(product, x) {
        return match wires.only_reader(product).filter(|&l| beside(wires, l, "Mul", 0.5).is_some()) {
            Some(last) => found(last, vec![first, erf, one, product]),
            None => Some(JoinedGelu { x, first, last: product, inner: vec![first, erf, one], doubled: true }),
        };
    }
    let sum = wires.output(one)?;
    let other = wires.inputs(product).iter().flatten().find(|&&v| v != sum)?;
    let half = wires.maker(*other)?;
    let fits = beside(wires, half, "Mul", 0.5) == Some(x) && wires.only_reader(half) == Some(product);
    fits.then(|| found(product, vec![first, erf, one, half]))?
}

/// Replaces the nodes by one. Erf itself is never quantized; the nodes that read x and make the result must be.
fn replace(draft: &mut Draft, found: &JoinedGelu) {
    let is_whole = |ports: &[Option<Port>]| ports.first().is_some_and(Option::is_some);
    let reads = draft.node(found.first).is_some_and(|n| is_whole(&n.ports.0));
    let makes = draft.node(found.last).is_some_and(|n| is_whole(&n.ports.1));
    if !reads || !makes {
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
        draft.nodes[id.0] = None; // each is in the draft, since `find` has found it
    }
    draft.value_mut(found.x).readers.push(found.last);
    let Some(node) = draft.node_mut(found.last) else { return };
    node.op = "Gelu".to_string();
    node.inputs = vec![Some(found.x)];
    node.ports.0 = vec![port];
    node.doubled = found.doubled;
    node.attributes.retain(|(name, _)| name == "quant_type");
    node.set("approximate", Attribute::Text(b"none".to_vec()));
    if let (Some(own), Some(config)) = (&mut node.config, config) {
        own.inputs = vec![config];
    }
    if node.quant_type() == Some(QuantType::S16) {
        tables::mark(node);
    }
    let name = node.name.clone();
    draft
        .differences
        .push(format!("{name}: the nodes around Erf, which ESP-DL does not support, are replaced by one Gelu"));
}
