//! Nodes and constants: their names, and the activations that are fused into operators.

use super::Lowering;
use crate::graph::{Attribute, Attributes, Node, Tensor, Value, ValueId};
use crate::model::tflite::file::Operator;
use crate::model::tflite::layout::Layout;
use crate::model::unique::distinct;
use crate::{Result, bail};

impl Lowering<'_> {
    /// Adds the node that moves the axes of a value: a Transpose, or a Reshape if no element moves.
    pub(super) fn reorder(
        &mut self,
        name: &str,
        from: ValueId,
        shape: &[usize],
        order: &[usize; 4],
        to: ValueId,
    ) -> Result<()> {
        let &[n, a, b, c] = shape else { bail!("shape {shape:?} has not 4 dimensions") };
        let target: Vec<usize> = order.iter().map(|&axis| [n, a, b, c][axis]).collect();
        let long = |axis: &&usize| shape[**axis] != 1;
        if order.iter().filter(long).is_sorted() {
            self.reshape_to(name, from, &target, to);
            return Ok(());
        }
        let order = order.iter().map(|&axis| axis as i64).collect();
        self.node_to(name, "Transpose", &[Some(from)], [("perm", Attribute::Ints(order))], &[to]);
        Ok(())
    }

    pub(super) fn reshape_to(&mut self, name: &str, from: ValueId, shape: &[usize], to: ValueId) {
        let shape = self.int_constant(&format!("{name}/shape"), shape.iter().map(|&length| length as i64).collect());
        self.node_to(name, "Reshape", &[Some(from), Some(shape)], [], &[to]);
    }

    /// Adds a constant with its axes in another order, once for each tensor and kind of order.
    pub fn reordered(&mut self, tensor: usize, kind: &'static str, from: Tensor, order: &[usize]) -> Result<ValueId> {
        let shape = from.shape().to_vec();
        let Some(moved) = from.transpose(order) else { bail!("shape {shape:?} has not {} dimensions", order.len()) };
        Ok(self.constant_of(tensor, kind, moved))
    }

    /// Adds a constant that is made of a tensor of the file; `kind` tells several of one tensor apart.
    pub fn constant_of(&mut self, tensor: usize, kind: &'static str, elements: Tensor) -> ValueId {
        if let Some(&known) = self.constants.get(&(tensor, kind))
            && self.graph.value(known).shape.as_deref() == Some(elements.shape())
        {
            return known;
        }
        let name = match self.file.tensors[tensor].name.as_str() {
            "" => format!("constant {tensor}"),
            name => name.to_string(),
        };
        let id = self.add_constant(&name, elements);
        self.constants.insert((tensor, kind), id);
        id
    }

    pub fn add_constant(&mut self, name: &str, elements: Tensor) -> ValueId {
        let name = self.unique(name);
        self.graph.add_constant(name, elements)
    }

    pub fn int_constant(&mut self, name: &str, ints: Vec<i64>) -> ValueId {
        let name = self.unique(name);
        // A vector always fills its own length.
        let elements = Tensor::new(&[ints.len()], ints).unwrap_or_else(|_| Tensor::scalar(0i64));
        self.graph.add_constant(name, elements)
    }

    /// Adds a value that a node is about to make.
    pub fn value(&mut self, name: &str) -> ValueId {
        let name = self.unique(name);
        self.graph.add_value(Value { name, ..Value::default() })
    }

    /// Adds a node with one new value, both called `name`.
    pub fn node(
        &mut self,
        name: &str,
        op: &str,
        inputs: &[Option<ValueId>],
        attributes: impl IntoIterator<Item = (&'static str, Attribute)>,
    ) -> ValueId {
        let value = self.value(name);
        self.node_to(name, op, inputs, attributes, &[value]);
        value
    }

    pub fn node_to(
        &mut self,
        name: &str,
        op: &str,
        inputs: &[Option<ValueId>],
        attributes: impl IntoIterator<Item = (&'static str, Attribute)>,
        outputs: &[ValueId],
    ) {
        let mut of_node = Attributes::default();
        attributes.into_iter().for_each(|(name, value)| of_node.set(name, value));
        let name = distinct(&mut self.layers, name);
        self.graph.nodes.push(Node {
            name,
            op: op.to_string(),
            domain: String::new(),
            attributes: of_node,
            inputs: inputs.to_vec(),
            outputs: outputs.iter().copied().map(Some).collect(),
        });
    }

    /// Returns the name of an operator's layer: that of its first output.
    pub fn base(&self, operator: &Operator) -> String {
        self.file.title(operator)
    }

    /// Adds an operator's own node, with the activation that is fused into it, and sets the operator's output.
    pub fn emit(
        &mut self,
        operator: &Operator,
        op: &str,
        inputs: &[Option<ValueId>],
        attributes: impl IntoIterator<Item = (&'static str, Attribute)>,
        placed: Placed,
    ) -> Result<()> {
        self.emit_as(operator.output()?, &self.base(operator), op, inputs, attributes, placed)
    }

    /// Adds a node for a tensor, named after it.
    pub fn emit_as(
        &mut self,
        tensor: usize,
        base: &str,
        op: &str,
        inputs: &[Option<ValueId>],
        attributes: impl IntoIterator<Item = (&'static str, Attribute)>,
        placed: Placed,
    ) -> Result<()> {
        let Placed { layout, shape, activation } = placed;
        let last = match activation {
            Activation::None => self.node(base, op, inputs, attributes),
            _ => {
                let value = self.value(&format!("{base}/{op}"));
                self.node_to(base, op, inputs, attributes, &[value]);
                let last = self.value(base);
                self.activate(&format!("{base}/{}", activation.name()), activation, value, last);
                last
            }
        };
        self.set(tensor, last, layout, shape)
    }

    /// Adds the node of an activation.
    pub fn activate(&mut self, name: &str, activation: Activation, from: ValueId, to: ValueId) {
        let limits = match activation {
            Activation::None => return self.node_to(name, "Identity", &[Some(from)], [], &[to]),
            Activation::Relu => return self.node_to(name, "Relu", &[Some(from)], [], &[to]),
            Activation::Tanh => return self.node_to(name, "Tanh", &[Some(from)], [], &[to]),
            Activation::Clip(least, most) => [least, most],
        };
        let [least, most] = limits.map(Tensor::scalar);
        let least = self.add_constant(&format!("{name}/min"), least);
        let most = self.add_constant(&format!("{name}/max"), most);
        self.node_to(name, "Clip", &[Some(from), Some(least), Some(most)], [], &[to]);
    }

    pub(super) fn unique(&mut self, name: &str) -> String {
        distinct(&mut self.names, name)
    }
}

/// Layout, shape in TFLite's order, and activation of an operator's output.
pub struct Placed {
    pub layout: Layout,
    pub shape: Vec<usize>,
    pub activation: Activation,
}

impl Placed {
    pub fn new(layout: Layout, shape: Vec<usize>) -> Placed {
        Placed { layout, shape, activation: Activation::None }
    }

    pub fn with(self, activation: Activation) -> Placed {
        Placed { activation, ..self }
    }
}

/// Activation that is fused into an operator, or one of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Activation {
    None,
    Relu,
    Tanh,
    Clip(f32, f32),
}

impl Activation {
    /// Reads `ActivationFunctionType`.
    pub fn fused(operator: &Operator, field: usize) -> Result<Activation> {
        Ok(match operator.byte(field)? {
            0 => Activation::None,
            1 => Activation::Relu,
            2 => Activation::Clip(-1.0, 1.0),
            3 => Activation::Clip(0.0, 6.0),
            4 => Activation::Tanh,
            other => bail!("fused activation {other} is not supported"),
        })
    }

    fn name(self) -> &'static str {
        match self {
            Activation::None => "Identity",
            Activation::Relu => "Relu",
            Activation::Tanh => "Tanh",
            Activation::Clip(0.0, 6.0) => "Relu6",
            Activation::Clip(..) => "Clip",
        }
    }
}
