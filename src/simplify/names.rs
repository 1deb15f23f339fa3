//! Names of the file's nodes, each with the layer that stands for it once the graph is simplified.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::graph::{Graph, NodeId, ValueId};
use crate::ops::{self, Role};
use crate::text::related;
use crate::{Error, Kind};

/// Layers of a simplified graph by the names that the file has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LayerNames {
    layers: BTreeSet<String>,
    /// Names of nodes that are no layer now.
    others: BTreeMap<String, Origin>,
    modules: BTreeMap<String, String>,
}

/// Fate of a node that is no layer of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Part of this layer.
    Within(String),
    /// Its result does not depend on the model's inputs, and was computed.
    Folded,
    /// Removed: it changed nothing, or its result was not read.
    Dropped,
    /// Outside of the ends of the network that the configuration names.
    CutOff,
}

impl LayerNames {
    /// Returns the layer that a name of a node in the file, or of a layer, stands for.
    pub fn layer<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        match self.others.get(name) {
            _ if self.layers.contains(name) => Some(name),
            Some(Origin::Within(layer)) => Some(layer),
            Some(Origin::Folded | Origin::Dropped | Origin::CutOff) | None => None,
        }
    }

    /// Adds layers that were made after simplification.
    pub fn add(&mut self, layers: impl IntoIterator<Item = String>) {
        self.layers.extend(layers);
    }

    /// Returns the path of the module of the source model that a layer is from, as PyTorch's exporter records it.
    pub fn module(&self, layer: &str) -> Option<&str> {
        self.modules.get(layer).map(String::as_str)
    }

    /// Returns the error of a name that stands for no layer, with the names that are most like it.
    pub fn unknown(&self, name: &str) -> Error {
        self.refused(name, || self.advice(name))
    }

    /// Returns that error without a comparison with all names.
    pub fn unknown_without_advice(&self, name: &str) -> Error {
        self.refused(name, || "`espq report` and Netron show all names".to_string())
    }

    fn refused(&self, name: &str, advice: impl Fn() -> String) -> Error {
        let (what, help) = match self.others.get(name) {
            Some(Origin::Folded) => (
                format!("`{name}` was folded: its result is a constant, so it is no layer of the model"),
                "remove the line: a constant is stored at the precision of the layer that reads it".to_string(),
            ),
            Some(Origin::Dropped) => (
                format!("`{name}` was removed: it changes nothing, or nothing reads its result"),
                "remove the line".to_string(),
            ),
            Some(Origin::CutOff) => (
                format!("`{name}` was cut off: it is outside of `outputs` and `inputs` of [model]"),
                "remove the line, or end the network behind this layer".to_string(),
            ),
            Some(Origin::Within(_)) | None => (format!("the model has no layer `{name}`"), advice()),
        };
        Error::new(what).with_help(help).of_kind(Kind::Layer)
    }

    /// Returns the known names that are most like a name, the nearest first.
    pub fn like(&self, name: &str) -> Vec<&str> {
        const SHOWN: usize = 3;
        let parts = self.others.iter().filter(|(_, origin)| matches!(origin, Origin::Within(_))).map(|(name, _)| name);
        related(name, self.layers.iter().chain(parts).map(String::as_str), SHOWN)
    }

    fn advice(&self, name: &str) -> String {
        match self.like(name).as_slice() {
            [] if self.layers.is_empty() => "the model has no layers".to_string(),
            [] => "no layer has a name like it; `espq report` and Netron show all names".to_string(),
            [one] => format!("the nearest name is {one}"),
            near => format!("the nearest names are {}", near.join(", ")),
        }
    }
}

/// Nodes of a graph before any rewrite, from which the layers of the simplified graph are told later.
pub struct Origins {
    nodes: Vec<Original>,
    cut_off: Vec<String>,
    /// Readers of each value, by place in `nodes`.
    readers: HashMap<ValueId, Vec<usize>>,
    constants: Vec<String>,
}

struct Original {
    name: String,
    outputs: Vec<ValueId>,
}

impl Origins {
    /// Takes down the nodes of a graph, the names of those that its reader has made constants of, and of those cut off.
    pub fn of(graph: &Graph, constants: Vec<String>, cut_off: Vec<String>) -> Origins {
        let nodes = graph.nodes.iter().map(|node| Original {
            name: node.name.clone(),
            outputs: node.outputs.iter().flatten().copied().collect(),
        });
        let mut readers: HashMap<ValueId, Vec<usize>> = HashMap::new();
        for (at, node) in graph.nodes.iter().enumerate() {
            node.inputs.iter().flatten().for_each(|input| readers.entry(*input).or_default().push(at));
        }
        Origins { nodes: nodes.collect(), cut_off, readers, constants }
    }

