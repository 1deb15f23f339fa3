//! Disjoint sets of values.

use crate::graph::ValueId;

/// Sets of values that are joined one by one; a fixed set stays as it is in the network.
pub struct Sets {
    parent: Vec<usize>,
    fixed: Vec<bool>,
}

impl Sets {
    /// Every value by itself.
    pub fn new(count: usize) -> Sets {
        Sets { parent: (0..count).collect(), fixed: vec![false; count] }
    }

    /// The oldest value of the set.
    pub fn root(&self, value: ValueId) -> usize {
        let mut at = value.0;
        while self.parent[at] != at {
            at = self.parent[at];
        }
        at
    }

    pub fn union(&mut self, a: ValueId, b: ValueId) {
        let (a, b) = (self.root(a), self.root(b));
        // The older one stays, so that sets come in the graph's order.
        let (root, child) = (a.min(b), a.max(b));
        self.parent[child] = root;
        self.fixed[root] |= self.fixed[child];
    }

    pub fn fix(&mut self, value: ValueId) {
        let root = self.root(value);
        self.fixed[root] = true;
    }

    pub fn is_fixed(&self, root: usize) -> bool {
        self.fixed[root]
    }
}
