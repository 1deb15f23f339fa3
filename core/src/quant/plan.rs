//! The plan: all decisions that need no samples. It contains the quantized ports, their widths, the sharing of scales,
//! the scales of parameters, and the ports to observe.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::graph::edit::Links;
use crate::graph::{Graph, Node, NodeId, ValueId};
use crate::note::Note;
use crate::ops::{self, Call, Fact, Role};
use crate::{Error, Result};

use super::config::{ConfigId, Configs, State};
use super::edits::Edits;
use super::passes;
use super::{Settings, accumulation, layer_names};
use crate::chip::{Family, Method, Scheme};

/// Configurations of one quantized node, by port.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeConfig {
    /// Scheme of the node as planned: a MatMul without weights falls back from w8a16 to int16, and a Relu has that of
    /// the layer that it is fused into.
    pub scheme: Scheme,
    /// Configurations of inputs, by port.
    pub inputs: Vec<ConfigId>,
    /// Configurations of outputs, by port.
    pub outputs: Vec<ConfigId>,
}

/// Graph with its settings, ready for calibration.
///
/// There are up to three copies of the graph, with equal ids and different constants, since passes that change weights
/// must not change the reference.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Original graph, except for values appended at the end (see [`plan`]): the reference of all figures.
    pub original: Arc<Graph>,
    /// Graph after the changes that preserve the function of the float network. It is the reference of values inside
    /// the network, whose scales such changes move.
    pub equivalent: Arc<Graph>,
    /// Graph to quantize.
    pub graph: Graph,
    /// Digests of the constants that differ from the original's, by layer and input: part of every cache key.
    pub edited: BTreeMap<(NodeId, usize), blake3::Hash>,
    /// Digest of the changes of `equivalent`.
    pub equivalence: Option<blake3::Hash>,
    /// Settings that the plan was made with.
    pub settings: Settings,
    /// Configurations by node; `None` runs in float.
    pub nodes: Vec<Option<NodeConfig>>,
    /// Configurations of all ports, with the scales known so far.
    pub configs: Configs,
    /// Notes on differences from esp-ppq and other facts for the user, one sentence each.
    pub notes: Vec<Note>,
    /// Exponents that a pass has chosen for values, in place of those that calibration observes.
    pub chosen: BTreeMap<ValueId, i32>,
    /// Set by a pass: a layer whose inputs share the scale of its output takes the scale of its widest input, if that of
    /// the output is narrower.
    pub widened: bool,
    /// Nodes and input ports of constants that calibration does not quantize.
    pub(super) kept_float: Vec<(NodeId, usize)>,
}

/// Port that calibration observes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed {
    /// Configuration that takes the observed scale.
    pub config: ConfigId,
    /// Node that the port belongs to.
    pub node: NodeId,
    /// Value whose elements are observed.
    pub value: ValueId,
    /// Observer: the layer's, or that of all layers.
    pub method: Method,
}

/// Plans a simplified graph (nodes in topological order, every shape known).
///
/// Outputs that an LSTM or GRU leaves out get values, appended to those of the graph. The steps are those of esp-ppq's
/// `EspdlQuantizer` up to its parameter calibration.
pub fn plan(graph: &Graph, settings: &Settings) -> Result<Plan> {
    layer_names::check(graph, settings)?;
    plan_edited(Arc::new(with_all_outputs(graph.clone())), &Edits::default(), settings)
}

fn plan_edited(original: Arc<Graph>, edits: &Edits, settings: &Settings) -> Result<Plan> {
    let equivalent = if edits.is_empty() { original.clone() } else { Arc::new(edits.apply(&original)) };
    let graph = Graph::clone(&equivalent);
    let links = Links::of(&graph);
    let mut plan = Plan {
        edited: edits.digests(&original),
        equivalence: edits.digest(),
        nodes: vec![None; graph.nodes.len()],
        original,
        equivalent,
        graph,
        settings: settings.clone(),
        configs: Configs::default(),
        notes: Vec::new(),
        chosen: BTreeMap::new(),
        widened: false,
        kept_float: Vec::new(),
    };
    passes::configure(&mut plan, &links)?;
    passes::fuse(&mut plan, &links);
    passes::simplify(&mut plan, &links);
    passes::parameters(&mut plan)?;
    passes::trained(&mut plan)?;
    plan.note_coarse_search();
    plan.note_floored_prelu();
    Ok(plan)
}

/// Adds the outputs of LSTM and GRU that the model leaves out: the chip's kernels write all of them, and the last state
/// takes the scale of the whole sequence.
fn with_all_outputs(mut graph: Graph) -> Graph {
    for id in graph.node_ids() {
        let Some(count) = ops::on_chip(&graph.node(id).op).and_then(|chip| chip.outputs) else { continue };
        graph.nodes[id.0].outputs.resize(count, None);
        let facts = facts(&graph, id).unwrap_or_default();
        for port in (0..count).filter(|&port| graph.node(id).outputs[port].is_none()).collect::<Vec<_>>() {
            let fact = facts.get(port).cloned();
            let value = graph.fresh(&format!("{}_output_{port}", graph.node(id).name));
            let place = &mut graph.values[value.0];
            (place.data_type, place.shape) = (fact.as_ref().map(|f| f.data_type), fact.map(|f| f.shape));
            graph.nodes[id.0].outputs[port] = Some(value);
        }
    }
    graph
}

