//! Disjoint sets of values.

use crate::graph::ValueId;

/// Sets of values that are joined one by one; the values of a fixed set are not scaled.
pub struct Sets {
    parent: Vec<usize>,
    fixed: Vec<bool>,
}

impl Sets {
    /// Makes a set for each value.
    pub fn new(count: usize) -> Sets {
        Sets { parent: (0..count).collect(), fixed: vec![false; count] }
    }

    /// Returns the oldest value of the set.
    pub fn root(&self, value: ValueId) -> usize {
        let mut at = value.0;
        while self.parent[at] != at {
            at = self.parent[at];
        }
        at
    }

    pub fn union(&mut self, a: ValueId, b: ValueId) {
        let (a, b) = (self.root(a), self.root(b));
        // The older one is the root, so that sets are in the graph's order.
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
