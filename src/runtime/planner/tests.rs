use super::copied::{Copied, copied};
use super::overwrites::{Overwrite, overwrites};
use super::*;
use Buffer::{Overwritten as Over, Own, Shared};

fn step(buffer: Buffer, inputs: &[usize], output: usize) -> Step {
    Step { inputs: inputs.iter().map(|&v| Some(v)).collect(), outputs: vec![output], buffer }
}

fn network(steps: &[Step], bytes: &[usize], outputs: &[usize]) -> Network<'static> {
    let space = |(v, &bytes): (usize, &usize)| Space { bytes, is_output: outputs.contains(&v) };
    let spaces = bytes.iter().enumerate().map(space).collect();
    Network { steps: steps.to_vec(), spaces, names: vec![""; bytes.len()] }
}

fn found(steps: &[Step], outputs: &[usize]) -> Vec<Overwrite> {
    overwrites(&network(steps, &[4; 5], outputs))
}

#[test]
fn a_value_is_overwritten_through_one_that_shares_its_memory() {
    let steps = [step(Shared, &[0], 1), step(Over, &[1], 2), step(Own, &[2, 0], 3)];
    assert_eq!(found(&steps, &[3]), [Overwrite { step: 1, input: 1, value: 0 }]);
    // An output of the model that shares the memory.
    let steps = [step(Shared, &[0], 1), step(Shared, &[0], 2), step(Over, &[2], 3)];
    assert_eq!(found(&steps, &[1, 3]), [Overwrite { step: 2, input: 2, value: 1 }]);
}

#[test]
fn the_planner_keeps_what_is_read_later_itself() {
    let later = [step(Over, &[0], 1), step(Own, &[1, 0], 2)];
    let shared = [step(Shared, &[0], 1), step(Over, &[0], 2), step(Own, &[1, 2], 3)];
    let copied = [step(Own, &[0], 1), step(Over, &[1], 2), step(Own, &[2, 0], 3)];
    let unread = [step(Shared, &[0], 1), step(Over, &[1], 2), step(Own, &[2], 3)];
    for (steps, output) in [(&later[..], 2), (&shared, 3), (&copied, 3), (&unread, 3)] {
        assert_eq!(found(steps, &[output]), []);
    }
}

#[test]
fn sizes_are_rounded_and_freed_memory_is_used_again() {
    // 0 (100 -> 112) is freed before 2 (40 -> 48) is placed into it.
    let steps = [step(Own, &[0], 1), step(Own, &[1], 2), step(Own, &[2], 3)];
    let arena = network(&steps, &[100, 20, 40, 10], &[3]).place(None);
    assert_eq!((arena.bytes, arena.peak, arena.live_bytes), (144, Some(0), 120));
    assert_eq!(arena.values.iter().map(|value| value.offset).collect::<Vec<_>>(), [0, 112, 0, 48]);
}

#[test]
fn the_last_piece_is_enlarged_if_it_is_free() {
    let steps = [step(Own, &[0], 1), step(Own, &[1], 2)];
    // 0 lies at 0, 1 behind it; then 2 does not fit into the place of 0, and 1 is still needed.
    let arena = network(&steps, &[16, 32, 64], &[2]).place(None);
    assert_eq!((arena.bytes, arena.values[2].offset), (112, 48));
    let steps = [step(Own, &[0], 1), step(Own, &[0, 1], 2), step(Own, &[0, 2], 3)];
    let arena = network(&steps, &[16, 32, 16, 64], &[3]).place(None);
    assert_eq!((arena.bytes, arena.values[3].offset, arena.peak), (128, 64, Some(2)));
}

#[test]
fn a_value_in_the_memory_of_another_takes_none_and_lives_as_long() {
    let steps = [step(Over, &[0], 1), step(Own, &[1], 2)];
    let arena = network(&steps, &[64, 64, 16], &[2]).place(None);
    assert_eq!((arena.bytes, arena.values[1].root, arena.values[0].end), (80, 0, Some(2)));
    // Inputs that are too small hold nothing, and outputs of the model are not overwritten.
    assert_eq!(network(&steps, &[32, 64, 16], &[2]).place(None).values[1].root, 1);
    assert_eq!(network(&steps, &[64, 64, 16], &[0, 2]).place(None).values[1].root, 1);
}

