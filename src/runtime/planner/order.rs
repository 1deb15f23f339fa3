//! Other orders of nodes, in which values take a smaller arena.
//!
//! Nodes run in the file's order, and any order in which makers come before readers computes the same. The search is
//! bounded, so that it may miss the smallest one.

use super::smallest::EFFORT;
use super::{Network, Space, Step, overwrites};

/// Order of nodes with a smaller arena.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Old numbers of the nodes, in the new order.
    pub nodes: Vec<usize>,
    /// Size of the arena in that order.
    pub bytes: usize,
}

/// Searches for an order with a smaller arena; `None` if none was found.
pub fn smallest_order(network: &Network) -> Option<Order> {
    let count = network.steps.len();
    let now = network.place(None).bytes;
    let least = least(network);
    if now <= least || count < 3 {
        return None;
    }
    let makers = makers(network);
    let mut search = Search { network, makers: &makers, left: EFFORT / count, best: None, least, before: now };
    let first: Vec<usize> = (0..count).collect();
    for rule in [Rule::FewestBytes, Rule::Deepest] {
        search.try_order(scheduled(network, &makers, rule));
    }
    let mut order = search.best.as_ref().map_or(first, |best| best.nodes.clone());
    // Moves of single nodes about the step at which the arena is largest.
    while search.left > 0 && search.best.as_ref().is_none_or(|best| best.bytes > least) {
        let known = search.best.as_ref().map_or(now, |best| best.bytes);
        let Some(better) = search.moved(&order) else { break };
        order = better;
        if search.best.as_ref().is_none_or(|best| best.bytes >= known) {
            break;
        }
    }
    search.best
}

/// Returns the bytes that some node needs in any order: its inputs and outputs at once.
fn least(network: &Network) -> usize {
    let bytes = |step: &Step| {
        let mut values: Vec<usize> = step.inputs.iter().flatten().chain(&step.outputs).copied().collect();
        values.sort_unstable();
        values.dedup();
        let is_over = step.buffer != crate::chip::Buffer::Own;
        let kept = values.iter().filter(|value| !(is_over && step.outputs.contains(value)));
        kept.map(|&value| network.spaces[value].bytes.next_multiple_of(super::ALIGNMENT)).sum()
    };
    network.steps.iter().map(bytes).max().unwrap_or(0)
}

/// Returns the nodes that must run before each one.
fn makers(network: &Network) -> Vec<Vec<usize>> {
    let mut made = vec![None; network.spaces.len()];
    for (number, step) in network.steps.iter().enumerate() {
        step.outputs.iter().for_each(|&value| made[value] = Some(number));
    }
    let of = |step: &Step| step.inputs.iter().flatten().filter_map(|&value| made[value]).collect();
    network.steps.iter().map(of).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Takes, of the nodes that can run, the one after which the fewest bytes are live.
    FewestBytes,
    /// The one whose inputs were made last.
    Deepest,
}

/// Schedules nodes one by one; of equal ones, the first in the file.
fn scheduled(network: &Network, makers: &[Vec<usize>], rule: Rule) -> Vec<usize> {
    let count = network.steps.len();
    let mut readers = vec![0usize; network.spaces.len()];
    network.steps.iter().flat_map(|step| step.inputs.iter().flatten()).for_each(|&value| readers[value] += 1);
    let (mut place, mut order) = (vec![None; count], Vec::with_capacity(count));
    while order.len() < count {
        let ready = |node: &usize| place[*node].is_none() && makers[*node].iter().all(|&maker| place[maker].is_some());
        let cost = |node: usize| -> i128 {
            let step = &network.steps[node];
            match rule {
                Rule::FewestBytes => growth(step, &network.spaces, &readers),
                Rule::Deepest => -(makers[node].iter().filter_map(|&maker| place[maker]).max().unwrap_or(0) as i128),
            }
        };
        let Some(next) = (0..count).filter(ready).min_by_key(|&node| (cost(node), node)) else { break };
        place[next] = Some(order.len());
        order.push(next);
        network.steps[next].inputs.iter().flatten().for_each(|&value| readers[value] -= 1);
    }
    order
}

