//! Calibrated model, and the keys of what its figures depend on.

use std::sync::Arc;

use crate::exec::{Program, Simulation};
use crate::graph::NodeId;
use crate::ops::{self, Role};
use crate::quant::Quantized;

use super::content::{Key, KeyBuilder};

/// Network in float: the original, and with the constants that preserve its function.
#[derive(Clone)]
pub(super) struct Float {
    /// The network as it was read.
    pub original: Arc<Program>,
    pub equivalent: Arc<Program>,
}

/// Calibrated model, with the keys of its figures' inputs.
pub struct Calibrated {
    /// Plan with all exponents, after the passes of `[optimize]`.
    pub quantized: Quantized,
    pub(super) float: Float,
    pub(super) simulation: Simulation,
    /// The network in the chip's arithmetic.
    pub(super) simulated: Arc<Program>,
    /// Keys by node.
    pub(super) keys: Vec<Key>,
    pub(super) reference: Key,
}

impl Calibrated {
    /// Returns quantized nodes whose operator has a role, in the graph's order.
    pub fn nodes(&self, wanted: impl Fn(Role) -> bool) -> Vec<NodeId> {
        let quantized = &self.quantized;
        let is_wanted = |node: NodeId| {
            let quantizes = quantized.plan().nodes.get(node.0).is_some_and(Option::is_some);
            quantizes
                && ops::find(&quantized.plan().graph.node(node).op)
                    .is_some_and(|operator| wanted(operator.treatment.role))
        };
        quantized.plan().graph.node_ids().filter(|&node| is_wanted(node)).collect()
    }
}

/// Returns the key of everything that determines the simulation of one node: its own ports, and the scales that they
/// share.
pub(super) fn node_key(quantized: &Quantized, simulation: &Simulation, node: NodeId) -> Key {
    let mut parts = KeyBuilder::new("node");
    for ((_, port), digest) in quantized.plan().edited.range((node, 0)..=(node, usize::MAX)) {
        parts.number(*port).digest(digest);
    }
    parts.number(node.0).text(quantized.plan().settings.target.name()).text(quantized.plan().scheme(node).name());
    if let Some(Some(simulated)) = simulation.get(node.0) {
        parts.text(&format!("{simulated:?}")).text(&format!("{:?}", quantized.ports(node)));
    }
    parts.finish()
}

/// Returns the key of the values that are rounded in float, too: tables and recurrent cells.
pub(super) fn reference_key(quantized: &Quantized, reference: &Simulation) -> Key {
    let mut parts = KeyBuilder::new("reference");
    if let Some(digest) = &quantized.plan().equivalence {
        parts.digest(digest);
    }
    for node in quantized.plan().graph.node_ids() {
        if let Some(Some(simulated)) = reference.get(node.0)
            && simulated.kernel.is_some()
        {
            parts.key(&node_key(quantized, reference, node));
        }
    }
    parts.finish()
}

/// Returns the key of figures of all nodes together.
pub(super) fn figures_key(name: &'static str, calibrated: &Calibrated, nodes: &[NodeId], count: usize) -> Key {
    let mut parts = KeyBuilder::new(name);
    parts.number(count).key(&calibrated.reference);
    for key in &calibrated.keys {
        parts.key(key);
    }
    for node in nodes {
        parts.number(node.0);
    }
    parts.finish()
}
