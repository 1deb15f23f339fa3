//! Inputs whose range a shared scale cuts off: Add, Sub and Concat give their inputs the scale of their output, which may
//! be far narrower than theirs.

use crate::graph::{NodeId, ValueId};
use crate::ops::{self, Shared};

use super::plan::{Plan, is_passive};
use super::quantized::Port;

/// Key of the pass that gives such a layer the scale of its widest input.
pub const WIDEN: &str = "widen";

/// An input with the scale of its node's output, which holds less than calibration observed.
#[derive(Debug, Clone, PartialEq)]
pub struct Narrowed {
    /// Node that shares the scale of its output.
    pub node: NodeId,
    /// Input of the node.
    pub input: usize,
    /// Value that it reads.
    pub value: ValueId,
    /// Shared integers.
    pub port: Port,
}

/// Returns the inputs of all nodes whose range is cut off; none before scales are known.
pub(super) fn narrowed(plan: &Plan) -> Vec<Narrowed> {
    let producers = plan.graph.producers();
    let of_node = |node: NodeId| {
        let inputs = plan.graph.node(node).inputs.iter().enumerate();
        let narrowed = inputs.filter_map(|(input, &value)| narrowed_input(plan, &producers, node, input, value?));
        narrowed.collect::<Vec<_>>()
    };
    plan.graph.node_ids().filter(|&node| shares_output(plan, node)).flat_map(of_node).collect()
}

/// Returns the exponent at which integers as wide as those of a node's output hold every input, as calibration observed
/// them.
pub(super) fn widest_input(plan: &Plan, node: NodeId) -> Option<i32> {
    let producers = plan.graph.producers();
    let bits = plan.configs[*plan.config(node)?.outputs.first()?].bits as i32;
    let inputs = plan.graph.node(node).inputs.iter().enumerate();
    let tops = inputs.filter_map(|(input, &value)| observed_top(plan, &producers, node, input, value?));
    tops.max().map(|top| top - bits)
}

fn shares_output(plan: &Plan, node: NodeId) -> bool {
    let shared = ops::find(&plan.graph.node(node).op).map_or(Shared::No, |operator| operator.treatment.shared);
    matches!(shared, Shared::Output)
}

type Producers = [Option<(NodeId, usize)>];

fn narrowed_input(plan: &Plan, producers: &Producers, node: NodeId, input: usize, value: ValueId) -> Option<Narrowed> {
    let &id = plan.config(node)?.inputs.get(input)?;
    let exponents = plan.configs.scale(id)?;
    let bits = plan.configs[id].bits;
    let top = exponents.first()? + bits as i32;
    let is_cut = observed_top(plan, producers, node, input, value)? > top;
    let exponents = exponents.iter().map(|&exponent| exponent.into()).collect();
    is_cut.then_some(Narrowed { node, input, value, port: Port { bits, exponents } })
}

/// Exponent plus width of the scale that calibration gave to an input: its own, or that of the layer that computes it.
fn observed_top(plan: &Plan, producers: &Producers, mut node: NodeId, input: usize, mut value: ValueId) -> Option<i32> {
    let mut id = *plan.config(node)?.inputs.get(input)?;
    // Nodes are in topological order, so the walk ends.
    while plan.configs.own(id).is_none() {
        let (producer, output) = producers[value.0]?;
        id = *plan.config(producer)?.outputs.get(output)?;
        if plan.configs.own(id).is_none() && is_passive(plan.graph.node(producer)) {
            (node, value) = (producer, (*plan.graph.node(producer).inputs.first()?)?);
            id = *plan.config(node)?.inputs.first()?;
        } else if plan.configs.own(id).is_none() {
            return None;
        }
    }
    plan.configs.own(id)?.iter().max().map(|exponent| exponent + plan.configs[id].bits as i32)
}
