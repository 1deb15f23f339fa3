//! Nodes that would need a smaller arena if their outputs had memory of their own.
//!
//! The planner puts an output into the memory of an input wherever the operator allows it. The memory is then kept until the
//! last reader of the output: where the input is larger and the output lives long, this costs more than it saves.

use crate::chip::Buffer;

use super::Network;

/// Nodes with memory of their own for their outputs, and the arena with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apart {
    /// Numbers of the nodes.
    pub nodes: Vec<usize>,
    /// Size of the arena.
    pub bytes: usize,
}

/// Number of node placements that a search may try: about a tenth of a second.
const EFFORT: usize = 60_000;

/// Searches for nodes without which, as places in the memory of an input, the arena is smaller: one after the other, each the
/// one that saves most. `None` if none saves.
pub fn apart(network: &Network) -> Option<Apart> {
    let mut left = EFFORT / network.steps.len().max(1);
    let mut network = network.clone();
    let mut found: Option<Apart> = None;
    loop {
        let arena = network.place(None);
        let is_inside = |&node: &usize| match network.steps[node].outputs[..] {
            [output] => network.steps[node].buffer != Buffer::Own && arena.values[output].root != output,
            _ => false,
        };
        let candidates: Vec<usize> = (0..network.steps.len()).filter(is_inside).collect();
        if candidates.len() > left {
            return found;
        }
        left -= candidates.len();
        let with = |node: usize| {
            let mut other = network.clone();
            other.steps[node].buffer = Buffer::Own;
            (other.place(None).bytes, node)
        };
        let Some((bytes, node)) = candidates.into_iter().map(with).min().filter(|(bytes, _)| *bytes < arena.bytes)
        else {
            return found;
        };
        network.steps[node].buffer = Buffer::Own;
        let before = found.map(|found| found.nodes).unwrap_or_default();
        found = Some(Apart { nodes: [before, vec![node]].concat(), bytes });
    }
}
