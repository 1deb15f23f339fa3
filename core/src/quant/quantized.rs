//! Result of calibration: a plan in which every scale is known.

use serde::{Deserialize, Serialize};

use crate::exec::FakeQuant;
use crate::graph::NodeId;
use crate::graph::edit::Links;

use super::config::ConfigId;
use super::edits::Edits;
use super::narrowed::{self, Narrowed};
use super::passes;
use super::plan::Plan;
use super::settings::Recipe;

/// Integers at an input or output of a node; `None` instead of a port means float.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// Width of the integers: 8, 16, or that of the target's accumulator for a bias.
    pub bits: u32,
    /// Powers of two of the scale: one, or one per channel of a weight.
    pub exponents: Vec<i64>,
}

impl Port {
    /// Returns the integers of most bits, with a range that holds both.
    pub fn covering(&self, other: &Port) -> Port {
        let bits = self.bits.max(other.bits);
        let (own, other) = (self.at_width(bits), other.at_width(bits));
        if own.exponents.iter().max() < other.exponents.iter().max() { other } else { own }
    }

    /// Returns the least and the greatest value, of the coarsest channel.
    pub fn range(&self) -> (f64, f64) {
        let step = self.exponents.iter().max().map_or(1.0, |&exponent| (exponent as f64).exp2());
        let half = f64::from(self.bits.saturating_sub(1)).exp2();
        (-half * step, (half - 1.0) * step)
    }

    /// Returns integers of so many bits with the same range.
    pub fn at_width(&self, bits: u32) -> Port {
        let shift = i64::from(self.bits) - i64::from(bits);
        Port { bits, exponents: self.exponents.iter().map(|e| e.saturating_add(shift)).collect() }
    }
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
    passes::note_lost(&mut plan);
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
        let side = |ids: &[ConfigId]| ids.iter().map(|&id| self.port(id)).collect();
        (side(&config.inputs), side(&config.outputs))
    }

    /// Returns the quantization of a node's first output, wherever in the graph it happens.
    pub fn output_quantizer(&self, node: NodeId) -> Option<FakeQuant> {
        let &id = self.plan.nodes.get(node.0)?.as_ref()?.outputs.first()?;
        let exponents = self.plan.configs.scale(id)?.to_vec();
        let rounding = self.plan.settings.target.rounding();
        Some(FakeQuant { exponents, axis: None, bits: self.plan.configs[id].bits, rounding })
    }

    /// Returns the inputs of a node with the scales that calibration gave to them, before the node shared others.
    pub fn observed_inputs(&self, node: NodeId) -> Vec<Option<Port>> {
        let Some(config) = self.plan().nodes.get(node.0).and_then(Option::as_ref) else { return Vec::new() };
        let observed = |(&id, port): (&ConfigId, Option<Port>)| {
            Some(Port { exponents: wide(self.plan().configs.observed(id)?), ..port? })
        };
        config.inputs.iter().zip(self.ports(node).0).map(observed).collect()
    }

    /// Returns the inputs that their node's shared scale cuts off.
    pub fn narrowed(&self) -> Vec<Narrowed> {
        narrowed::narrowed(&self.plan)
    }

    fn port(&self, id: ConfigId) -> Option<Port> {
        let exponents = self.plan.configs.scale(id)?;
        Some(Port { bits: self.plan.configs[id].bits, exponents: wide(exponents) })
    }
}

/// Exponents in the type of the file's.
fn wide(exponents: &[i32]) -> Vec<i64> {
    exponents.iter().map(|&exponent| exponent.into()).collect()
}
