//! Memory that nodes share on the chip, by the rules of ESP-DL's planner
//! (`MemoryManagerGreedy::get_tensor_info_from_fbs` in `dl_memory_manager_greedy.cpp`).
//!
//! A node may write its output over its input. The planner takes that back where a later node reads the input, but not
//! where a later node reads a value that shares the input's memory: Reshape(x), Relu over it, then x.

use std::collections::{HashMap, HashSet};

use crate::chip::Buffer;
use crate::espdl::{Graph, Node, ValueInfo};
use crate::ops;

/// Node, with its values by number.
pub struct Step {
    /// Inputs in order; `None` for constants and inputs that are left out.
    pub inputs: Vec<Option<usize>>,
    /// Outputs in order.
    pub outputs: Vec<usize>,
    /// Memory of the output, if it has one.
    pub buffer: Buffer,
}

/// Value that is not constant.
pub struct Space {
    /// Size in bytes.
    pub bytes: usize,
    /// Set for outputs of the model, which no node overwrites.
    pub is_output: bool,
}

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

/// Returns the overwritten values, in the order of nodes. Nodes are in the order in which they run.
pub fn overwrites(steps: &[Step], spaces: &[Space]) -> Vec<Overwrite> {
    let links = Links::of(steps, spaces);
    let (mut made, mut last) = (vec![None; spaces.len()], vec![None; spaces.len()]);
    for (number, step) in steps.iter().enumerate() {
        step.outputs.iter().for_each(|&value| made[value] = Some(number));
        step.inputs.iter().flatten().for_each(|&value| last[value] = Some(number));
    }
    let mut found = Vec::new();
    for (number, step) in steps.iter().enumerate().filter(|(_, step)| step.buffer == Buffer::Overwritten) {
        let &[output] = step.outputs.as_slice() else { continue };
        let Some(input) = links.leader[output] else { continue };
        let root = links.root(output);
        let is_read = |value: &usize| {
            let is_older = made[*value].is_none_or(|maker: usize| maker < number);
            is_older && (last[*value] > Some(number) || spaces[*value].is_output) && links.root(*value) == root
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
    let constants = graph.initializers.iter().map(|tensor| tensor.name.as_str());
    let constants: HashSet<&str> = constants.chain([""]).collect();
    let values: Vec<&ValueInfo> =
        graph.values.iter().filter(|value| !constants.contains(value.name.as_str())).collect();
    let numbers: HashMap<&str, usize> =
        values.iter().enumerate().map(|(at, value)| (value.name.as_str(), at)).collect();
    let space = |value: &&ValueInfo| {
        let is_output = graph.outputs.iter().any(|output| output.name == value.name);
        Some(Space { bytes: value.bytes()?, is_output })
    };
    let spaces: Vec<Space> = values.iter().map(space).collect::<Option<_>>()?;
    let step = |node: &Node| Step {
        inputs: node.inputs.iter().map(|name| numbers.get(name.as_str()).copied()).collect(),
        outputs: node.outputs.iter().filter_map(|name| numbers.get(name.as_str()).copied()).collect(),
        buffer: ops::on_chip(&node.op).map_or(Buffer::Own, |chip| chip.buffer),
    };
    let steps: Vec<Step> = graph.nodes.iter().map(step).collect();
    let found = overwrites(&steps, &spaces).into_iter().next()?;
    let node = graph.nodes.get(found.step)?;
    Some(Overwritten { node: &node.name, input: &values[found.input].name, value: &values[found.value].name })
}

/// Values in the memory of another.
struct Links {
    /// Value in whose memory each one lies.
    leader: Vec<Option<usize>>,
}

impl Links {
    fn of(steps: &[Step], spaces: &[Space]) -> Links {
        let mut leader = vec![None; spaces.len()];
        let (mut overwriter, mut is_shared) = (vec![None; spaces.len()], vec![false; spaces.len()]);
        for step in steps {
            for &input in step.inputs.iter().flatten() {
                if let Some(output) = overwriter[input].take() {
                    leader[output] = None;
                }
            }
            let &[output] = step.outputs.as_slice() else { continue };
            let fits = |input: &&usize| spaces[**input].bytes >= spaces[output].bytes && !spaces[**input].is_output;
            let Some(&input) = step.inputs.iter().flatten().find(fits) else { continue };
            match step.buffer {
                Buffer::Own => {}
                Buffer::Shared => (leader[output], is_shared[input]) = (Some(input), true),
                Buffer::Overwritten if is_shared[input] => {}
                Buffer::Overwritten => (leader[output], overwriter[input]) = (Some(input), Some(output)),
            }
        }
        Links { leader }
    }

    /// Returns the value whose memory `value` lies in. A leader is older than what follows it, so that this ends.
    fn root(&self, mut value: usize) -> usize {
        while let Some(leader) = self.leader[value] {
            value = leader;
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(buffer: Buffer, inputs: &[usize], output: usize) -> Step {
        Step { inputs: inputs.iter().map(|&v| Some(v)).collect(), outputs: vec![output], buffer }
    }

    fn found(steps: &[Step], outputs: &[usize]) -> Vec<Overwrite> {
        let spaces: Vec<Space> = (0..5).map(|v| Space { bytes: 4, is_output: outputs.contains(&v) }).collect();
        overwrites(steps, &spaces)
    }

    use Buffer::{Overwritten, Own, Shared};

    #[test]
    fn a_value_is_overwritten_through_one_that_shares_its_memory() {
        let steps = [step(Shared, &[0], 1), step(Overwritten, &[1], 2), step(Own, &[2, 0], 3)];
        assert_eq!(found(&steps, &[3]), [Overwrite { step: 1, input: 1, value: 0 }]);
        // An output of the model that shares the memory.
        let steps = [step(Shared, &[0], 1), step(Shared, &[0], 2), step(Overwritten, &[2], 3)];
        assert_eq!(found(&steps, &[1, 3]), [Overwrite { step: 2, input: 2, value: 1 }]);
    }

    #[test]
    fn the_planner_keeps_what_is_read_later_itself() {
        let later = [step(Overwritten, &[0], 1), step(Own, &[1, 0], 2)];
        let shared = [step(Shared, &[0], 1), step(Overwritten, &[0], 2), step(Own, &[1, 2], 3)];
        let copied = [step(Own, &[0], 1), step(Overwritten, &[1], 2), step(Own, &[2, 0], 3)];
        let unread = [step(Shared, &[0], 1), step(Overwritten, &[1], 2), step(Own, &[2], 3)];
        for (steps, output) in [(&later[..], 2), (&shared, 3), (&copied, 3), (&unread, 3)] {
            assert_eq!(found(steps, &[output]), []);
        }
    }
}
