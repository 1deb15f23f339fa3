//! Scales that follow from others: bias from input and weight, bounds of Clip and Pad from the input.
//!
//! esp-ppq: `PassiveParameterQuantizePass` in `optim/parameters.py`.

use crate::graph::{NodeId, Tensor};
use crate::quant::config::{ConfigId, State};
use crate::quant::plan::Plan;

/// log2 of the scale inside recurrent cells (`LSTM_QUANT_EXPONENT` in `core/common.py`).
const CELL_EXPONENT: i32 = -9;

pub fn passive_parameters(plan: &mut Plan) {
    for node in plan.graph.node_ids() {
        match plan.graph.node(node).op.as_str() {
            "Conv" | "ConvTranspose" | "Gemm" => bias(plan, node),
            "GRU" | "LSTM" => cell(plan, node),
            "Clip" => follow_input(plan, node, 1),
            // The value stands at port 2; with axes (port 3) esp-ppq leaves it alone.
            "Pad" if plan.graph.node(node).inputs.len() == 3 => follow_input(plan, node, 2),
            _ => {}
        }
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
    let known = |id| plan.configs[id].state.has_scale().then(|| plan.configs.exponents(id)).flatten();
    let (Some(&[input]), Some(weight)) = (known(input), known(weight)) else { return };
    // A grouped ConvTranspose repeats its weights' scales group by group.
    let channels = plan.graph.node(node).inputs[2].and_then(|v| plan.graph.value(v).constant.as_ref()).map(Tensor::len);
    let count = if weight.len() == 1 { 1 } else { channels.unwrap_or(weight.len()) };
    let exponents = weight.iter().cycle().take(count).map(|w| w + input).collect();
    plan.configs.settle(bias, exponents);
}

fn cell(plan: &mut Plan, node: NodeId) {
    let Some(config) = plan.config(node) else { return };
    let lstm = plan.graph.node(node).op == "LSTM";
    let ports = [
        config.inputs.get(3).copied(),
        config.inputs.get(6).copied().filter(|_| lstm),
        config.outputs.get(2).copied().filter(|_| lstm),
    ];
    for id in ports.into_iter().flatten() {
        if is_passive(plan, id) {
            plan.configs.settle(id, vec![CELL_EXPONENT]);
        }
    }
}

fn follow_input(plan: &mut Plan, node: NodeId, first: usize) {
    let Some(config) = plan.config(node) else { return };
    let Some((&input, _)) = config.inputs.split_first() else { return };
    if !plan.configs[input].state.has_scale() {
        return;
    }
    for id in config.inputs.iter().skip(first).copied().collect::<Vec<_>>() {
        plan.configs.master(id, input);
    }
}

fn is_passive(plan: &Plan, id: ConfigId) -> bool {
    matches!(plan.configs[id].state, State::Passive | State::PassiveInit)
}
