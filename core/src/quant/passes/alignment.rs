//! Alignment: inputs of Add, Concat, Resize and others take the scale of the output; comparisons share the larger one.
//!
//! esp-ppq: `QuantAlignmentPass` in `optim/refine.py`, with the settings of `espdl_setting`.

use crate::graph::edit::Links;
use crate::graph::{NodeId, ValueId};
use crate::ops::{self, Shared};
use crate::quant::config::{ConfigId, State};
use crate::quant::narrowed::widest_input;
use crate::quant::observe::Extremes;
use crate::quant::plan::{Plan, is_passive};

pub fn align(plan: &mut Plan, links: &Links) {
    for node in plan.graph.node_ids() {
        if plan.config(node).is_none() {
            continue;
        }
        let master = match ops::find(&plan.graph.node(node).op).map_or(Shared::No, |o| o.treatment.shared) {
            Shared::No => None,
            Shared::Output => to_output(plan, node),
            Shared::Widest => to_large(plan, node),
            Shared::Sequence => hidden_state(plan, node),
        };
        if let Some(master) = master {
            pull_upstream(plan, links, node, master);
        }
    }
}

fn to_output(plan: &mut Plan, node: NodeId) -> Option<ConfigId> {
    let config = plan.config(node)?;
    let (master, inputs) = (*config.outputs.first()?, config.inputs.clone());
    if plan.widened
        && let Some(widest) = widest_input(plan, node)
        && plan.configs.scale(master).and_then(|e| e.first()).is_some_and(|&exponent| exponent < widest)
    {
        plan.configs.rescale(master, vec![widest]);
    }
    for input in inputs {
        plan.configs.master(input, master);
    }
    Some(master)
}

/// Makes the first input the master, with a scale wide enough for all.
fn to_large(plan: &mut Plan, node: NodeId) -> Option<ConfigId> {
    let inputs = plan.config(node)?.inputs.clone();
    let (&master, slaves) = inputs.split_first()?;
    let mut magnitude: f64 = 0.0;
    for &input in inputs.iter().filter(|&&i| plan.configs[i].state != State::Float) {
        let exponent = *plan.configs.exponents(input)?.first()?;
        magnitude = magnitude.max(f64::from(exponent + plan.configs[input].bits as i32 - 1).exp2());
    }
    let exponent = Extremes::of_magnitude(magnitude).exponent(plan.configs[master].bits);
    plan.configs.settle(master, vec![exponent]);
    // esp-ppq checks the last input here, instead of the current one.
    if plan.configs[*inputs.last()?].state != State::Float {
        for &slave in slaves {
            plan.configs.master(slave, master);
        }
    }
    Some(master)
}

/// Gives the last hidden state, and the initial one if there is one, the scale of the sequence output.
fn hidden_state(plan: &mut Plan, node: NodeId) -> Option<ConfigId> {
    let config = plan.config(node)?;
    let master = *config.outputs.first()?;
    for slave in [config.outputs.get(1).copied(), config.inputs.get(5).copied()].into_iter().flatten() {
        plan.configs.master(slave, master);
    }
    Some(master)
}

/// Gives a layer that feeds only this node the shared scale, so that it rounds only once.
///
/// esp-ppq also pulls a layer to the scale of a wider one, at which it saturates. Here such a layer keeps its own scale,
/// and the exporter requantizes.
fn pull_upstream(plan: &mut Plan, links: &Links, node: NodeId, master: ConfigId) {
    for source in links.upstream(plan.graph.node(node)) {
        let single = links.downstream(plan.graph.node(source)).len() == 1;
        if !single || is_passive(plan.graph.node(source)) {
            continue;
        }
        let Some(config) = plan.config(source) else { continue };
        let outputs = config.outputs.iter().copied().zip(plan.graph.node(source).outputs.clone());
        let read_here =
            |value: ValueId| links.first_reads(&plan.graph, value).iter().any(|(reader, _)| *reader == node);
        let bits = plan.configs[master].bits;
        let pulled: Vec<ConfigId> = outputs
            .filter(|(id, value)| plan.configs[*id].bits >= bits && value.is_some_and(read_here))
            .map(|(id, _)| id)
            .collect();
        for id in pulled {
            plan.configs.master(id, master);
        }
    }
}