#[test]
fn an_input_whose_memory_is_shared_never_ends_if_an_overwriting_node_was_its_last_reader() {
    // The planner resets the end of 0 at step 1, though 2 gets its own memory.
    let steps = [step(Shared, &[0], 1), step(Over, &[0], 2), step(Own, &[2], 3), step(Own, &[3], 4)];
    let arena = network(&steps, &[16; 5], &[4]).place(None);
    assert_eq!(arena.values[0].end, None);
}

#[test]
fn an_internal_budget_is_filled_first_and_allocated_as_a_whole() {
    let steps = [step(Own, &[0], 1), step(Own, &[1], 2)];
    let arena = network(&steps, &[16, 128, 16], &[2]).place(Some(64));
    assert_eq!((arena.bytes, arena.internal_bytes), (128, 64));
    assert_eq!(arena.values.iter().map(|value| value.is_internal).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(network(&steps, &[16, 128, 16], &[2]).place(Some(16)).internal_bytes, 0);
}

#[test]
fn values_are_numbered_as_nodes_mention_them_and_constants_are_none() {
    let names = |list: &[&str]| list.iter().map(|name| (*name).to_string()).collect();
    let node = |inputs: &[&str], output: &str| crate::espdl::Node {
        op: "Conv".to_string(),
        inputs: names(inputs),
        outputs: names(&[output]),
        ..crate::espdl::Node::default()
    };
    let value = |name: &str, size: i64| ValueInfo {
        name: name.to_string(),
        data_type: DataType::Int16,
        dims: Some(vec![crate::espdl::Dim::Size(size)]),
        ..ValueInfo::default()
    };
    let graph = Graph {
        nodes: vec![node(&["x", "w", ""], "y"), node(&["y", "w"], "z")],
        initializers: vec![crate::espdl::Tensor { name: "w".to_string(), ..crate::espdl::Tensor::default() }],
        outputs: vec![value("z", 3)],
        values: vec![value("z", 3), value("y", 2), value("x", 1)],
        ..Graph::default()
    };
    let network = Network::of(&graph).unwrap();
    assert_eq!(network.names, ["x", "y", "z"]);
    assert_eq!(network.steps[0].inputs, [Some(0), None, None]);
    assert_eq!(
        network.spaces.iter().map(|space| (space.bytes, space.is_output)).collect::<Vec<_>>(),
        [(2, false), (4, false), (6, true)]
    );
    assert!(Network::of(&Graph { values: Vec::new(), ..graph }).is_none());
}

#[test]
fn another_order_numbers_values_anew() {
    let steps = [step(Own, &[0], 1), step(Own, &[0], 2), step(Own, &[1, 2], 3)];
    let other = network(&steps, &[1, 2, 3, 4], &[3]).reordered(&[1, 0, 2]);
    assert_eq!(other.spaces.iter().map(|space| space.bytes).collect::<Vec<_>>(), [1, 3, 2, 4]);
    assert_eq!(other.steps[2].inputs, [Some(2), Some(1)]);
}

#[test]
fn a_small_value_in_large_memory_costs_more_than_it_saves() {
    // 2 is small and lives long; in the memory of 1, it keeps 3 out of it.
    let steps = [step(Own, &[0], 1), step(Over, &[1], 2), step(Own, &[2], 3), step(Own, &[3, 2], 4)];
    let network = network(&steps, &[16, 1600, 16, 1600, 16], &[4]);
    assert_eq!(network.place(None).bytes, 3216);
    assert_eq!(copied(&network), Some(Copied { nodes: vec![1], bytes: 1632 }));
    assert_eq!(smallest(&network), Some(Smallest { nodes: vec![0, 1, 2, 3], copied: vec![1], bytes: 1632 }));
    let equal = [step(Over, &[0], 1), step(Own, &[1], 2)];
    assert_eq!(smallest(&self::network(&equal, &[64, 64, 64], &[2])), None);
}
