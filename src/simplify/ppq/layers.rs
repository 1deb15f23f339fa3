//! Graph during formatting, with the two orders that esp-ppq's result depends on.
//!
//! `graph.operations` is a dictionary: a fused layer moves to its end. `Variable.dest_ops` is a list: a replaced reader
//! moves to its end. Both determine the topological order.

use crate::graph::{Graph, Node, NodeId, Tensor, ValueId};
use crate::note::Note;
use crate::{Error, Result};

/// Graph under change, with the order of its layers and readers.
pub struct Layers {
    /// Graph, which still contains removed nodes.
    pub graph: Graph,
    /// False for nodes that were removed; indices stay, so they are the order of insertion.
    alive: Vec<bool>,
    /// Readers of each value, one entry per port, in the order in which they were added.
    readers: Vec<Vec<NodeId>>,
    producers: Vec<Option<NodeId>>,
}

impl Layers {
    /// Takes over a graph whose nodes are all in use.
    pub fn new(graph: Graph) -> Layers {
        let consumers = graph.consumers();
        let readers = consumers.iter().map(|ports| ports.iter().map(|(id, _)| *id).collect()).collect();
        let producers = graph.producers().into_iter().map(|p| p.map(|(id, _)| id)).collect();
        Layers { alive: vec![true; graph.nodes.len()], readers, producers, graph }
    }

    /// Returns the current nodes of these types.
    pub fn of_type(&self, ops: &[&str]) -> Vec<NodeId> {
        let wanted = |id: &NodeId| self.alive[id.0] && ops.iter().any(|op| self.graph.node(*id).is(op));
        self.graph.node_ids().filter(wanted).collect()
    }

    /// Returns a node, removed or not.
    pub fn node(&self, id: NodeId) -> &Node {
        self.graph.node(id)
    }

