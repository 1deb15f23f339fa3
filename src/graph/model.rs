//! Nodes and values of one graph.
//!
//! A value has at most one producer. `nodes` is in the file's order until `simplify` has sorted it;
//! every room after `simplify` may rely on topological order.

use super::{Attributes, DataType, Tensor};
use crate::note::Note;
use crate::{Error, Result};

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
    /// Every node once, in the order in which esp-ppq's `graph.operations` holds them, where it differs
    /// from that of `nodes` (fused layers move to its end); empty where it does not.
    pub insertion: Vec<NodeId>,
    /// How many values onnxsim has numbered by now: it calls those that it makes by number, `_v_12`.
    pub numbered: usize,
    /// On loading and simplifying.
    pub notes: Vec<Note>,
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

    /// Nodes in esp-ppq's order of insertion, for passes whose result depends on it.
    pub fn insertion_order(&self) -> Vec<NodeId> {
        if self.insertion.len() == self.nodes.len() { self.insertion.clone() } else { self.node_ids().collect() }
    }

    /// Nodes so that each stands after those that it reads from; an error where there is a cycle.
    ///
    /// Breadth first from the nodes that read no other, each node when its last input is there:
    /// esp-ppq's `topological_sort`, for a graph in its order of insertion.
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
                .with_help("the model was edited wrongly; export it again")),
        }
    }

    /// A node of the cycle that `from` waits for: as many steps up as there are nodes must end in it.
    fn on_cycle(&self, from: NodeId, producers: &[Option<(NodeId, usize)>], waiting: &[usize]) -> NodeId {
        let mut at = from;
        for _ in &self.nodes {
            let up = self.node(at).inputs.iter().flatten().filter_map(|v| producers[v.0]);
            at = up.map(|(id, _)| id).find(|id| waiting[id.0] > 0).unwrap_or(at);
        }
        at
    }

    /// The node's name, or what a person can find it by.
    pub fn title(&self, id: NodeId) -> String {
        let node = self.node(id);
        match node.outputs.iter().flatten().next() {
            _ if !node.name.is_empty() => node.name.clone(),
            Some(output) => format!("(unnamed {} that makes '{}')", node.op, self.value(*output).name),
            None => format!("(unnamed {})", node.op),
        }
    }
}