    /// Finds the layer of each node in the simplified graph, whose values still have the places that they had before.
    /// `modules` are paths of modules by names of nodes.
    pub fn trace(&self, graph: &Graph, modules: &BTreeMap<String, String>) -> LayerNames {
        let trace = Trace::new(self, graph);
        let layers: BTreeSet<String> = graph.nodes.iter().map(|node| node.name.clone()).collect();
        let mut names = LayerNames { layers, ..LayerNames::default() };
        let mut known = vec![None; self.nodes.len()];
        // Readers first: who is gone is told by who reads it.
        for (at, node) in self.nodes.iter().enumerate().rev() {
            let origin = trace.origin(at, &known);
            if !node.name.is_empty() && !names.layers.contains(&node.name) {
                names.others.insert(node.name.clone(), origin.clone());
            }
            known[at] = Some(origin);
        }
        for name in self.cut_off.iter().filter(|name| !names.layers.contains(*name)) {
            names.others.insert(name.clone(), Origin::CutOff);
        }
        for name in self.constants.iter().filter(|name| !names.layers.contains(*name)) {
            names.others.entry(name.clone()).or_insert(Origin::Folded);
        }
        for node in &self.nodes {
            let layer = names.layer(&node.name).map(str::to_string);
            if let (Some(layer), Some(module)) = (layer, modules.get(&node.name)) {
                names.modules.entry(layer).or_insert_with(|| module.clone());
            }
        }
        names
    }
}

/// The simplified graph beside the nodes that it came from.
struct Trace<'a> {
    origins: &'a Origins,
    graph: &'a Graph,
    producers: Vec<Option<NodeId>>,
    /// Replacements of values.
    replaced: HashMap<ValueId, ValueId>,
    names: BTreeSet<&'a str>,
}

impl<'a> Trace<'a> {
    fn new(origins: &'a Origins, graph: &'a Graph) -> Trace<'a> {
        Trace {
            origins,
            graph,
            producers: graph.producers().into_iter().map(|made| made.map(|(id, _)| id)).collect(),
            replaced: graph.replaced.iter().copied().collect(),
            names: origins.nodes.iter().map(|node| node.name.as_str()).collect(),
        }
    }

    /// Returns the origin by the current producer of its result, else by its readers, which are in `known`.
    fn origin(&self, at: usize, known: &[Option<Origin>]) -> Origin {
        let node = &self.origins.nodes[at];
        if let Some(id) =
            self.graph.node_ids().find(|&id| !node.name.is_empty() && self.graph.node(id).name == node.name)
        {
            return Origin::Within(self.graph.node(id).name.clone());
        }
        let made: Vec<ValueId> = node.outputs.iter().map(|&output| self.now(output)).collect();
        if let Some(layer) = made.iter().find_map(|value| self.producers[value.0]) {
            return Origin::Within(self.graph.node(self.main(layer)).name.clone());
        }
        if made.iter().any(|value| self.graph.value(*value).constant.is_some()) {
            return Origin::Folded;
        }
        if made.iter().any(|value| self.graph.inputs.contains(value)) {
            return Origin::Dropped;
        }
        let readers = node.outputs.iter().filter_map(|output| self.origins.readers.get(output)).flatten();
        let taken_in = readers.filter_map(|&reader| known[reader].clone());
        taken_in.into_iter().find(|origin| matches!(origin, Origin::Within(_))).unwrap_or(Origin::Dropped)
    }

    /// The value that stands in the place of another.
    fn now(&self, value: ValueId) -> ValueId {
        let mut now = value;
        // No chain is longer than there are replacements.
        for _ in 0..=self.replaced.len() {
            match self.replaced.get(&now) {
                Some(&next) if self.producers[now.0].is_none() => now = next,
                _ => break,
            }
        }
        now
    }

    /// The layer that computes, of several that were made for one node: the Gemm between two Reshapes.
    fn main(&self, layer: NodeId) -> NodeId {
        let role = |id: NodeId| ops::find(&self.graph.node(id).op).map(|operator| operator.treatment.role);
        let mut open = vec![layer];
        let mut next = 0;
        while let Some(&id) = open.get(next) {
            next += 1;
            if self.names.contains(self.graph.node(id).name.as_str()) {
                continue;
            }
            match role(id) {
                Some(Role::Computing) => return id,
                Some(Role::Passive) => {
                    let inputs = self.graph.node(id).inputs.iter().flatten();
                    let before: Vec<NodeId> = inputs.filter_map(|input| self.producers[input.0]).collect();
                    open.extend(before);
                }
                _ => {}
            }
        }
        layer
    }
}
