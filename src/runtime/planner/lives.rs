//! Times in which values are needed, and values in the memory of another
//! (`MemoryManagerGreedy::get_tensor_info_from_fbs`).
//!
//! A node may write its output over its input. The planner takes that back where a later node reads the input.

use crate::chip::Buffer;

use super::{Network, Step};

/// Life of each value, and the value in whose memory it lies.
pub struct Lives {
    /// Step at which each value is placed.
    pub begin: Vec<usize>,
    /// Step at which each value is freed; `None` if never.
    pub end: Vec<Option<usize>>,
    /// Value in whose memory each one lies. A leader is older than what follows it.
    pub leader: Vec<Option<usize>>,
    /// Value that overwrites each one.
    overwriter: Vec<Option<usize>>,
    /// Set if a value lies unchanged in the memory of this one.
    is_shared: Vec<bool>,
}

impl Lives {
    pub fn of(network: &Network) -> Lives {
        let count = network.spaces.len();
        let mut lives = Lives {
            begin: vec![0; count],
            end: vec![None; count],
            leader: vec![None; count],
            overwriter: vec![None; count],
            is_shared: vec![false; count],
        };
        for (number, step) in network.steps.iter().enumerate() {
            lives.read(network, number, step);
            step.outputs.iter().for_each(|&output| lives.begin[output] = number);
            lives.link(network, step);
        }
        lives
    }

    /// Prolongs the inputs' lives, and gives a value that would overwrite one of them its own memory.
    fn read(&mut self, network: &Network, number: usize, step: &Step) {
        for &input in step.inputs.iter().flatten() {
            if let Some(follower) = self.overwriter[input].take() {
                self.leader[follower] = None;
            }
            if !network.spaces[input].is_output {
                self.prolong(input, Some(number + 1));
            }
        }
    }

    /// Puts the output into the memory of the first input that is large enough.
    fn link(&mut self, network: &Network, step: &Step) {
        let &[output] = step.outputs.as_slice() else { return };
        if step.buffer == Buffer::Own {
            return;
        }
        let spaces = &network.spaces;
        let fits = |input: &&usize| spaces[**input].bytes >= spaces[output].bytes && !spaces[**input].is_output;
        let Some(&input) = step.inputs.iter().flatten().find(fits) else { return };
        // The planner forgets when the input ends even where the output gets its own memory.
        self.prolong(input, None);
        match step.buffer {
            Buffer::Shared => {
                self.is_shared[input] = true;
                self.leader[output] = Some(input);
            }
            Buffer::Overwritten if !self.is_shared[input] => {
                self.overwriter[input] = Some(output);
                self.leader[output] = Some(input);
            }
            Buffer::Overwritten | Buffer::Own => {}
        }
    }

    /// Sets a later end, or none, for a value and for all in whose memory it lies (`TensorInfo::update_time`).
    fn prolong(&mut self, value: usize, end: Option<usize>) {
        let root = self.root(value);
        self.end[root] = match (end, self.end[root]) {
            (None, _) => None,
            (Some(end), Some(earlier)) => Some(end.max(earlier)),
            (end, None) => end,
        };
        let mut follower = value;
        while let Some(leader) = self.leader[follower] {
            self.end[follower] = self.end[root];
            follower = leader;
        }
    }

    /// Returns the value whose memory `value` lies in.
    pub fn root(&self, mut value: usize) -> usize {
        while let Some(leader) = self.leader[value] {
            value = leader;
        }
        value
    }
}
