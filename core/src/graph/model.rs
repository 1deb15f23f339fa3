//! Nodes and values of one graph.
//!
//! A value has at most one producer. `nodes` is in the file's order until `simplify` sorts it; all later stages rely on
//! topological order.

use super::{Attributes, DataType, Tensor, TrainedScale};
use crate::note::Note;
use crate::{Error, Result};

/// Index of a node in [`Graph::nodes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub usize);

/// Index of a value in [`Graph::values`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueId(pub usize);

/// Layer of the model: one operator with its attributes, inputs and outputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Name that Netron shows; unique in the graph.
    pub name: String,
    /// ONNX operator type, `Conv`.
    pub op: String,
    /// Domain of the operator; empty for ONNX's own operators.
    pub domain: String,
    /// Attributes as the file has them; defaults are not filled in.
    pub attributes: Attributes,
    /// Values read by input port; `None` for an optional input that is left out.
    pub inputs: Vec<Option<ValueId>>,
    /// Values made by output port; `None` for an optional output that is left out.
    pub outputs: Vec<Option<ValueId>>,
}

/// Tensor that nodes make and read: an activation, an input of the model, or a constant.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Value {
    /// Name of the edge in the file; unique in the graph.
    pub name: String,
    /// Known after shape inference; always known after `simplify`.
    pub data_type: Option<DataType>,
    /// Lengths of the axes, in ONNX's order; known as `data_type` is.
    pub shape: Option<Vec<usize>>,
    /// Data of initializers and folded constants.
    pub constant: Option<Tensor>,
    /// Scales that the file gives to the value, in the order in which it is quantized; empty in a float model.
    pub scales: Vec<TrainedScale>,
}

/// Model as nodes and the values between them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Graph {
    /// Name in the file, often empty.
    pub name: String,
    /// Version of ONNX's own operator set.
    pub opset: i64,
    /// Nodes, which [`NodeId`] indexes.
    pub nodes: Vec<Node>,
    /// Values, which [`ValueId`] indexes.
    pub values: Vec<Value>,
    /// Inputs that the user feeds: initializers are not among them.
    pub inputs: Vec<ValueId>,
    /// Outputs of the model, in the file's order.
    pub outputs: Vec<ValueId>,
    /// All nodes in the order of esp-ppq's `graph.operations`, if it differs from that of `nodes` (fused layers move to
    /// its end); empty if it does not.
    pub insertion: Vec<NodeId>,
    /// Number of values that onnxsim has named so far; its names are numbers, `_v_12`.
    pub numbered: usize,
    /// Values that other values replaced, with these, in the order of the rewrites: the trace of layers that are gone.
    pub replaced: Vec<(ValueId, ValueId)>,
    /// Notes on unexpected results of loading and simplifying, and on differences from esp-ppq.
    pub notes: Vec<Note>,
}

impl Graph {
    /// Returns a node of this graph. Panics if the id is of another graph.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// Returns a value of this graph. Panics if the id is of another graph.
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0]
    }

    /// Lists all nodes in the order of `nodes`.
    pub fn node_ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len()).map(NodeId)
    }

    /// Appends a value.
    pub fn add_value(&mut self, value: Value) -> ValueId {
        self.values.push(value);
        ValueId(self.values.len() - 1)
    }

    /// Appends a constant with the type and shape of its tensor.
    pub fn add_constant(&mut self, name: impl Into<String>, tensor: Tensor) -> ValueId {
        self.add_value(Value {
            name: name.into(),
            data_type: Some(tensor.data_type()),
            shape: Some(tensor.shape().to_vec()),
            constant: Some(tensor),
            scales: Vec::new(),
        })
    }

    /// Returns `true` if the file gives scales to any value.
    pub fn has_scales(&self) -> bool {
        self.values.iter().any(|value| !value.scales.is_empty())
    }

    /// Returns the node and output port that make each value; `None` for inputs and constants.
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

    /// Returns the nodes and input ports that read each value, in node order.
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

    /// Returns the nodes in esp-ppq's order of insertion, for passes whose result depends on it.
    pub fn insertion_order(&self) -> Vec<NodeId> {
        if self.insertion.len() == self.nodes.len() { self.insertion.clone() } else { self.node_ids().collect() }
    }

    /// Returns the nodes in topological order. Fails if there is a cycle.
    ///
    /// Breadth first from the nodes without producers, each node when its last input is available: esp-ppq's
    /// `topological_sort`, for a graph in its order of insertion.
    pub fn topological_order(&self) -> Result<Vec<NodeId>> {
        let producers = self.producers();
        let consumers = self.consumers();
        let waits = |node: &Node| node.inputs.iter().flatten().filter(|v| producers[v.0].is_some()).count();
        let mut waiting: Vec<usize> = self.nodes.iter().map(waits).collect();
        let mut order: Vec<NodeId> = self.node_ids().filter(|id| waiting[id.0] == 0).collect();
        let mut next = 0;
        while next < order.len() {
            let outputs = self.node(order[next]).outputs.iter().flatten();
            for &(reader, _) in outputs.flat_map(|value| &consumers[value.0]) {
                waiting[reader.0] -= 1;
                if waiting[reader.0] == 0 {
                    order.push(reader);
                }
            }
            next += 1;
        }
        match waiting.iter().position(|&w| w > 0) {
            None => Ok(order),
            Some(stuck) => Err(Error::new("the graph has a cycle: this layer waits for its own output")
                .in_layer(self.title(self.on_cycle(NodeId(stuck), &producers, &waiting)))
                .with_help("the model is not a valid graph: export it again from the training framework")),
        }
    }

    /// Returns a node of the cycle that `from` depends on: walking up as many steps as there are nodes must end in it.
    fn on_cycle(&self, from: NodeId, producers: &[Option<(NodeId, usize)>], waiting: &[usize]) -> NodeId {
        let mut at = from;
        for _ in &self.nodes {
            let up = self.node(at).inputs.iter().flatten().filter_map(|v| producers[v.0]);
            at = up.map(|(id, _)| id).find(|id| waiting[id.0] > 0).unwrap_or(at);
        }
        at
    }

    /// Returns the node's name, or a description by which it can be found.
    pub fn title(&self, id: NodeId) -> String {
        let node = self.node(id);
        match node.outputs.iter().flatten().next() {
            _ if !node.name.is_empty() => node.name.clone(),
            Some(output) => format!("(unnamed {} that makes '{}')", node.op, self.value(*output).name),
            None => format!("(unnamed {})", node.op),
        }
    }
}
