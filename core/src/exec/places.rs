//! Places at which a run is worth stopping: nodes before which few elements are live.

use crate::graph::{Graph, NodeId, Tensor, ValueId};

/// Number of parts of similar cost into which a run is divided.
const PARTS: usize = 12;

/// Operators that run with the node before them.
const CLAMPS: [&str; 2] = ["Relu", "Clip"];

/// Multiplications that take as long as one element that is written.
const PER_ELEMENT: usize = 32;

/// Returns nodes in ascending order, one near each end of [`PARTS`] of similar cost: of those within half a part, the one
/// before which the fewest elements are live.
pub fn places(graph: &Graph) -> Vec<NodeId> {
    let total = cost_from(graph, NodeId(0));
    let live = live(graph);
    let mut least: [Option<(usize, NodeId)>; PARTS - 1] = [None; PARTS - 1];
    let mut done = 0;
    for node in graph.node_ids() {
        // The part's end that is nearest, from 1; with one in front of the first half part, there is none.
        let end = (2 * done * PARTS as u128 + total).checked_div(2 * total).unwrap_or_default();
        let end = usize::try_from(end).unwrap_or(PARTS);
        let is_clamp = CLAMPS.contains(&graph.node(node).op.as_str());
        if let Some(slot) = end.checked_sub(1).and_then(|at| least.get_mut(at)).filter(|_| !is_clamp)
            && slot.is_none_or(|(elements, _)| live[node.0] < elements)
        {
            *slot = Some((live[node.0], node));
        }
        done += cost(graph, node);
    }
    least.iter().flatten().map(|(_, node)| *node).collect()
}

/// Returns those of the places that together take at most this memory for one sample, and between which there is least work: a
/// run resumes at the last one before a change, which may be anywhere.
pub fn places_within(graph: &Graph, bytes: usize) -> Vec<NodeId> {
    let (places, live) = (places(graph), live(graph));
    let total = cost_from(graph, NodeId(0));
    let ends: Vec<u128> = places.iter().map(|&node| total - cost_from(graph, node)).collect();
    let taken = |set: u32| -> usize { chosen(set, &places).map(|node| live[node.0] * size_of::<f32>()).sum() };
    // A part is met as often as it is long, and half of it is then repeated on average.
    let repeated = |set: u32| {
        let ends = chosen(set, &ends).copied().chain([total]);
        let (sum, _) = ends.fold((0.0, 0), |(sum, before), end| (sum + ((end - before) as f64).powi(2), end));
        sum
    };
    let sets = (0..1u32 << places.len()).filter(|&set| taken(set) <= bytes);
    let best = sets.map(|set| (repeated(set), set)).min_by(|a, b| a.0.total_cmp(&b.0));
    best.map_or_else(Vec::new, |(_, set)| chosen(set, &places).copied().collect())
}

/// Returns the elements of a set of bits.
fn chosen<T>(set: u32, all: &[T]) -> impl Iterator<Item = &T> {
    all.iter().enumerate().filter(move |(at, _)| set >> at & 1 == 1).map(|(_, element)| element)
}

/// Returns the cost of one run of a graph from a node on, in multiplications.
pub fn cost_from(graph: &Graph, node: NodeId) -> u128 {
    graph.node_ids().skip(node.0).map(|node| cost(graph, node)).sum()
}

/// Returns the cost of a node in multiplications: those of each output element with the weights of its channel, and the
/// writing.
fn cost(graph: &Graph, node: NodeId) -> u128 {
    let by_channel = |weights: &Tensor| weights.len() / weights.shape().first().copied().unwrap_or(1).max(1);
    let products = graph.constant(graph.node(node), 1).map_or(0, by_channel);
    let elements: usize = graph.node(node).outputs.iter().flatten().map(|&v| graph.elements(v)).sum();
    elements as u128 * (PER_ELEMENT + products) as u128
}

