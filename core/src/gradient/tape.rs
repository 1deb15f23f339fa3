//! Graph of gradients while it is made: slopes of the network's values, and nodes added in order.

use std::collections::HashMap;

use crate::graph::{Attribute, Attributes, DataType, Graph, Node, NodeId, Tensor, Value, ValueId};
use crate::ops::{self, Call, Fact};
use crate::{Error, Result};

/// Operator set of the graph of gradients.
const OPSET: i64 = 18;

/// Gradient of a value of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slope {
    /// No output depends on the value.
    Zero,
    /// Value of the graph of gradients.
    Known(ValueId),
    /// An operator without a rule depends on the value.
    Unknown,
}

/// Graph of gradients while it is made.
pub(super) struct Tape<'a> {
    /// The network.
    pub forward: &'a Graph,
    graph: Graph,
    /// Mask of the network's values whose gradient is needed.
    needed: Vec<bool>,
    slopes: Vec<Slope>,
    /// Copies of the network's values and constants.
    copies: HashMap<ValueId, ValueId>,
    saved: Vec<ValueId>,
}

impl<'a> Tape<'a> {
    pub fn new(forward: &'a Graph, needed: Vec<bool>) -> Tape<'a> {
        let slopes = vec![Slope::Zero; forward.values.len()];
        let graph = Graph { opset: OPSET, ..Graph::default() };
        Tape { forward, graph, needed, slopes, copies: HashMap::new(), saved: Vec::new() }
    }

    /// Returns the graph, and the network's values that are its inputs behind the seeds.
    pub fn finish(self) -> (Graph, Vec<ValueId>) {
        (self.graph, self.saved)
    }

    /// Returns the node that is added next.
    pub fn next(&self) -> NodeId {
        NodeId(self.graph.nodes.len())
    }

    /// Makes an input for the gradient of an output of the network.
    pub fn seed(&mut self, output: ValueId) -> Result<()> {
        let seed = self.input(output, "seed");
        self.add(output, seed)
    }

    /// Returns the gradient of a value so far; complete once all readers were differentiated.
    pub fn slope(&self, value: ValueId) -> Slope {
        self.slopes[value.0]
    }

    /// Returns `true` if the gradient of a value is needed, and can be: constants and integers have none.
    pub fn is_needed(&self, value: ValueId) -> bool {
        let known = self.forward.value(value);
        self.needed[value.0] && known.constant.is_none() && known.data_type == Some(DataType::F32)
    }

    /// Marks the gradient of a value as not known.
    pub fn lose(&mut self, value: ValueId) {
        if self.is_needed(value) {
            self.slopes[value.0] = Slope::Unknown;
        }
    }

    /// Adds to the gradient of a value.
    pub fn add(&mut self, value: ValueId, gradient: ValueId) -> Result<()> {
        self.slopes[value.0] = match self.slopes[value.0] {
            Slope::Zero => Slope::Known(gradient),
            Slope::Known(earlier) => Slope::Known(self.op("Add", &[earlier, gradient])?),
            Slope::Unknown => Slope::Unknown,
        };
        Ok(())
    }

    /// Returns a value of the network in this graph: an input, or the constant.
    pub fn value(&mut self, value: ValueId) -> ValueId {
        if let Some(&copy) = self.copies.get(&value) {
            return copy;
        }
        let copy = match &self.forward.value(value).constant {
            Some(constant) => self.constant(constant.clone()),
            None => {
                self.saved.push(value);
                self.input(value, "value")
            }
        };
        self.copies.insert(value, copy);
        copy
    }

    fn input(&mut self, value: ValueId, role: &str) -> ValueId {
        let Value { name, data_type, shape, .. } = self.forward.value(value).clone();
        let name = format!("{role} {name}");
        let id = self.graph.add_value(Value { name, data_type, shape, constant: None, scales: Vec::new() });
        self.graph.inputs.push(id);
        id
    }

    /// Adds a constant.
    pub fn constant(&mut self, tensor: Tensor) -> ValueId {
        let name = format!("constant {}", self.graph.values.len());
        self.graph.add_constant(name, tensor)
    }

    /// Adds a number.
    pub fn number(&mut self, number: f32) -> ValueId {
        self.constant(Tensor::scalar(number))
    }

    /// Adds a list of integers.
    pub fn ints(&mut self, list: &[usize]) -> Result<ValueId> {
        let list: Vec<i64> = list.iter().map(|&int| int as i64).collect();
        Ok(self.constant(Tensor::new(&[list.len()], list)?))
    }

    /// Returns the shape of a value of this graph.
    pub fn shape(&self, value: ValueId) -> Vec<usize> {
        self.graph.shape(value).unwrap_or_default().to_vec()
    }

    /// Adds a node without attributes, and returns its output.
    pub fn op(&mut self, op: &str, inputs: &[ValueId]) -> Result<ValueId> {
        self.op_with(op, inputs, Attributes::default())
    }

    /// Adds a node with one output.
    pub fn op_with(&mut self, op: &str, inputs: &[ValueId], attributes: Attributes) -> Result<ValueId> {
        let inputs: Vec<Option<ValueId>> = inputs.iter().copied().map(Some).collect();
        let outputs = self.node(op, inputs, attributes, 1)?;
        outputs.first().copied().ok_or_else(|| Error::new(format!("{op} has no output")))
    }

    /// Adds a node, and returns its outputs.
    pub fn node(
        &mut self,
        op: &str,
        inputs: Vec<Option<ValueId>>,
        attributes: Attributes,
        outputs: usize,
    ) -> Result<Vec<ValueId>> {
        let operator =
            ops::find(op).ok_or_else(|| Error::new(format!("the operator {op} is not supported by espq")))?;
        let at = self.graph.nodes.len();
        let name = format!("{op} {at}");
        let mut node =
            Node { name, op: op.to_string(), domain: String::new(), attributes, inputs, outputs: vec![None; outputs] };
        let facts = ops::input_facts(&self.graph, &node)?;
        let made: Vec<Fact> = (operator.infer)(&Call::of(&self.graph, &node, &facts))?;
        let ids: Vec<ValueId> = made.into_iter().enumerate().map(|(port, fact)| self.made(at, port, fact)).collect();
        node.outputs = ids.iter().copied().map(Some).collect();
        self.graph.nodes.push(node);
        Ok(ids)
    }

    fn made(&mut self, node: usize, port: usize, fact: Fact) -> ValueId {
        let name = format!("{node}:{port}");
        self.graph.add_value(Value {
            name,
            data_type: Some(fact.data_type),
            shape: Some(fact.shape),
            constant: None,
            scales: Vec::new(),
        })
    }

    /// Gives a value another shape of as many elements.
    pub fn reshape(&mut self, value: ValueId, shape: &[usize]) -> Result<ValueId> {
        if self.shape(value) == shape {
            return Ok(value);
        }
        let shape = self.ints(shape)?;
        self.op("Reshape", &[value, shape])
    }

    /// Sums a value over the axes along which an operand of `shape` was repeated.
    pub fn sum_to(&mut self, value: ValueId, shape: &[usize]) -> Result<ValueId> {
        let from = self.shape(value);
        let front = from.len().saturating_sub(shape.len());
        let is_repeated = |&axis: &usize| axis < front || (shape[axis - front] == 1 && from[axis] != 1);
        let axes: Vec<usize> = (0..from.len()).filter(is_repeated).collect();
        let sum = match axes.is_empty() {
            true => value,
            false => {
                let axes = self.ints(&axes)?;
                self.op("ReduceSum", &[value, axes])?
            }
        };
        self.reshape(sum, shape)
    }
}

/// Makes attributes of integers.
pub(super) fn attributes<const N: usize>(pairs: [(&str, Attribute); N]) -> Attributes {
    let mut attributes = Attributes::default();
    pairs.into_iter().for_each(|(name, value)| attributes.set(name, value));
    attributes
}
