//! Changes of a file that compute the same and with which its values take a smaller arena.

use super::Network;
use super::copied::{Copied, copied};
use super::order::{Order, smallest_order};

/// Number of node placements that each search may try: about a tenth of a second.
pub(super) const EFFORT: usize = 60_000;

/// Order of nodes, and copies, with a smaller arena.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smallest {
    /// Old numbers of the nodes, in the new order.
    pub nodes: Vec<usize>,
    /// Old numbers of the nodes behind which the output is copied.
    pub copied: Vec<usize>,
    /// Size of the arena.
    pub bytes: usize,
}

/// Searches for an order of nodes with a smaller arena, then for copies of outputs; `None` if neither was found.
pub fn smallest(network: &Network) -> Option<Smallest> {
    let order = smallest_order(network);
    let copied = copied(&order.as_ref().map_or_else(|| network.clone(), |order| network.reordered(&order.nodes)));
    let bytes = copied.as_ref().map(|copied| copied.bytes).or(order.as_ref().map(|order| order.bytes))?;
    let nodes = order.map_or_else(|| (0..network.steps.len()).collect(), |Order { nodes, .. }| nodes);
    let copied = copied.map_or_else(Vec::new, |Copied { nodes: copied, .. }| copied);
    let copied = copied.into_iter().filter_map(|node| nodes.get(node).copied()).collect();
    Some(Smallest { nodes, copied, bytes })
}