fn facts(graph: &Graph, id: NodeId) -> Option<Vec<Fact>> {
    let node = graph.node(id);
    let inputs = ops::input_facts(graph, node).ok()?;
    (ops::find(&node.op)?.infer)(&Call::of(graph, node, &inputs)).ok()
}

/// Returns `true` if ESP-DL moves the values of this operator without changing them.
pub(super) fn is_passive(node: &Node) -> bool {
    ops::find(&node.op).is_some_and(|o| o.treatment.role == Role::Passive)
}

impl Plan {
    /// Plans the network again with other constants that preserve the function of the float network.
    pub fn with_equivalent(&self, edits: &Edits) -> Result<Plan> {
        plan_edited(self.original.clone(), edits, &self.settings)
    }

    pub(super) fn config(&self, node: NodeId) -> Option<&NodeConfig> {
        self.nodes.get(node.0).and_then(Option::as_ref)
    }

    /// Returns the scheme of a node; nodes that are not quantized are float.
    pub fn scheme(&self, node: NodeId) -> Scheme {
        self.config(node).map_or(Scheme::Float, |c| c.scheme)
    }

    /// Returns the largest magnitude of each output channel's weights, by layer.
    pub fn largest_weights(&self) -> BTreeMap<String, Vec<f32>> {
        let of = |id| Some((self.graph.node(id).name.clone(), accumulation::largest_weights(self, id)?));
        self.graph.node_ids().filter_map(of).collect()
    }

    /// Returns ports and their values, inputs first.
    pub(super) fn ports(&self, node: NodeId) -> Vec<(ConfigId, Option<ValueId>)> {
        let Some(config) = self.config(node) else { return Vec::new() };
        let n = self.graph.node(node);
        let inputs = config.inputs.iter().copied().zip(n.inputs.iter().copied());
        inputs.chain(config.outputs.iter().copied().zip(n.outputs.iter().copied())).collect()
    }

    /// Returns the ports to calibrate: those still in [`State::Initial`].
    pub fn observed(&self) -> Vec<Observed> {
        let mut observed = Vec::new();
        for node in self.graph.node_ids() {
            let method = self.settings.method_of(&self.graph.node(node).name);
            for (config, value) in self.ports(node) {
                if let (State::Initial, Some(value)) = (self.configs[config].state, value) {
                    observed.push(Observed { config, node, value, method });
                }
            }
        }
        observed
    }

    /// Gives ports the scales that a pass has chosen for their values: calibration does not observe them.
    pub(super) fn settle_chosen(&mut self) {
        for port in self.observed() {
            if let Some(&exponent) = self.chosen.get(&port.value) {
                self.configs.activate(port.config, vec![exponent]);
            }
        }
    }

    /// The ports whose scale is to be calibrated, by each of `methods` where their layer has no observer of its own.
    pub(super) fn observed_by(&self, methods: &[Method]) -> Vec<Observed> {
        let has_own = |port: &Observed| self.settings.layer_methods.contains_key(&self.graph.node(port.node).name);
        let by_each = |port: Observed| match has_own(&port) {
            true => vec![port],
            false => methods.iter().map(|&method| Observed { method, ..port }).collect(),
        };
        self.observed().into_iter().flat_map(by_each).collect()
    }

    /// Returns the plan with another observer for all layers without their own.
    pub fn with_method(&self, method: Method) -> Plan {
        let mut plan = self.clone();
        plan.settings.method = Some(method);
        plan
    }

    /// Keeps a constant in float that its smallest possible scale would round to zero, as needed for `log(x + 1e-10)`.
    pub(super) fn keep_float(&mut self, node: NodeId, port: usize, magnitude: f64) {
        self.kept_float.push((node, port));
        let text = format!(
            "the constant at input {port} is at most {magnitude:e}, which the smallest scale rounds to 0; calibration uses \
             its float value"
        );
        self.notes.push(Note::of_layer(&self.graph.node(node).name, text));
    }

    fn note_coarse_search(&mut self) {
        let coarse = |p: &Observed| p.method == Method::Mse && self.configs[p.config].bits == 16;
        let count = self.observed().iter().filter(|p| coarse(p)).count();
        if count > 0 {
            self.notes.push(Note::new(format!(
                "mse has fewer bins than a 16-bit port has levels, as in esp-ppq: {count} ports get 32 times their \
                 range; choose minmax, kl or percentile"
            )));
        }
    }

    /// Adds a note on PRelu; one with a single slope is a table, which is exact.
    fn note_floored_prelu(&mut self) {
        let slopes =
            |node: NodeId| self.graph.constant(self.graph.node(node), 1).map_or(0, |t| t.shape().iter().product());
        let floored = |&node: &NodeId| {
            let narrow = self.graph.node(node).op == "PRelu" && self.scheme(node) == Scheme::Int8;
            narrow && slopes(node) > 1
        };
        let layers = self.graph.node_ids().filter(floored).map(|node| self.graph.node(node).name.clone());
        let layers: Vec<String> = layers.collect();
        if self.settings.target.family() == Family::C && !layers.is_empty() {
            let text = format!(
                "on {} PRelu rounds negative values down instead of to the nearest, so the error on the chip exceeds the one \
                 reported; at int16 the difference is small",
                self.settings.target
            );
            self.notes.push(Note { layers, text });
        }
    }

    pub(super) fn in_layer(&self, node: NodeId, what: String) -> Error {
        Error::new(what).in_layer(&self.graph.node(node).name)
    }
}
