//! Changes to a graph, as rewrites make them.

use std::collections::HashSet;

use super::{Graph, Node, NodeId, Tensor, Value, ValueId};

/// Producer and readers of each value, for one state of a graph.
pub struct Links {
    /// Node that makes each value; `None` for inputs and constants.
    pub producers: Vec<Option<NodeId>>,
    /// Nodes and input ports that read each value, in node order.
    pub consumers: Vec<Vec<(NodeId, usize)>>,
}

impl Links {
    /// Collects the links of a graph in its current state.
    pub fn of(graph: &Graph) -> Links {
        let producers = graph.producers().into_iter().map(|p| p.map(|(id, _)| id)).collect();
        Links { producers, consumers: graph.consumers() }
    }

    /// Returns the node that makes the value at an input port.
    pub fn before(&self, node: &Node, port: usize) -> Option<NodeId> {
        self.producers[node.input(port)?.0]
    }

    /// Returns the nodes that make inputs of a node, once per port.
    pub fn upstream(&self, node: &Node) -> Vec<NodeId> {
        node.inputs.iter().flatten().filter_map(|value| self.producers[value.0]).collect()
    }

    /// Returns the nodes that read outputs of a node, once per reading port; the model's outputs do not count.
    pub fn downstream(&self, node: &Node) -> Vec<NodeId> {
        node.outputs
            .iter()
            .flatten()
            .flat_map(|value| self.consumers[value.0].iter().map(|&(reader, _)| reader))
            .collect()
    }

    /// Returns nodes and ports that read a value as esp-ppq does (`Variable.dest_idx`): a node that reads it twice is listed
    /// twice, both times with its first such port.
    pub fn first_reads(&self, graph: &Graph, value: ValueId) -> Vec<(NodeId, usize)> {
        let first = |node: NodeId| graph.node(node).inputs.iter().position(|&i| i == Some(value));
        self.consumers[value.0].iter().filter_map(|&(node, _)| Some((node, first(node)?))).collect()
    }
}

impl Node {
    /// Returns the value at an input port; `None` where the input is left out.
    pub fn input(&self, port: usize) -> Option<ValueId> {
        self.inputs.get(port).copied().flatten()
    }

    /// Returns the value at an output port; `None` where the output is left out.
    pub fn output(&self, port: usize) -> Option<ValueId> {
        self.outputs.get(port).copied().flatten()
    }

    /// Returns `true` if the node is ONNX's own operator `op`.
    pub fn is(&self, op: &str) -> bool {
        self.op == op && self.domain.is_empty()
    }
}

impl Graph {
    /// Returns the constant at an input port.
    pub fn constant(&self, node: &Node, port: usize) -> Option<&Tensor> {
        self.value(node.input(port)?).constant.as_ref()
    }

    /// Returns the shape of a value, where it is known.
    pub fn shape(&self, id: ValueId) -> Option<&[usize]> {
        self.value(id).shape.as_deref()
    }

    /// Returns the integers of an attribute, or of a constant input in the operator sets that have an input instead.
    pub fn ints(&self, node: &Node, attribute: &str, port: usize) -> Option<Vec<i64>> {
        match node.attributes.ints(attribute) {
            Some(values) => Some(values.to_vec()),
            None => self.constant(node, port)?.to_i64s(),
        }
    }

    /// Marks values, by id.
    pub fn mask(&self, values: impl IntoIterator<Item = ValueId>) -> Vec<bool> {
        let mut mask = vec![false; self.values.len()];
        values.into_iter().for_each(|value| mask[value.0] = true);
        mask
    }

    /// Marks the nodes that `value` depends on, by id. Nodes are in topological order.
    pub fn ancestors(&self, value: ValueId) -> Vec<bool> {
        let (mut needed, mut marked) = (self.mask([value]), vec![false; self.nodes.len()]);
        for (node, mark) in self.nodes.iter().zip(&mut marked).rev() {
            *mark = node.outputs.iter().flatten().any(|output| needed[output.0]);
            if *mark {
                node.inputs.iter().flatten().for_each(|input| needed[input.0] = true);
            }
        }
        marked
    }

    /// Returns the number of elements of a value; 0 where its shape is not known.
    pub fn elements(&self, id: ValueId) -> usize {
        self.shape(id).map_or(0, |shape| shape.iter().product())
    }

