//! Nodes and constants.

use super::Lowering;
use crate::graph::{Attribute, Attributes, DataType, Element, Node, Tensor, Value, ValueId};
use crate::model::unique::distinct;

/// Entry of the list of nodes.
pub enum Step<'a> {
    /// Node without a name, and the modules around it.
    Node {
        node: Node,
        stack: &'a str,
        /// The exporter computes it: it gets no name of the list.
        is_folded: bool,
    },
    /// Name that the exporter gives a node which onnxsim then folds.
    Used { op: &'static str, stack: &'a str },
}

/// Operators that PyTorch's exporter computes where their inputs are constants.
const FOLDED: [&str; 23] = [
    "Slice",
    "Concat",
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Unsqueeze",
    "Squeeze",
    "Transpose",
    "Cast",
    "Reshape",
    "Shape",
    "ReduceL1",
    "ReduceL2",
    "ReduceProd",
    "Gather",
    "Neg",
    "Not",
    "Sqrt",
    "Range",
    "Where",
    "Equal",
    "Softmax",
];

impl<'a> Lowering<'a> {
    pub(super) fn add_value(&mut self, value: Value, is_known: bool) -> ValueId {
        self.known.push(is_known);
        self.graph.add_value(value)
    }

    /// Adds a constant with the name of a parameter.
    pub fn named_constant(&mut self, name: &str, tensor: Tensor) -> ValueId {
        let name = distinct(&mut self.names, name);
        self.known.push(true);
        self.made += tensor.shape().iter().product::<usize>();
        self.graph.add_constant(name, tensor)
    }

    /// Adds a constant of the operator at hand.
    pub fn constant(&mut self, tensor: Tensor) -> ValueId {
        let name = format!("{}/Constant_output_0", self.modules.get(self.stack));
        self.named_constant(&name, tensor)
    }

    pub fn int_constant(&mut self, ints: Vec<i64>) -> ValueId {
        // A vector always fills its own length.
        let tensor = Tensor::new(&[ints.len()], ints).unwrap_or_else(|_| Tensor::scalar(0i64));
        self.constant(tensor)
    }

    /// Adds a constant of one number without dimensions, as a type of elements.
    pub fn number(&mut self, value: f64, data_type: DataType) -> ValueId {
        let tensor = scalar(value, data_type);
        self.constant(tensor)
    }

    /// Returns the elements of a constant.
    pub fn tensor(&self, value: ValueId) -> Option<&Tensor> {
        self.graph.value(value).constant.as_ref()
    }

    /// Takes down that the exporter gives a name to a node which onnxsim then folds.
    pub fn used(&mut self, ops: &[&'static str]) {
        let stack = self.stack;
        self.steps.extend(ops.iter().map(|op| Step::Used { op, stack }));
    }

    /// Adds a node with one output.
    pub fn node(
        &mut self,
        op: &'static str,
        inputs: &[ValueId],
        attributes: impl IntoIterator<Item = (&'static str, Attribute)>,
    ) -> ValueId {
        let inputs: Vec<Option<ValueId>> = inputs.iter().copied().map(Some).collect();
        let outputs = self.node_of(op, inputs, attributes, 1);
        outputs[0]
    }

    /// Adds a node, some of whose inputs may be left out, with at least one output.
    pub fn node_of(
        &mut self,
        op: &'static str,
        inputs: Vec<Option<ValueId>>,
        attributes: impl IntoIterator<Item = (&'static str, Attribute)>,
        outputs: usize,
    ) -> Vec<ValueId> {
        let mut of_node = Attributes::default();
        attributes.into_iter().for_each(|(name, value)| of_node.set(name, value));
        let is_known = !inputs.is_empty() && inputs.iter().flatten().all(|input| self.known[input.0]);
        let is_folded =
            is_known && FOLDED.contains(&op) && inputs.iter().flatten().all(|input| self.is_computed(*input));
        let unnamed =
            || Value { name: String::new(), data_type: None, shape: None, constant: None, scales: Vec::new() };
        let made: Vec<ValueId> = (0..outputs.max(1)).map(|_| self.add_value(unnamed(), is_known)).collect();
        self.makers.extend(made.iter().map(|&value| (value, self.steps.len())));
        let node = Node {
            name: String::new(),
            op: op.to_string(),
            domain: String::new(),
            attributes: of_node,
            inputs,
            outputs: made.iter().copied().map(Some).collect(),
        };
        self.steps.push(Step::Node { node, stack: self.stack, is_folded });
        made
    }

    /// Tells constants, and what the exporter computes of them.
    fn is_computed(&self, value: ValueId) -> bool {
        self.makers.get(&value).is_none_or(|&step| matches!(self.steps[step], Step::Node { is_folded: true, .. }))
    }

    /// Returns the node that makes a value.
    pub fn maker(&self, value: ValueId) -> Option<&Node> {
        match &self.steps[*self.makers.get(&value)?] {
            Step::Node { node, .. } => Some(node),
            Step::Used { .. } => None,
        }
    }
}

/// Returns a number as a tensor without dimensions.
pub fn scalar(value: f64, data_type: DataType) -> Tensor {
    filled(&[], value, data_type).unwrap_or_else(|| Tensor::scalar(value as f32))
}

/// Returns a tensor of one number everywhere; `None` if the shape is too large.
pub fn filled(shape: &[usize], value: f64, data_type: DataType) -> Option<Tensor> {
    fn of<T: Element>(shape: &[usize], value: T) -> Option<Tensor> {
        Tensor::new(shape, vec![value; shape.iter().product()]).ok()
    }
    match data_type {
        DataType::F32 => of(shape, value as f32),
        DataType::F64 => of(shape, value),
        DataType::I8 => of(shape, value as i8),
        DataType::I16 => of(shape, value as i16),
        DataType::I32 => of(shape, value as i32),
        DataType::I64 => of(shape, value as i64),
        DataType::U8 => of(shape, value as u8),
        DataType::U16 => of(shape, value as u16),
        DataType::U32 => of(shape, value as u32),
        DataType::U64 => of(shape, value as u64),
        DataType::Bool => of(shape, value != 0.0),
    }
}
