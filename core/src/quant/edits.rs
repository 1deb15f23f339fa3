//! Changes by passes: the original network is kept beside the one that is quantized.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::{Attributes, Graph, NodeId, Tensor, ValueId};

/// New constants of a graph. Ids are those of the original graph, whose nodes and other values do not change.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Edits {
    /// New constants by value: every layer that reads the value gets the new one.
    pub constants: BTreeMap<ValueId, Tensor>,
    /// New constants by layer and input: only that layer gets the new one, which is stored after all other values.
    pub own: BTreeMap<(NodeId, usize), Tensor>,
    /// Clips from 0 whose upper bound is left out.
    pub relus: BTreeSet<NodeId>,
}

impl Edits {
    /// Returns `true` if nothing differs from the original.
    pub fn is_empty(&self) -> bool {
        self.constants.is_empty() && self.own.is_empty() && self.relus.is_empty()
    }

    /// Returns the graph with the changes.
    pub fn apply(&self, graph: &Graph) -> Graph {
        let mut graph = graph.clone();
        for &node in &self.relus {
            let node = &mut graph.nodes[node.0];
            node.op = "Relu".to_string();
            node.inputs.truncate(1);
            node.attributes = Attributes::default();
        }
        for (&value, tensor) in &self.constants {
            graph.values[value.0].constant = Some(tensor.clone());
        }
        for (&(node, port), tensor) in &self.own {
            let name = format!("{}_{port}_own", graph.node(node).name);
            let value = graph.fresh_constant(&name, tensor.clone());
            graph.nodes[node.0].inputs[port] = Some(value);
        }
        graph
    }

    /// Returns the constant that a layer reads, changed or not; `None` if the input is not constant.
    pub fn constant<'a>(&'a self, graph: &'a Graph, node: NodeId, port: usize) -> Option<&'a Tensor> {
        let value = graph.node(node).input(port)?;
        let own = self.own.get(&(node, port));
        own.or_else(|| self.constants.get(&value)).or(graph.value(value).constant.as_ref())
    }

    /// Adds later changes, which override earlier ones.
    pub fn extend(&mut self, later: Edits) {
        self.constants.extend(later.constants);
        self.own.extend(later.own);
        self.relus.extend(later.relus);
    }

    /// Returns digests of the changes by the layers and inputs that have them.
    pub fn digests(&self, graph: &Graph) -> BTreeMap<(NodeId, usize), blake3::Hash> {
        let mut digests = BTreeMap::new();
        let consumers = if self.constants.is_empty() { Vec::new() } else { graph.consumers() };
        for (value, tensor) in &self.constants {
            let digest = digest(tensor);
            digests.extend(consumers[value.0].iter().map(|&place| (place, digest)));
        }
        digests.extend(self.relus.iter().map(|&node| ((node, 1), blake3::hash(b"Relu"))));
        digests.extend(self.own.iter().map(|(&place, tensor)| (place, digest(tensor))));
        digests
    }

    /// Returns the digest of all changes; `None` if there are none.
    pub fn digest(&self) -> Option<blake3::Hash> {
        if self.is_empty() {
            return None;
        }
        let mut hasher = blake3::Hasher::new();
        for (value, tensor) in &self.constants {
            hasher.update(&value.0.to_le_bytes()).update(digest(tensor).as_bytes());
        }
        for ((node, port), tensor) in &self.own {
            hasher.update(&node.0.to_le_bytes()).update(&port.to_le_bytes()).update(digest(tensor).as_bytes());
        }
        for node in &self.relus {
            hasher.update(b"Relu").update(&node.0.to_le_bytes());
        }
        Some(hasher.finalize())
    }
}

/// Returns the digest of a float tensor's shape and elements; passes change no other tensors.
fn digest(tensor: &Tensor) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(format!("{:?} {:?}", tensor.data_type(), tensor.shape()).as_bytes());
    for element in tensor.slice::<f32>().unwrap_or_default() {
        hasher.update(&element.to_le_bytes());
    }
    for element in tensor.slice::<f64>().unwrap_or_default() {
        hasher.update(&element.to_le_bytes());
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Node, Value};

    /// Graph with two layers that read one constant.
    fn graph() -> Graph {
        let mut graph = Graph::default();
        let value = |name: &str| Value { name: name.into(), ..Value::default() };
        let x = graph.add_value(value("x"));
        let six = graph.add_constant("six", Tensor::scalar(6.0f32));
        for name in ["first", "second"] {
            let y = graph.add_value(value(name));
            let (op, domain) = ("Clip".to_string(), String::new());
            let (inputs, outputs) = (vec![Some(x), None, Some(six)], vec![Some(y)]);
            graph.nodes.push(Node { name: name.into(), op, domain, attributes: Default::default(), inputs, outputs });
        }
        graph
    }

    #[test]
    fn a_layer_gets_a_constant_of_its_own_and_the_other_keeps_the_shared_one() {
        let graph = graph();
        let own = BTreeMap::from([((NodeId(1), 2), Tensor::scalar(8.0f32))]);
        let edits = Edits { own, ..Edits::default() };
        let edited = edits.apply(&graph);
        let bound = |graph: &Graph, node: usize| graph.constant(&graph.nodes[node], 2).cloned();
        assert_eq!([bound(&edited, 0), bound(&edited, 1)], [6.0f32, 8.0].map(|v| Some(Tensor::scalar(v))));
        assert_eq!(bound(&graph, 1), Some(Tensor::scalar(6.0f32)));
        assert_eq!(edits.digests(&graph).into_keys().collect::<Vec<_>>(), [(NodeId(1), 2)]);
    }

    #[test]
    fn a_changed_constant_changes_for_all_readers() {
        let graph = graph();
        let edits =
            |value: f32| Edits { constants: BTreeMap::from([(ValueId(1), Tensor::scalar(value))]), ..Edits::default() };
        assert_eq!(edits(7.0).digests(&graph).len(), 2);
        assert_ne!(edits(7.0).digest(), edits(8.0).digest());
        assert_eq!(Edits::default().digest(), None);
    }
}
