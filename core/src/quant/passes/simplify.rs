//! Removes the quantization of inputs whose producer has the same precision and has already quantized them.
//!
//! esp-ppq: `QuantizeSimplifyPass` in `optim/refine.py`.

use crate::graph::edit::Links;
use crate::quant::config::State;
use crate::quant::plan::Plan;

pub fn simplify(plan: &mut Plan, links: &Links) {
    for node in plan.graph.node_ids() {
        let Some(source) = plan.config(node) else { continue };
        let (scheme, outputs) = (source.scheme, source.outputs.clone());
        for (port, value) in plan.graph.node(node).outputs.iter().enumerate() {
            let (Some(&output), Some(value)) = (outputs.get(port), *value) else { continue };
            if plan.configs[output].state == State::Float {
                continue;
            }
            for (reader, input) in links.first_reads(&plan.graph, value) {
                let Some(config) = plan.nodes[reader.0].as_ref() else { continue };
                let input = config.inputs[input];
                let unset = plan.configs[input].state == State::Initial;
                if unset && config.scheme == scheme && plan.configs.same_scheme(input, output) {
                    plan.configs.dominate(input, output);
                }
            }
        }
    }
}
