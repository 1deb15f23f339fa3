//! Names for unnamed nodes in onnxsim's form, `Conv_0`: type and a common count.

use std::collections::HashSet;

use crate::graph::Graph;

/// Names every node that has no name.
pub fn unnamed(graph: &mut Graph) {
    let mut taken: HashSet<String> = graph.nodes.iter().map(|node| node.name.clone()).collect();
    let mut count = 0;
    for node in graph.nodes.iter_mut().filter(|node| node.name.is_empty()) {
        loop {
            let name = format!("{}_{count}", node.op);
            count += 1;
            if taken.insert(name.clone()) {
                node.name = name;
                break;
            }
        }
    }
}
