//! Values that a node overwrites before they are read.
//!
//! The planner does not let a node overwrite its input where a later node reads the input, but does where a later node
//! reads a value that shares the input's memory: Reshape(x), Relu over it, then x.

use crate::chip::Buffer;
use crate::espdl::Graph;

use super::Network;
use super::lives::Lives;

/// Node that overwrites a value which is read after it.
#[derive(Debug, PartialEq, Eq)]
pub struct Overwrite {
    /// Number of the node.
    pub step: usize,
    /// Input of the node, in whose memory it writes.
    pub input: usize,
    /// Value that is read later.
    pub value: usize,
}

/// Returns the overwritten values, in the order of nodes.
pub fn overwrites(network: &Network) -> Vec<Overwrite> {
    let Network { steps, spaces, .. } = network;
    let lives = Lives::of(network);
    let (mut made, mut last) = (vec![None; spaces.len()], vec![None; spaces.len()]);
    for (number, step) in steps.iter().enumerate() {
        step.outputs.iter().for_each(|&value| made[value] = Some(number));
        step.inputs.iter().flatten().for_each(|&value| last[value] = Some(number));
    }
    let mut found = Vec::new();
    for (number, step) in steps.iter().enumerate().filter(|(_, step)| step.buffer == Buffer::Overwritten) {
        let &[output] = step.outputs.as_slice() else { continue };
        let Some(input) = lives.leader[output] else { continue };
        let root = lives.root(output);
        let is_read = |value: &usize| {
            let is_older = made[*value].is_none_or(|maker: usize| maker < number);
            is_older && (last[*value] > Some(number) || spaces[*value].is_output) && lives.root(*value) == root
        };
        found.extend((0..spaces.len()).find(is_read).map(|value| Overwrite { step: number, input, value }));
    }
    found
}

/// Node of a file that overwrites a value which is read after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overwritten<'g> {
    /// Name of the node.
    pub node: &'g str,
    /// Input in whose memory it writes.
    pub input: &'g str,
    /// Value that is read later.
    pub value: &'g str,
}

/// Returns the first value of a file that is overwritten before it is read; `None` if there is none, or if sizes are not
/// fixed.
pub fn first_overwritten(graph: &Graph) -> Option<Overwritten<'_>> {
    let network = Network::of(graph)?;
    let found = overwrites(&network).into_iter().next()?;
    let node = graph.nodes.get(found.step)?;
    Some(Overwritten { node: &node.name, input: network.names[found.input], value: network.names[found.value] })
}