/// Returns the values that are still to be read before a node, and that a run does not find in the graph.
pub fn live_before(graph: &Graph, node: NodeId) -> Vec<ValueId> {
    let mut is_made = vec![false; graph.values.len()];
    graph.inputs.iter().for_each(|input| is_made[input.0] = true);
    for made in graph.nodes[..node.0].iter().flat_map(|node| node.outputs.iter().flatten()) {
        is_made[made.0] = true;
    }
    let mut is_live = vec![false; graph.values.len()];
    for read in graph.nodes[node.0..].iter().flat_map(|node| node.inputs.iter().flatten()).chain(&graph.outputs) {
        is_live[read.0] = is_made[read.0];
    }
    (0..is_live.len()).filter(|&value| is_live[value]).map(ValueId).collect()
}

/// Counts the elements that are live before each node.
fn live(graph: &Graph) -> Vec<usize> {
    let mut last = vec![None; graph.values.len()];
    for (number, node) in graph.nodes.iter().enumerate() {
        node.inputs.iter().flatten().for_each(|read| last[read.0] = Some(number));
    }
    graph.outputs.iter().for_each(|output| last[output.0] = Some(graph.nodes.len()));
    let mut begins = vec![0; graph.nodes.len() + 1];
    let mut ends = vec![0; graph.nodes.len() + 1];
    let mut add = |value: ValueId, from: usize| {
        if let Some(last) = last[value.0].filter(|&last| last >= from) {
            begins[from] += graph.elements(value);
            ends[last] += graph.elements(value);
        }
    };
    graph.inputs.iter().for_each(|&input| add(input, 0));
    for (number, node) in graph.nodes.iter().enumerate() {
        node.outputs.iter().flatten().for_each(|&output| add(output, number + 1));
    }
    let mut left = 0;
    let before = begins.iter().zip(&ends).take(graph.nodes.len()).map(|(begins, ends)| {
        let now = left + begins;
        left = now - ends;
        now
    });
    before.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Attributes, Node, Value};

    /// A chain of one node for each size, whose value it makes.
    fn chain(sizes: &[usize]) -> Graph {
        let mut graph = Graph::default();
        let mut before = graph.add_value(Value { shape: Some(vec![4]), ..Value::default() });
        graph.inputs = vec![before];
        for &size in sizes {
            let made = graph.add_value(Value { shape: Some(vec![size]), ..Value::default() });
            graph.nodes.push(Node {
                name: String::new(),
                op: "Conv".into(),
                domain: String::new(),
                attributes: Attributes::default(),
                inputs: vec![Some(before)],
                outputs: vec![Some(made)],
            });
            before = made;
        }
        graph.outputs = vec![before];
        graph
    }

    #[test]
    fn a_run_stops_where_few_elements_are_live() {
        let sizes = [100, 100, 10, 100, 100, 10, 100, 100, 10, 100, 100, 10];
        let found: Vec<usize> = places(&chain(&sizes)).iter().map(|node| node.0).collect();
        assert_eq!(found, [1, 3, 4, 6, 7, 9, 10]);
        assert_eq!(places(&Graph::default()), []);
    }

    #[test]
    fn memory_is_for_places_that_lie_apart() {
        let sizes = [100, 20, 10, 10, 100, 100, 100, 30, 100, 100, 100, 100];
        let graph = chain(&sizes);
        let within = |elements: usize| -> Vec<usize> {
            places_within(&graph, elements * size_of::<f32>()).iter().map(|node| node.0).collect()
        };
        let all: Vec<usize> = places(&graph).iter().map(|node| node.0).collect();
        assert_eq!(within(10_000), all);
        assert_eq!(within(30), [8]);
        assert_eq!(within(40), [3, 8]);
        assert!(within(9).is_empty());
    }

    #[test]
    fn what_is_live_is_read_later() {
        let mut graph = chain(&[8, 8, 8]);
        // The last node also reads the output of the first one.
        graph.nodes[2].inputs.push(Some(ValueId(1)));
        assert_eq!(live(&graph), [4, 8, 16]);
        assert_eq!(live_before(&graph, NodeId(2)), [ValueId(1), ValueId(2)]);
        assert_eq!(live_before(&graph, NodeId(0)), [ValueId(0)]);
    }
}