    /// Counts the readers of a value: nodes, and outputs of the model.
    pub fn uses(&self, links: &Links, id: ValueId) -> usize {
        links.consumers[id.0].len() + usize::from(self.outputs.contains(&id))
    }

    /// Adds a value whose name is `name` made unique.
    pub fn fresh(&mut self, name: &str) -> ValueId {
        let name = self.free_name(name);
        self.add_value(Value { name, ..Value::default() })
    }

    /// Adds a value with a number for a name, as onnxsim names its unnamed values.
    pub fn fresh_numbered(&mut self) -> ValueId {
        let taken: HashSet<&str> = self.values.iter().map(|v| v.name.as_str()).collect();
        self.numbered += 1;
        while taken.contains(format!("_v_{}", self.numbered).as_str()) {
            self.numbered += 1;
        }
        let name = format!("_v_{}", self.numbered);
        self.add_value(Value { name, ..Value::default() })
    }

    /// Adds a constant with a name that no other value has.
    pub fn fresh_constant(&mut self, name: &str, tensor: Tensor) -> ValueId {
        let name = self.free_name(name);
        self.add_constant(name, tensor)
    }

    fn free_name(&self, name: &str) -> String {
        let taken: HashSet<&str> = self.values.iter().map(|v| v.name.as_str()).collect();
        let mut candidate = name.to_owned();
        let mut count = 0;
        while taken.contains(candidate.as_str()) {
            count += 1;
            candidate = format!("{name}_{count}");
        }
        candidate
    }

    /// Redirects every reader of `old` to `new`. An output of the model keeps its name, whichever value it then is.
    /// Returns `false`, and changes nothing, if both are inputs or outputs of the model.
    pub fn replace_uses(&mut self, old: ValueId, new: ValueId) -> bool {
        let fixed = |id: ValueId| self.inputs.contains(&id) || self.outputs.contains(&id);
        if fixed(old) && fixed(new) {
            return false;
        }
        self.replaced.push((old, new));
        let scales = std::mem::take(&mut self.values[old.0].scales);
        self.values[new.0].scales.extend(scales);
        for input in self.nodes.iter_mut().flat_map(|node| &mut node.inputs) {
            if *input == Some(old) {
                *input = Some(new);
            }
        }
        if let Some(output) = self.outputs.iter_mut().find(|output| **output == old) {
            *output = new;
            // onnxsim gives the old value a number for a name.
            self.numbered += 1;
            let name = std::mem::take(&mut self.values[old.0].name);
            self.values[old.0].name = std::mem::replace(&mut self.values[new.0].name, name);
        }
        true
    }

    /// Deletes nodes whose outputs are not read; `false` if there are none.
    pub fn drop_dead(&mut self) -> bool {
        let before = self.nodes.len();
        let mut read = vec![false; self.values.len()];
        for output in &self.outputs {
            read[output.0] = true;
        }
        // Readers come after the values they read, so one sweep from the end finds every chain.
        let mut alive = vec![false; self.nodes.len()];
        for (n, node) in self.nodes.iter().enumerate().rev() {
            alive[n] = node.outputs.iter().flatten().any(|output| read[output.0]);
            if alive[n] {
                node.inputs.iter().flatten().for_each(|input| read[input.0] = true);
            }
        }
        let mut keep = alive.iter();
        self.nodes.retain(|_| *keep.next().unwrap_or(&true));
        self.nodes.len() != before
    }

    /// Deletes values that nothing reads or makes, and renumbers the rest.
    pub fn drop_unused_values(&mut self) {
        let mut used = vec![false; self.values.len()];
        let ports = self.nodes.iter().flat_map(|n| n.inputs.iter().chain(&n.outputs).flatten());
        for id in ports.chain(&self.inputs).chain(&self.outputs) {
            used[id.0] = true;
        }
        let mut next = 0;
        let places: Vec<usize> = used.iter().map(|&u| (next, next += usize::from(u)).0).collect();
        let mut keep = used.iter();
        self.values.retain(|_| *keep.next().unwrap_or(&true));
        let ports = self.nodes.iter_mut().flat_map(|n| n.inputs.iter_mut().chain(&mut n.outputs).flatten());
        for id in ports.chain(&mut self.inputs).chain(&mut self.outputs) {
            id.0 = places[id.0];
        }
    }
}
