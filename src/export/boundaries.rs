//! Nodes at which integers begin, change or end (esp-ppq 1.3.12, `Insert{Quant,Requant,Dequant}NodePattern`).
//!
//! A graph input that is read as integers is passed as integers, and an integer output stays integer: there are no such
//! nodes at the graph's edge, unless the readers of an input disagree. Exponents are compared exactly, whereas esp-ppq's
//! comparison of scales treats all scales below 2^-16 as equal.

use crate::chip::QuantType;
use crate::espdl::{DataType, Tensor};
use crate::graph::{NodeId, ValueId};
use crate::quant::Port;

use super::draft::{Draft, DraftNode};

/// Runs passes in esp-ppq's order: float to integers, integers to integers, integers to float.
pub fn insert_boundaries(draft: &mut Draft) {
    for input in draft.inputs.clone() {
        settle_input(draft, input);
    }
    for kind in [Kind::Quantize, Kind::Requantize] {
        for id in draft.order() {
            let count = draft.node(id).map_or(0, |n| n.inputs.len());
            for index in 0..count {
                before(draft, id, index, kind);
            }
        }
    }
    for id in draft.order() {
        after(draft, id);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Quantize,
    Requantize,
}

/// Returns `true` unless the node was made by this pass.
fn is_worker(draft: &Draft, id: NodeId) -> bool {
    draft.node(id).is_some_and(|n| !n.op.ends_with("quantizeLinear") && n.op != "QuantizeLinear")
}

/// Returns `false` for Shape, which does not read values.
fn reads_values(node: &DraftNode) -> bool {
    node.op != "Shape"
}

fn before(draft: &mut Draft, id: NodeId, index: usize, kind: Kind) {
    if !is_worker(draft, id) {
        return;
    }
    let Some(value) = draft.input(id, index) else { return };
    let Some(maker) = draft.value(value).maker.filter(|&m| is_worker(draft, m)) else { return };
    let Some(wanted) = draft.node(id).and_then(|n| n.ports.0.get(index).cloned().flatten()) else { return };
    let Some(source) = draft.node(maker).filter(|n| reads_values(n)) else { return };
    let at = source.outputs.iter().position(|&o| o == value);
    let given = at.and_then(|at| source.ports.1.get(at).cloned().flatten());
    match (kind, given) {
        (Kind::Quantize, None) => {
            let constants = [scale(&wanted), zero(&wanted)];
            insert(draft, id, index, "QuantizeLinear", (None, Some(wanted)), constants);
        }
        (Kind::Requantize, Some(given)) if given != wanted => {
            let constants = ratio(&given, &wanted);
            insert(draft, id, index, "RequantizeLinear", (Some(given), Some(wanted)), constants);
        }
        _ => {}
    }
}

/// Reader of a graph input, and the port at which it reads.
type Reader = (NodeId, usize, Option<Port>);

/// Feeds a graph input as all its readers read it. Where they disagree, it is fed without loss for any of them, and those
/// that read it in another form get a node.
fn settle_input(draft: &mut Draft, value: ValueId) {
    let readers = readers_of_input(draft, value);
    let Some((_, _, first)) = readers.first() else { return };
    if readers.iter().all(|(_, _, port)| port == first) {
        return;
    }
    let fed = fed(draft, value, &readers);
    for (id, index, wanted) in readers.into_iter().filter(|(_, _, port)| *port != fed) {
        let Some(wanted) = wanted else { continue };
        let (op, constants) = match &fed {
            Some(fed) => ("RequantizeLinear", ratio(fed, &wanted)),
            None => ("QuantizeLinear", [scale(&wanted), zero(&wanted)]),
        };
        let (node, name) =
            (draft.node(id).map(|n| n.name.clone()).unwrap_or_default(), draft.value(value).name.clone());
        insert(draft, id, index, op, (fed.clone(), Some(wanted)), constants);
        let made = if fed.is_some() { "requantized" } else { "quantized" };
        draft
            .differences
            .push(format!("{node}: the input {name} is {made} for it, since another layer reads it in another form"));
    }
}

fn readers_of_input(draft: &Draft, value: ValueId) -> Vec<Reader> {
    let mut readers = Vec::new();
    for id in draft.order() {
        let Some(node) = draft.node(id).filter(|n| reads_values(n)) else { continue };
        let places = node.inputs.iter().enumerate().filter(|(_, input)| **input == Some(value));
        readers.extend(places.map(|(index, _)| (id, index, node.ports.0.get(index).cloned().flatten())));
    }
    readers
}

/// Returns the form that loses nothing for any reader: integers over the range that was calibrated, which saturate for
/// nobody, of 16 bits if one reads finer steps than those; floats if one reads floats, or steps that are finer still.
fn fed(draft: &Draft, value: ValueId, readers: &[Reader]) -> Option<Port> {
    let ports: Vec<&Port> = readers.iter().map(|(_, _, port)| port.as_ref()).collect::<Option<_>>()?;
    let widest = ports.iter().copied().cloned().reduce(|a, b| a.covering(&b));
    let fed = draft.observed.get(&value).cloned().or(widest)?;
    let finest = ports.iter().flat_map(|port| &port.exponents).min()?;
    let holds = |fed: &Port| fed.exponents.iter().all(|exponent| exponent <= finest);
    [fed.bits, 16].into_iter().map(|bits| fed.at_width(bits)).find(holds)
}

/// Inserts a DequantizeLinear before every float reader.
fn after(draft: &mut Draft, id: NodeId) {
    if !is_worker(draft, id) {
        return;
    }
    let made = draft.node(id).map(|n| n.outputs.clone().into_iter().zip(n.ports.1.clone()).collect::<Vec<_>>());
    for (value, port) in made.unwrap_or_default() {
        let Some(port) = port else { continue };
        for reader in draft.value(value).readers.clone() {
            let Some(node) = draft.node(reader).filter(|n| reads_values(n) && is_worker(draft, reader)) else {
                continue;
            };
            let float = |(index, input): (usize, &Option<ValueId>)| {
                (*input == Some(value) && node.ports.0.get(index).is_none_or(Option::is_none)).then_some(index)
            };
            if let Some(index) = node.inputs.iter().enumerate().find_map(float) {
                let constants = [scale(&port), zero(&port)];
                insert(draft, reader, index, "DequantizeLinear", (Some(port.clone()), None), constants);
            }
        }
    }
}

/// Inserts one node before one input, with a value stored like the one that it reads.
fn insert(
    draft: &mut Draft,
    id: NodeId,
    index: usize,
    op: &str,
    (from, to): (Option<Port>, Option<Port>),
    constants: [Tensor; 2],
) {
    let Some(source) = draft.input(id, index) else { return };
    let (shape, perm) = (draft.value(source).shape.clone(), draft.value(source).perm.clone());
    let Some(made) = draft.insert_before(id, index, op, shape) else { return };
    let constants = constants.map(|c| Some(draft.add_constant(made, c)));
    let Some(node) = draft.node_mut(made) else { return };
    node.inputs.extend(constants);
    let float = to.is_none();
    node.config = None;
    node.ports = (vec![from, None, None], vec![to]);
    if float && node.quant_type().is_some() {
        node.set_quant_type(QuantType::F32);
    }
    if let Some(&output) = node.outputs.first() {
        draft.value_mut(output).perm = perm;
    }
}

/// One node behind one output, which is made with the port `from` and keeps its own port, `to`, for its readers.
pub(super) fn requantize_after(draft: &mut Draft, id: NodeId, index: usize, from: &Port, to: &Port) -> Option<NodeId> {
    let value = *draft.node(id)?.outputs.get(index)?;
    let (shape, perm) = (draft.value(value).shape.clone(), draft.value(value).perm.clone());
    let made = draft.insert_after(id, index, "RequantizeLinear", shape)?;
    let constants = ratio(from, to).map(|c| Some(draft.add_constant(made, c)));
    let node = draft.node_mut(id)?;
    *node.ports.1.get_mut(index)? = Some(from.clone());
    let inner = *node.outputs.get(index)?;
    draft.value_mut(inner).perm = perm;
    let node = draft.node_mut(made)?;
    node.inputs.extend(constants);
    node.config = None;
    node.ports = (vec![Some(from.clone()), None, None], vec![Some(to.clone())]);
    Some(made)
}

/// The constants of a RequantizeLinear. Activations have one exponent each.
fn ratio(given: &Port, wanted: &Port) -> [Tensor; 2] {
    let exponents = wanted.exponents.iter().zip(&given.exponents).map(|(w, g)| w.saturating_sub(*g)).collect();
    [scale(&Port { bits: wanted.bits, exponents }), zero(wanted)]
}

fn scale(port: &Port) -> Tensor {
    let power = |e: &i64| 2f32.powi((*e).clamp(-200, 200) as i32).to_le_bytes();
    list(DataType::Float, port.exponents.len(), port.exponents.iter().flat_map(power).collect())
}

/// Makes a zero offset, since scales are symmetric.
fn zero(port: &Port) -> Tensor {
    let (data_type, width) = if port.bits > 8 { (DataType::Int16, 2) } else { (DataType::Int8, 1) };
    list(data_type, port.exponents.len(), vec![0; width * port.exponents.len()])
}

/// Makes an operand that the chip ignores, since it uses the tensors' own exponents.
fn list(data_type: DataType, count: usize, bytes: Vec<u8>) -> Tensor {
    let dims = if count == 1 { Vec::new() } else { vec![count] };
    Tensor { data_type, dims, exponents: vec![0], bytes, ..Tensor::default() }
}
