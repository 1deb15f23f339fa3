//! Copies of outputs, with which values take a smaller arena.
//!
//! The planner puts an output into the memory of an input wherever the operator allows it. The memory is then kept until the
//! last reader of the output: where the input is larger and the output lives long, this costs more than it saves. A copy of
//! the output has memory of its own.

use crate::chip::Buffer;

use super::smallest::EFFORT;
use super::{ALIGNMENT, Network, Step, overwrites};

/// Nodes with a copy behind them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Numbers of the nodes whose outputs are copied.
    pub nodes: Vec<usize>,
    /// Size of the arena with the copies.
    pub bytes: usize,
}

/// Searches for copies with which the arena is smaller: one after the other, each the one that saves most. A copy saves
/// more bytes than it copies. `None` if none does.
pub fn copied(network: &Network) -> Option<Copied> {
    let mut left = EFFORT / network.steps.len().max(1);
    let mut network = network.clone();
    // Number that each step had at first; `None` for copies.
    let mut first: Vec<Option<usize>> = (0..network.steps.len()).map(Some).collect();
    let mut found: Option<Copied> = None;
    loop {
        let arena = network.place(None);
        let shares = |&node: &usize| match network.steps[node].outputs[..] {
            [output] => first[node].is_some() && arena.values[output].root != output,
            _ => false,
        };
        let candidates: Vec<usize> = (0..network.steps.len()).filter(shares).collect();
        if candidates.len() > left {
            return found;
        }
        left -= candidates.len();
        let with = |node: usize| {
            let other = network.with_copy(node)?;
            let bytes = other.place(None).bytes;
            let copied = network.spaces[network.steps[node].outputs[0]].bytes.next_multiple_of(ALIGNMENT);
            (bytes + copied < arena.bytes && overwrites::overwrites(&other).is_empty()).then_some((bytes, node, other))
        };
        let best = candidates.into_iter().filter_map(with).min_by_key(|(bytes, node, _)| (*bytes, *node));
        let Some((bytes, node, other)) = best else { return found };
        let mut nodes = found.map(|found| found.nodes).unwrap_or_default();
        nodes.extend(first[node]);
        found = Some(Copied { nodes, bytes });
        network = other;
        first.insert(node + 1, None);
    }
}

impl<'g> Network<'g> {
    /// Returns the network with a copy behind a node: the copy makes the node's output, and the node a value before it.
    /// `None` for nodes with several outputs.
    fn with_copy(&self, node: usize) -> Option<Network<'g>> {
        let &[output] = self.steps[node].outputs.as_slice() else { return None };
        let mut other = self.clone();
        let before = other.spaces.len();
        other.spaces.push(super::Space { is_output: false, ..other.spaces[output].clone() });
        other.names.push(other.names[output]);
        other.steps[node].outputs = vec![before];
        let copy = Step { inputs: vec![Some(before)], outputs: vec![output], buffer: Buffer::Own };
        other.steps.insert(node + 1, copy);
        Some(other.reordered(&(0..other.steps.len()).collect::<Vec<_>>()))
    }
}
