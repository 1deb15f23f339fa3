//! Replacement of one node by others: what the exact rewrites share.
//!
//! The layout is settled: axes and shapes are those that are stored.

use crate::chip::QuantType;
use crate::espdl::{Attribute, DataType, Tensor};
use crate::graph::{NodeId, ValueId};
use crate::quant::Port;

use super::draft::{Draft, DraftNode, DraftValue, identity};

/// A value and the integers that a node reads or makes of it.
pub type At = (ValueId, Option<Port>);

/// Node that has been taken out of the draft, to be replaced by others.
pub struct Rewrite<'d> {
    pub draft: &'d mut Draft,
    pub node: DraftNode,
}

impl Rewrite<'_> {
    /// Takes a node out; the quantization's file keeps it.
    pub fn of(draft: &mut Draft, id: NodeId) -> Option<Rewrite<'_>> {
        let node = draft.nodes.get_mut(id.0)?.take()?;
        for value in node.inputs.iter().flatten() {
            draft.value_mut(*value).readers.retain(|reader| *reader != id);
        }
        node.outputs.iter().for_each(|&value| draft.value_mut(value).maker = None);
        draft.replaced.push(node.clone());
        Some(Rewrite { draft, node })
    }

    /// An input of the node, as it reads it.
    pub fn input(&self, index: usize) -> Option<At> {
        let port = self.node.ports.0.get(index).cloned().flatten();
        Some(((*self.node.inputs.get(index)?)?, port))
    }

    /// The first output of the node, as it makes it.
    pub fn output(&self) -> Option<At> {
        Some((*self.node.outputs.first()?, self.node.ports.1.first().cloned().flatten()))
    }

    /// All outputs of the node, as it makes them; a float node may have no ports.
    pub fn outputs(&self) -> Vec<At> {
        let port = |index: usize| self.node.ports.1.get(index).cloned().flatten();
        self.node.outputs.iter().enumerate().map(|(index, &output)| (output, port(index))).collect()
    }

    pub fn shape(&self, value: ValueId) -> Vec<usize> {
        self.draft.value(value).stored_shape()
    }

    /// An axis of the node's output in ONNX's order, as it is stored: all that the node reads has one order.
    pub fn stored(&self, axis: usize) -> usize {
        let output = self.node.outputs.first().map(|&output| self.draft.value(output));
        let perm = output.and_then(|value| value.perm.as_deref()).unwrap_or_default();
        perm.iter().position(|&p| p == axis).unwrap_or(axis)
    }

    /// A new value with the elements of `like`.
    pub fn value(&mut self, like: ValueId, shape: Vec<usize>) -> ValueId {
        let data_type = self.draft.value(like).data_type;
        let perm = Some(identity(shape.len()));
        let name = format!("PPQ_Variable_{}", self.draft.made.1);
        self.draft.made.1 += 1;
        self.draft.values.push(DraftValue { name, shape, data_type, perm, ..DraftValue::default() });
        ValueId(self.draft.values.len() - 1) // pushed just above
    }

    /// Adds a node. It has the integer type of the node that it replaces, or floats if its outputs are floats.
    pub fn add(&mut self, op: &str, inputs: &[At], outputs: &[At], attributes: &[(&str, Attribute)]) -> NodeId {
        let id = NodeId(self.draft.nodes.len());
        inputs.iter().for_each(|(value, _)| self.draft.value_mut(*value).readers.push(id));
        outputs.iter().for_each(|(value, _)| self.draft.value_mut(*value).maker = Some(id));
        let mut node = DraftNode {
            name: self.name(op),
            op: op.to_string(),
            attributes: self.node.inserted_quant_type(),
            inputs: inputs.iter().map(|(value, _)| Some(*value)).collect(),
            outputs: outputs.iter().map(|(value, _)| *value).collect(),
            ports: (inputs.iter().map(|at| at.1.clone()).collect(), outputs.iter().map(|at| at.1.clone()).collect()),
            doubled: false,
            config: None,
        };
        if outputs.iter().all(|(_, port)| port.is_none()) {
            node.set_quant_type(QuantType::F32);
        }
        attributes.iter().for_each(|(name, value)| node.set(name, value.clone()));
        self.draft.nodes.push(Some(node));
        id
    }

    /// Adds a node like the one that it replaces, with other values at some of its inputs, of the same ports.
    pub fn like(&mut self, values: &[(usize, ValueId)], outputs: &[At]) -> NodeId {
        let op = self.node.op.clone();
        let id = self.add(&op, &[], outputs, &[]);
        let mut inputs = self.node.inputs.clone();
        for (index, slot) in inputs.iter_mut().enumerate() {
            if let Some((_, value)) = values.iter().find(|(at, _)| *at == index) {
                *slot = Some(*value);
            }
        }
        inputs.iter().flatten().for_each(|&value| self.draft.value_mut(value).readers.push(id));
        let (attributes, ports) = (self.node.attributes.clone(), self.node.ports.0.clone());
        if let Some(node) = self.draft.node_mut(id) {
            (node.inputs, node.attributes, node.ports.0) = (inputs, attributes, ports);
        }
        id
    }

    /// Returns `true` if a value is read by a node that there is, or is an output of the model.
    pub fn is_used(&self, value: ValueId) -> bool {
        !self.draft.value(value).readers.is_empty() || self.draft.outputs.contains(&value)
    }

    /// The layer's name with the operator behind it, and a count from the second on.
    fn name(&self, op: &str) -> String {
        let first = format!("{}/{op}", self.node.name);
        let is_taken = |name: &String| self.draft.nodes.iter().flatten().any(|node| node.name == *name);
        let mut names = std::iter::once(first.clone()).chain((2..).map(|n| format!("{first}_{n}")));
        names.find(|name| !is_taken(name)).unwrap_or(first)
    }

    pub fn note(&mut self, text: &str) {
        let text = format!("{}: {text}", self.node.name);
        self.draft.differences.push(text);
    }

    /// Parts of these sizes along an axis.
    pub fn split(&mut self, (value, port): At, axis: usize, sizes: &[usize]) -> Vec<At> {
        let mut parts = Vec::with_capacity(sizes.len());
        for &size in sizes {
            let mut shape = self.shape(value);
            shape[axis] = size; // an axis of the value
            parts.push((self.value(value, shape), port.clone()));
        }
        let id = self.add("Split", &[(value, port)], &parts, &[axis_attribute(axis)]);
        self.draft.append_sizes(id, sizes);
        parts
    }

    /// Parts joined along an axis, as a new value or as one that there is.
    pub fn concat(&mut self, parts: &[At], axis: usize, into: Option<ValueId>) -> Option<At> {
        let (first, port) = parts.first()?.clone();
        let mut shape = self.shape(first);
        shape[axis] = parts.iter().map(|(part, _)| self.shape(*part)[axis]).sum(); // an axis of all
        let made = into.unwrap_or_else(|| self.value(first, shape));
        self.add("Concat", parts, &[(made, port.clone())], &[axis_attribute(axis)]);
        Some((made, port))
    }

    /// Adds a Slice from `starts` to before `ends` along each of `axes`.
    pub fn slice(&mut self, (value, port): At, axes: &[usize], starts: &[usize], ends: &[usize]) -> At {
        let mut shape = self.shape(value);
        for (&axis, (start, end)) in axes.iter().zip(starts.iter().zip(ends)) {
            shape[axis] = end.saturating_sub(*start); // an axis of the value
        }
        let made = (self.value(value, shape), port.clone());
        let id = self.add("Slice", &[(value, port)], std::slice::from_ref(&made), &[]);
        [starts, ends, axes, &vec![1; axes.len()]].into_iter().for_each(|list| self.draft.append_sizes(id, list));
        made
    }

    /// Zeros before and behind each axis.
    pub fn pad(&mut self, (value, port): At, pads: &[(usize, usize)]) -> At {
        let shape = self.shape(value).iter().zip(pads).map(|(size, (before, behind))| size + before + behind).collect();
        let made = (self.value(value, shape), port.clone());
        let mode = Attribute::Text(b"constant".to_vec());
        let id = self.add("Pad", &[(value, port)], std::slice::from_ref(&made), &[("mode", mode)]);
        let (before, behind): (Vec<usize>, Vec<usize>) = pads.iter().copied().unzip();
        self.draft.append_sizes(id, &[before, behind].concat());
        made
    }

    /// The places of an axis that `places` names, in that order.
    pub fn gather(&mut self, (value, port): At, axis: usize, places: &[usize]) -> At {
        let mut shape = self.shape(value);
        shape[axis] = places.len(); // an axis of the value
        let made = (self.value(value, shape), port.clone());
        let id = self.add("Gather", &[(value, port)], std::slice::from_ref(&made), &[axis_attribute(axis)]);
        self.draft.append_sizes(id, places);
        made
    }

    /// Puts a constant at the node's next input.
    pub fn append(&mut self, id: NodeId, tensor: Tensor, port: Option<Port>) {
        let value = self.draft.add_constant(id, tensor);
        let Some(node) = self.draft.node_mut(id) else { return };
        node.inputs.push(Some(value));
        node.ports.0.resize(node.inputs.len(), None);
        node.ports.0.last_mut().into_iter().for_each(|last| *last = port.clone());
    }

    /// Lets what made `value` make the node's output in its place.
    pub fn finish(&mut self, (value, _): At) {
        let Some((output, _)) = self.output() else { return };
        let maker = self.draft.value_mut(value).maker.take();
        self.draft.value_mut(output).maker = maker;
        let outputs = maker.and_then(|id| self.draft.node_mut(id)).map(|node| &mut node.outputs);
        outputs.into_iter().flatten().filter(|made| **made == value).for_each(|made| *made = output);
    }
}

fn axis_attribute(axis: usize) -> (&'static str, Attribute) {
    ("axis", Attribute::Int(axis as i64)) // a rank fits any integer
}

/// Floats along one axis of `rank`.
pub fn along(axis: usize, rank: usize, values: &[f32]) -> Tensor {
    let mut dims = vec![1; rank];
    dims.iter_mut().skip(axis).take(1).for_each(|size| *size = values.len());
    let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Tensor { data_type: DataType::Float, dims, exponents: vec![0], bytes, ..Tensor::default() }
}
