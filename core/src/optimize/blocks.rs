//! Blocks of the network with one first and one last layer, as esp-ppq cuts it for passes that look at a few layers at once.
//!
//! esp-ppq: `BlockBuilder` in `algorithm/training.py`, `split_graph_into_blocks` in `optim/training.py`.

use std::collections::BTreeSet;

use crate::graph::edit::Links;
use crate::graph::{Graph, NodeId};

/// Operators from which blocks begin.
const COMPUTING: [&str; 6] = ["Conv", "Gemm", "ConvTranspose", "MatMul", "Attention", "LSTM"];

/// Nodes on all paths from the first to the last, in the graph's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub nodes: Vec<NodeId>,
    pub last: NodeId,
}

/// Cuts the graph into blocks of at most `limit` steps, from the nodes that `begins`, in esp-ppq's order.
pub fn blocks(graph: &Graph, limit: usize, begins: impl Fn(NodeId) -> bool) -> Vec<Block> {
    let builder = Builder::of(graph);
    let (mut visited, mut blocks) = (vec![false; graph.nodes.len()], Vec::new());
    for id in graph.insertion_order() {
        if visited[id.0] || !COMPUTING.contains(&graph.node(id).op.as_str()) || !begins(id) {
            continue;
        }
        let block = builder.build(id, limit);
        block.nodes.iter().for_each(|node| visited[node.0] = true);
        blocks.push(block);
    }
    blocks
}

struct Builder<'a> {
    graph: &'a Graph,
    upstream: Vec<Vec<NodeId>>,
    downstream: Vec<Vec<NodeId>>,
    /// Length of the longest path to each node.
    depths: Vec<usize>,
}

impl Builder<'_> {
    fn of(graph: &Graph) -> Builder<'_> {
        let links = Links::of(graph);
        let upstream: Vec<Vec<NodeId>> = graph.nodes.iter().map(|node| links.upstream(node)).collect();
        let downstream = graph.nodes.iter().map(|node| links.downstream(node)).collect();
        let mut depths = vec![0; graph.nodes.len()];
        for id in graph.node_ids() {
            depths[id.0] = upstream[id.0].iter().map(|before| depths[before.0] + 1).max().unwrap_or(0);
        }
        Builder { graph, upstream, downstream, depths }
    }

    fn build(&self, first: NodeId, limit: usize) -> Block {
        let mut last = first;
        loop {
            let next = match self.downstream[last.0].len() {
                0 | 1 => self.only_next(last),
                _ => self.meeting(last),
            };
            match next.filter(|next| self.depths[next.0] - self.depths[first.0] <= limit) {
                Some(next) => last = next,
                None => return self.between(first, last),
            }
        }
    }

    /// The next node, if it reads nothing else.
    fn only_next(&self, node: NodeId) -> Option<NodeId> {
        let &[next] = self.downstream[node.0].as_slice() else { return None };
        let computed = self.graph.node(next).inputs.iter().flatten();
        let computed = computed.filter(|value| self.graph.value(**value).constant.is_none()).count();
        (computed == 1 && self.upstream[next.0].len() == 1).then_some(next)
    }

    /// The first node at which all branches behind `node` meet.
    fn meeting(&self, node: NodeId) -> Option<NodeId> {
        let mut seen = BTreeSet::from([node]);
        let mut waiting: BTreeSet<(usize, usize, NodeId)> = BTreeSet::new();
        let mut count = 0;
        let mut push = |next: NodeId, waiting: &mut BTreeSet<(usize, usize, NodeId)>, seen: &mut BTreeSet<NodeId>| {
            if seen.insert(next) {
                count += 1;
                waiting.insert((self.depths[next.0], count, next));
            }
        };
        self.downstream[node.0].iter().for_each(|&next| push(next, &mut waiting, &mut seen));
        while let Some((_, _, at)) = waiting.pop_first() {
            let before = &self.upstream[at.0];
            if waiting.is_empty() && before.len() > 1 && before.iter().all(|before| seen.contains(before)) {
                return Some(at);
            }
            self.downstream[at.0].iter().for_each(|&next| push(next, &mut waiting, &mut seen));
        }
        None
    }

    fn between(&self, first: NodeId, last: NodeId) -> Block {
        let mut behind = vec![false; self.graph.nodes.len()];
        behind[first.0] = true;
        for id in self.graph.node_ids().filter(|id| *id > first) {
            behind[id.0] = self.upstream[id.0].iter().any(|before| behind[before.0]);
        }
        let mut before = vec![false; self.graph.nodes.len()];
        before[last.0] = true;
        for id in self.graph.node_ids().filter(|id| *id < last).collect::<Vec<_>>().into_iter().rev() {
            before[id.0] = self.downstream[id.0].iter().any(|next| before[next.0]);
        }
        let nodes = self.graph.node_ids().filter(|id| behind[id.0] && before[id.0]).collect();
        Block { nodes, last }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Attributes, Node, Tensor, Value};

    /// A graph of nodes "name: Op(inputs)", each of which makes a value of its name.
    fn graph(lines: &[&str]) -> Graph {
        let mut graph = Graph::default();
        let x = graph.add_value(Value { name: "x".into(), ..Value::default() });
        graph.inputs.push(x);
        graph.add_constant("w", Tensor::scalar(1.0f32));
        for line in lines {
            let (name, call) = line.split_once(": ").unwrap();
            let (op, inputs) = call.trim_end_matches(')').split_once('(').unwrap();
            let find = |name: &str| graph.values.iter().position(|value| value.name == name).map(crate::graph::ValueId);
            let inputs = inputs.split(", ").map(find).collect();
            let output = graph.add_value(Value { name: name.into(), ..Value::default() });
            let (op, domain, attributes) = (op.to_string(), String::new(), Attributes::default());
            graph.nodes.push(Node { name: name.into(), op, domain, attributes, inputs, outputs: vec![Some(output)] });
        }
        graph
    }

    fn names(graph: &Graph, limit: usize) -> Vec<String> {
        let name = |node: &NodeId| graph.node(*node).name.clone();
        let of = |block: &Block| block.nodes.iter().map(name).collect::<Vec<_>>().join(" ");
        blocks(graph, limit, |_| true).iter().map(of).collect()
    }

    #[test]
    fn a_block_ends_at_its_limit_and_before_a_second_input() {
        let graph =
            graph(&["a: Conv(x, w)", "b: Relu(a)", "c: Conv(b, w)", "d: Relu(c)", "e: Add(d, x)", "f: Conv(e, w)"]);
        assert_eq!(names(&graph, 4), ["a b c d", "f"]);
        assert_eq!(names(&graph, 1), ["a b", "c d", "f"]);
    }

    #[test]
    fn branches_are_one_block_up_to_the_node_at_which_they_meet() {
        let graph = graph(&["a: Conv(x, w)", "b: Conv(a, w)", "c: Relu(b)", "d: Add(a, c)", "e: Gemm(d, w)"]);
        assert_eq!(names(&graph, 4), ["a b c d e"]);
        assert_eq!(names(&graph, 2), ["a", "b c", "e"]);
    }
}
