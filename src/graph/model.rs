//! Nodes and values of one graph.
//!
//! A value has at most one producer. `nodes` is in the file's order until `simplify` has sorted it;
//! every room after `simplify` may rely on topological order.

use super::{Attributes, DataType, Tensor};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub usize);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueId(pub usize);

#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What the user sees in Netron; unique in the graph.
    pub name: String,
    /// ONNX operator type, `Conv`.
    pub op: String,
    /// Empty for ONNX's own operators.
    pub domain: String,
    pub attributes: Attributes,
    /// `None` for an optional input that is left out.
    pub inputs: Vec<Option<ValueId>>,
    pub outputs: Vec<Option<ValueId>>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    pub name: String,
    /// Known after shape inference; always known after `simplify`.
    pub data_type: Option<DataType>,
    pub shape: Option<Vec<usize>>,
    /// Initializers and folded constants.
    pub constant: Option<Tensor>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Graph {
    pub name: String,
    /// Version of ONNX's own operator set.
    pub opset: i64,
    pub nodes: Vec<Node>,
    pub values: Vec<Value>,
    /// Inputs that the user feeds: initializers are not among them.
    pub inputs: Vec<ValueId>,
    pub outputs: Vec<ValueId>,
}

impl Graph {
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0]
    }

    pub fn node_ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len()).map(NodeId)
    }

    pub fn add_value(&mut self, value: Value) -> ValueId {
        self.values.push(value);
        ValueId(self.values.len() - 1)
    }

    pub fn add_constant(&mut self, name: impl Into<String>, tensor: Tensor) -> ValueId {
        self.add_value(Value {
            name: name.into(),
            data_type: Some(tensor.data_type()),
            shape: Some(tensor.shape().to_vec()),
            constant: Some(tensor),
        })
    }

    /// Node and output port that make each value; `None` for inputs and constants.
    pub fn producers(&self) -> Vec<Option<(NodeId, usize)>> {
        let mut producers = vec![None; self.values.len()];
        for (n, node) in self.nodes.iter().enumerate() {
            for (port, output) in node.outputs.iter().enumerate() {
                if let Some(value) = output {
                    producers[value.0] = Some((NodeId(n), port));
                }
            }
        }
        producers
    }

    /// Nodes and input ports that read each value, in node order.
    pub fn consumers(&self) -> Vec<Vec<(NodeId, usize)>> {
        let mut consumers = vec![Vec::new(); self.values.len()];
        for (n, node) in self.nodes.iter().enumerate() {
            for (port, input) in node.inputs.iter().enumerate() {
                if let Some(value) = input {
                    consumers[value.0].push((NodeId(n), port));
                }
            }
        }
        consumers
    }
}
