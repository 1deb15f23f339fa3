//! Passive scales, which depend on others: bias on input and weight, bounds of Clip and Pad on the input.
//!
//! esp-ppq: `PassiveParameterQuantizePass` in `optim/parameters.py`.

use crate::graph::{NodeId, Tensor};
use crate::ops::{self, Treatment, Weights};
use crate::quant::config::{ConfigId, State};
use crate::quant::plan::Plan;

use super::cut_bias;

/// log2 of the scale inside recurrent cells (`LSTM_QUANT_EXPONENT` in `core/common.py`).
const CELL_EXPONENT: i32 = -9;

pub fn passive_parameters(plan: &mut Plan) {
    for node in plan.graph.node_ids() {
        let Some(operator) = ops::find(&plan.graph.node(node).op) else { continue };
        let treatment = &operator.treatment;
        if matches!(treatment.weights, Weights::ByChannel(_)) {
            bias(plan, node);
        }
        cell(plan, node, treatment);
        follow_input(plan, node, treatment.bounds);
    }
}

fn bias(plan: &mut Plan, node: NodeId) {
    let Some([input, weight, bias]) =
        plan.config(node).and_then(|c| <[ConfigId; 3]>::try_from(c.inputs.as_slice()).ok())
    else {
        return;
    };
    if !is_passive(plan, bias) {
        return;
    }
    // Trained weights have been trained with the cut bias.
    if plan.graph.node(node).input(1).is_none_or(|weights| plan.graph.value(weights).scales.is_empty()) {
        cut_bias::keep(plan, node, [input, weight, bias]);
    }
    let (Some(&[input]), Some(weight)) = (plan.configs.scale(input), plan.configs.scale(weight)) else { return };
    // A grouped ConvTranspose repeats its weights' scales group by group.
    let channels = plan.graph.node(node).inputs[2].and_then(|v| plan.graph.value(v).constant.as_ref()).map(Tensor::len);
    let count = if weight.len() == 1 { 1 } else { channels.unwrap_or(weight.len()) };
    let exponents = weight.iter().cycle().take(count).map(|w| w + input).collect();
    plan.configs.settle(bias, exponents);
}

fn cell(plan: &mut Plan, node: NodeId, treatment: &Treatment) {
    let Some(config) = plan.config(node) else { return };
    let inputs = treatment.cell_inputs.iter().filter_map(|&port| config.inputs.get(port));
    let outputs = treatment.cell_outputs.iter().filter_map(|&port| config.outputs.get(port));
    for id in inputs.chain(outputs).copied().collect::<Vec<_>>() {
        if is_passive(plan, id) {
            plan.configs.settle(id, vec![CELL_EXPONENT]);
        }
    }
}

/// Lets bounds take the input's scale. If further inputs come after the bounds (the axes of Pad), esp-ppq does nothing.
fn follow_input(plan: &mut Plan, node: NodeId, bounds: &[usize]) {
    let Some(config) = plan.config(node) else { return };
    let Some((&input, _)) = config.inputs.split_first() else { return };
    let ends = bounds.last().is_some_and(|&last| config.inputs.len() <= last + 1);
    if !ends || !plan.configs[input].state.has_scale() {
        return;
    }
    for id in bounds.iter().filter_map(|&port| config.inputs.get(port)).copied().collect::<Vec<_>>() {
        plan.configs.bound(id, input);
    }
}

fn is_passive(plan: &Plan, id: ConfigId) -> bool {
    matches!(plan.configs[id].state, State::Passive | State::PassiveInit)
}
