//! Flash used by a plan's weights.

use crate::chip::Scheme;
use crate::graph::{NodeId, ValueId};
use crate::ops::{self, Weights};
use crate::quant::Plan;

/// Returns the bytes of all quantized constants: weights at their width, bias as int32 for 8-bit and int64 for 16-bit
/// layers, each tensor aligned to 16 bytes as in the file.
pub fn constants(plan: &Plan) -> usize {
    plan.graph.node_ids().map(|node| of_node(plan, node)).sum()
}

fn of_node(plan: &Plan, node: NodeId) -> usize {
    let Some(Some(config)) = plan.nodes.get(node.0) else { return 0 };
    let n = plan.graph.node(node);
    let elements = |value: &Option<ValueId>| Some(plan.graph.value((*value)?).constant.as_ref()?.len());
    let port = |(index, (value, &id)): (usize, (&Option<ValueId>, &_))| {
        let elements = elements(value)?;
        let has_bias = matches!(ops::find(&n.op).map(|o| o.treatment.weights), Some(Weights::ByChannel(_)));
        let bytes = match (has_bias && index == 2, config.scheme) {
            (true, Scheme::Int8 | Scheme::Float) => 4,
            (true, Scheme::Int16 | Scheme::W8A16) => 8,
            (false, _) => plan.configs[id].bits.div_ceil(8) as usize,
        };
        Some(elements.saturating_mul(bytes).next_multiple_of(16))
    };
    n.inputs.iter().zip(&config.inputs).enumerate().filter_map(port).sum()
}