    /// Returns a node for changes that keep its inputs and outputs.
    pub fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.graph.nodes[id.0]
    }

    /// Returns `true` for values that a node reads, or that are outputs of the model.
    pub fn is_read(&self, value: ValueId) -> bool {
        !self.readers[value.0].is_empty() || self.graph.outputs.contains(&value)
    }

    /// Returns the only reader of a value that is not an output of the model.
    pub fn only_reader(&self, value: ValueId) -> Option<NodeId> {
        match self.readers[value.0][..] {
            [reader] if !self.graph.outputs.contains(&value) => Some(reader),
            _ => None,
        }
    }

    /// Returns the only node that reads an output of `id`.
    pub fn after(&self, id: NodeId) -> Option<NodeId> {
        match self.node(id).outputs[..] {
            [Some(output)] => self.only_reader(output),
            _ => None,
        }
    }

    /// Returns the node that makes a value; `None` for inputs and constants.
    pub fn producer(&self, value: ValueId) -> Option<NodeId> {
        self.producers[value.0]
    }

    /// Returns `true` for constants.
    pub fn is_constant(&self, value: ValueId) -> bool {
        self.graph.value(value).constant.is_some()
    }

    /// Returns the constant at an input port.
    pub fn constant(&self, id: NodeId, port: usize) -> Option<&Tensor> {
        self.graph.constant(self.node(id), port)
    }

    /// Returns `true` if a layer has this name.
    pub fn has_name(&self, name: &str) -> bool {
        self.graph.nodes.iter().zip(&self.alive).any(|(node, alive)| *alive && node.name == name)
    }

    /// Returns an unused layer name: `wanted`, or with a count appended.
    pub fn free_name(&self, wanted: String) -> String {
        let mut name = wanted.clone();
        let mut count = 0;
        while self.has_name(&name) {
            count += 1;
            name = format!("{wanted}_{count}");
        }
        name
    }

    /// Removes a node; its outputs then have no producer.
    pub fn remove(&mut self, id: NodeId) {
        self.alive[id.0] = false;
        let node = self.graph.node(id);
        for input in node.inputs.iter().flatten() {
            let readers = &mut self.readers[input.0];
            if let Some(at) = readers.iter().position(|reader| *reader == id) {
                readers.remove(at);
            }
        }
        for output in node.outputs.iter().flatten() {
            self.producers[output.0] = None;
        }
    }

    /// Adds a node at the end of the order; it becomes the last reader of its inputs.
    pub fn append(&mut self, node: Node) -> NodeId {
        let id = NodeId(self.graph.nodes.len());
        self.grow();
        for input in node.inputs.iter().flatten() {
            self.readers[input.0].push(id);
        }
        for output in node.outputs.iter().flatten() {
            self.producers[output.0] = Some(id);
        }
        self.graph.nodes.push(node);
        self.alive.push(true);
        id
    }

    /// Adds a node at the end of the order that reads the input of `reader` at its first port, replacing it among the
    /// readers; `reader` reads the new node's output.
    pub fn insert_before(&mut self, reader: NodeId, mut node: Node) -> Option<NodeId> {
        let input = self.node(reader).input(0)?;
        let between = self.graph.fresh(&format!("{}_output_0", node.name));
        self.grow();
        (node.inputs, node.outputs) = (vec![Some(input)], vec![Some(between)]);
        let id = NodeId(self.graph.nodes.len());
        if let Some(place) = self.readers[input.0].iter_mut().find(|other| **other == reader) {
            *place = id;
        }
        self.readers[between.0].push(reader);
        self.producers[between.0] = Some(id);
        self.graph.nodes[reader.0].inputs[0] = Some(between);
        self.graph.nodes.push(node);
        self.alive.push(true);
        Some(id)
    }

    /// Adds a constant with a name that no other value has.
    pub fn add_constant(&mut self, name: &str, tensor: Tensor) -> ValueId {
        let id = self.graph.fresh_constant(name, tensor);
        self.grow();
        id
    }

    /// Extends the tables to the length of the graph's list of values.
    fn grow(&mut self) {
        self.readers.resize(self.graph.values.len(), Vec::new());
        self.producers.resize(self.graph.values.len(), None);
    }

    /// Sets the value at an input port, which may be new.
    pub fn set_input(&mut self, id: NodeId, port: usize, value: Option<ValueId>) {
        self.grow();
        let inputs = &mut self.graph.nodes[id.0].inputs;
        if inputs.len() <= port {
            inputs.resize(port + 1, None);
        }
        let old = std::mem::replace(&mut inputs[port], value);
        if let Some(old) = old
            && let Some(at) = self.readers[old.0].iter().position(|reader| *reader == id)
        {
            self.readers[old.0].remove(at);
        }
        if let Some(value) = value {
            self.readers[value.0].push(id);
        }
    }

    /// Redirects the readers of `old` to `new`, after the existing readers of `new`. An output of the model takes the
    /// name of `new`, and is noted.
    pub fn replace_uses(&mut self, old: ValueId, new: ValueId) {
        self.graph.replaced.push((old, new));
        let scales = std::mem::take(&mut self.graph.values[old.0].scales);
        self.graph.values[new.0].scales.extend(scales);
        for reader in std::mem::take(&mut self.readers[old.0]) {
            let port = self.graph.nodes[reader.0].inputs.iter_mut().find(|input| **input == Some(old));
            if let Some(port) = port {
                *port = Some(new);
                self.readers[new.0].push(reader);
            }
        }
        if let Some(at) = self.graph.outputs.iter().position(|output| *output == old) {
            // Renamed and moved to the end, as in esp-ppq, so that its files can be compared with ours.
            self.graph.outputs.remove(at);
            if !self.graph.outputs.contains(&new) {
                self.graph.outputs.push(new);
            }
            let text = format!(
                "output '{}' of the model is renamed to '{}' after the layer that now makes it",
                self.graph.value(old).name,
                self.graph.value(new).name
            );
            self.note(Note::new(text));
        }
    }

    /// Replaces a value like `replace_uses`, but an output of the model keeps its name and place.
    pub fn bypass(&mut self, old: ValueId, new: ValueId) {
        if let Some(output) = self.graph.outputs.iter_mut().find(|output| **output == old) {
            *output = new;
            let name = std::mem::take(&mut self.graph.values[old.0].name);
            self.graph.values[old.0].name = std::mem::replace(&mut self.graph.values[new.0].name, name);
        }
        self.replace_uses(old, new);
    }

    /// Adds a note for the user.
    pub fn note(&mut self, note: Note) {
        self.graph.notes.push(note);
    }

    /// Returns the graph in esp-ppq's topological order, together with its order of insertion.
    pub fn finish(mut self) -> Result<Graph> {
        let order = self.order()?;
        let mut place = vec![usize::MAX; self.graph.nodes.len()];
        for (new, old) in order.iter().enumerate() {
            place[old.0] = new;
        }
        let inserted: Vec<NodeId> = place.iter().filter(|&&p| p != usize::MAX).map(|&p| NodeId(p)).collect();
        self.graph.nodes = order.iter().map(|id| self.graph.node(*id).clone()).collect();
        let differs = inserted.iter().enumerate().any(|(n, id)| n != id.0);
        self.graph.insertion = if differs { inserted } else { Vec::new() };
        Ok(self.graph)
    }

    /// Sorts breadth first over the lists of readers: `topological_sort` of `IR/base/graph.py`.
    fn order(&self) -> Result<Vec<NodeId>> {
        let waits = |node: &Node| node.inputs.iter().flatten().filter(|v| self.producers[v.0].is_some()).count();
        let mut waiting: Vec<usize> = self.graph.nodes.iter().map(waits).collect();
        let alive = self.graph.node_ids().filter(|id| self.alive[id.0]);
        let mut order: Vec<NodeId> = alive.filter(|id| waiting[id.0] == 0).collect();
        let mut next = 0;
        while next < order.len() {
            for output in self.node(order[next]).outputs.iter().flatten() {
                for reader in &self.readers[output.0] {
                    waiting[reader.0] = waiting[reader.0].saturating_sub(1);
                    if waiting[reader.0] == 0 {
                        order.push(*reader);
                    }
                }
            }
            next += 1;
        }
        if order.len() == self.alive.iter().filter(|alive| **alive).count() {
            return Ok(order);
        }
        Err(Error::new("the graph has a cycle")
            .with_help("the model is not a valid graph: export it again from the training framework"))
    }
}
