use super::*;
use crate::espdl::{DataType, Dim, ValueInfo};

fn info(name: &str, size: i64) -> ValueInfo {
    let dims = Some(vec![Dim::Size(size)]);
    ValueInfo { name: name.into(), data_type: DataType::Int16, dims, exponents: vec![-8], ..ValueInfo::default() }
}

fn step(name: &str, op: &str, inputs: &[&str], output: &str) -> Node {
    let inputs = inputs.iter().map(|s| s.to_string()).collect();
    Node { name: name.into(), op: op.into(), inputs, outputs: vec![output.into()], ..Node::default() }
}

#[test]
fn the_arena_has_what_lies_in_it_at_its_peak() {
    let graph = Graph {
        nodes: vec![step("a", "Mul", &["x"], "y"), step("b", "Relu", &["y"], "z"), step("c", "Mul", &["z"], "o")],
        inputs: vec![info("x", 10)],
        outputs: vec![info("o", 1)],
        values: vec![info("x", 10), info("y", 100), info("z", 100), info("o", 1)],
        ..Graph::default()
    };
    let memory = memory(&graph, None);
    assert_eq!((memory.peak_bytes, memory.peak_node.as_str(), memory.live_bytes), (240, "a", 220));
    let held: Vec<(&str, usize, usize)> =
        memory.at_peak.iter().map(|held| (held.name.as_str(), held.offset, held.bytes)).collect();
    assert_eq!(held, [("x", 0, 32), ("y", 32, 208)]);
    assert_eq!(memory.at_peak[1].shared_by, ["z"]);
}

#[test]
fn sizes_that_are_not_fixed_have_no_arena() {
    let mut free = info("x", 10);
    free.dims = Some(vec![Dim::Unknown]);
    let graph = Graph { nodes: vec![step("a", "Mul", &["x"], "x")], values: vec![free], ..Graph::default() };
    assert_eq!(memory(&graph, None), Memory::default());
}

fn bias(count: usize) -> Graph {
    let tensor = |name: &str, data_type, dims: &[usize]| Tensor {
        name: name.into(),
        data_type,
        dims: dims.to_vec(),
        bytes: vec![0; dims.iter().product::<usize>() * data_type.width().unwrap()],
        ..Tensor::default()
    };
    let filter = tensor("w", DataType::Int8, &[1, 1, 16, count]);
    let info = |name: &str, size: usize| ValueInfo { data_type: DataType::Int8, ..info(name, size as i64) };
    Graph {
        nodes: vec![step("conv", "Conv", &["x", "w", "b"], "y")],
        initializers: vec![filter, tensor("b", DataType::Int32, &[count])],
        inputs: vec![info("x", 16)],
        values: vec![info("x", 16), info("y", count)],
        ..Graph::default()
    }
}

#[test]
fn parameters_are_counted_by_where_they_lie() {
    let graph = bias(20);
    let memory = memory(&graph, None);
    let board = Board::of(Target::Esp32p4);
    let of = |board: &Board, target| Ram::of(&graph, &memory, 1000, false, target, board);
    let p4 = of(&board, Target::Esp32p4);
    assert_eq!((p4.copy_bytes, p4.file_bytes, p4.packed_bias_bytes), (320 + 80, 0, 0));
    // Blocks of 16 take 4 bytes a channel, the rest 8: 96, in the place of a copy of 80.
    assert_eq!(of(&board, Target::Esp32s3).packed_bias_bytes, 16);
    let in_place = Board { param_copy: false, ..board };
    let s3 = of(&in_place, Target::Esp32s3);
    assert_eq!((s3.copy_bytes, s3.packed_bias_bytes), (0, 96));
    let card = Board { storage: Storage::Sdcard, ..board };
    assert_eq!((of(&card, Target::Esp32p4).file_bytes, of(&card, Target::Esp32p4).copy_bytes), (1000, 0));
}