/// Bytes that become live by a step, less those that end.
fn growth(step: &Step, spaces: &[Space], readers: &[usize]) -> i128 {
    let made: i128 = step.outputs.iter().map(|&value| spaces[value].bytes as i128).sum();
    let mut inputs: Vec<usize> = step.inputs.iter().flatten().copied().collect();
    inputs.sort_unstable();
    let mut freed = 0;
    for group in inputs.chunk_by(|a, b| a == b) {
        if readers[group[0]] == group.len() && !spaces[group[0]].is_output {
            freed += spaces[group[0]].bytes as i128;
        }
    }
    made - freed
}

struct Search<'n, 'g> {
    network: &'n Network<'g>,
    makers: &'n [Vec<usize>],
    left: usize,
    best: Option<Order>,
    least: usize,
    before: usize,
}

impl Search<'_, '_> {
    /// Keeps an order if its arena is smaller than all before, and if no value is overwritten before it is read.
    fn try_order(&mut self, nodes: Vec<usize>) -> bool {
        if self.left == 0 || nodes.len() != self.network.steps.len() {
            return false;
        }
        self.left -= 1;
        let network = self.network.reordered(&nodes);
        let bytes = network.place(None).bytes;
        let known = self.best.as_ref().map_or(self.before, |best| best.bytes);
        let is_better = bytes < known && overwrites::overwrites(&network).is_empty();
        if is_better {
            self.best = Some(Order { nodes, bytes });
        }
        is_better
    }

    /// Returns the first better order that differs in the place of one node.
    fn moved(&mut self, order: &[usize]) -> Option<Vec<usize>> {
        let peak = self.network.reordered(order).place(None).peak?;
        let mut near: Vec<usize> = (0..order.len()).collect();
        near.sort_by_key(|&at| at.abs_diff(peak));
        for at in near {
            let (node, place) = (order[at], |other: usize| order.iter().position(|&node| node == other));
            let first = self.makers[node].iter().filter_map(|&maker| place(maker)).max().map_or(0, |at| at + 1);
            let last = (0..order.len()).filter(|&other| self.makers[order[other]].contains(&node)).min();
            let last = last.unwrap_or(order.len()).saturating_sub(1);
            for to in [first, last].into_iter().filter(|&to| to != at && (first..=last).contains(&to)) {
                let mut other = order.to_vec();
                other.remove(at);
                other.insert(to, node);
                if self.try_order(other.clone()) {
                    return Some(other);
                }
                if self.left == 0 || self.best.as_ref().is_some_and(|best| best.bytes <= self.least) {
                    return None;
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::Buffer;

    fn step(inputs: &[usize], output: usize) -> Step {
        Step { inputs: inputs.iter().map(|&v| Some(v)).collect(), outputs: vec![output], buffer: Buffer::Own }
    }

    fn network(steps: &[Step], bytes: &[usize], output: usize) -> Network<'static> {
        let space = |(value, &bytes): (usize, &usize)| Space { bytes, is_output: value == output };
        let spaces = bytes.iter().enumerate().map(space).collect();
        Network { steps: steps.to_vec(), spaces, names: vec![""; bytes.len()] }
    }

    #[test]
    fn branches_are_run_one_after_the_other() {
        // Two branches 1 -> 3 and 2 -> 4 of 0, whose large values need not be live together.
        let steps = [step(&[0], 1), step(&[0], 2), step(&[1], 3), step(&[2], 4), step(&[3, 4], 5)];
        let network = network(&steps, &[16, 1600, 1600, 16, 16, 16], 5);
        let found = smallest_order(&network).unwrap();
        assert_eq!((network.place(None).bytes > 3200, found.bytes < 1700), (true, true), "{found:?}");
        let place = |node: usize| found.nodes.iter().position(|&other| other == node).unwrap();
        assert!(place(0) < place(2) && place(1) < place(3) && place(3) < place(4));
    }

    #[test]
    fn a_chain_has_one_order() {
        let steps = [step(&[0], 1), step(&[1], 2), step(&[2], 3)];
        assert_eq!(smallest_order(&network(&steps, &[160, 16, 160, 16], 3)), None);
    }
}
