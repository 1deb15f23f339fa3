//! Result of calibration: a plan in which every scale is known.

use serde::{Deserialize, Serialize};

use crate::graph::edit::Links;
use crate::graph::{NodeId, ValueId};

use super::config::ConfigId;
use super::edits::Edits;
use super::passes;
use super::plan::Plan;
use super::settings::Recipe;

/// Quantized port of a layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Port {
    /// Name of the value in the graph; empty if the port is left out.
    pub name: String,
    /// Width of the integers.
    pub bits: u32,
    /// log2 of the effective scale, one per channel if per-channel.
    pub exponents: Vec<i32>,
}

/// Calibrated model: a plan that has every scale.
#[derive(Debug, Clone)]
pub struct Quantized {
    plan: Plan,
}

/// Runs the passes after calibration.
pub(super) fn finish(mut plan: Plan) -> Quantized {
    let links = Links::of(&plan.graph);
    passes::align(&mut plan, &links);
    passes::passive_parameters(&mut plan);
    Quantized { plan }
}

impl Quantized {
    /// Returns the plan with all scales: graph, settings, nodes, configurations, notes.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Changes constants with their scales already known; the references do not change.
    pub fn edit(&mut self, edits: &Edits) {
        let plan = &mut self.plan;
        plan.edited.extend(edits.digests(&plan.graph));
        plan.graph = edits.apply(&plan.graph);
    }

    /// Returns the network with other passes on known scales, which are still to run.
    pub fn with_recipe(&self, recipe: Recipe) -> Quantized {
        let mut quantized = self.clone();
        quantized.plan.settings.recipe = recipe;
        quantized
    }

    /// Gives the weights of a layer other scales, and its bias those that follow.
    pub fn set_weight_exponents(&mut self, node: NodeId, exponents: Vec<i32>) {
        let plan = &mut self.plan;
        let weights = plan.config(node).and_then(|config| config.inputs.get(1).copied());
        if let Some(id) = weights {
            plan.configs.rescale(id, exponents);
            passes::passive_parameters(plan);
        }
    }

    /// Returns inputs and outputs of a node with their effective scales; `None` if a port is in float.
    pub fn ports(&self, node: NodeId) -> (Vec<Option<Port>>, Vec<Option<Port>>) {
        let Some(config) = self.plan.nodes.get(node.0).and_then(Option::as_ref) else { return Default::default() };
        let n = self.plan.graph.node(node);
        let side = |ids: &[ConfigId], values: &[Option<ValueId>]| {
            ids.iter().zip(values).map(|(&id, &value)| self.port(id, value)).collect()
        };
        (side(&config.inputs, &n.inputs), side(&config.outputs, &n.outputs))
    }

    /// Returns the inputs of a node with the scales that calibration gave to them, before the node shared others.
    pub fn observed_inputs(&self, node: NodeId) -> Vec<Option<Port>> {
        let Some(config) = self.plan().nodes.get(node.0).and_then(Option::as_ref) else { return Vec::new() };
        let observed = |(&id, port): (&ConfigId, Option<Port>)| {
            Some(Port { exponents: self.plan().configs.observed(id)?.to_vec(), ..port? })
        };
        config.inputs.iter().zip(self.ports(node).0).map(observed).collect()
    }

    fn port(&self, id: ConfigId, value: Option<ValueId>) -> Option<Port> {
        let config = &self.plan.configs[id];
        let exponents = self.plan.configs.exponents(id).filter(|_| config.state.has_scale())?;
        let name = value.map(|v| self.plan.graph.value(v).name.clone()).unwrap_or_default();
        Some(Port { name, bits: config.bits, exponents: exponents.to_vec() })
    }
}
