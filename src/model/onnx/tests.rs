//! Tests of models that load, and of hostile ones that are refused.

use crate::note::sentences;
use std::path::Path;

use proptest::prelude::*;
use prost::Message;

use super::load::parse;
use super::proto;
use crate::Result;
use crate::graph::{Graph, Tensor};
use crate::model::{self, Imported};
use crate::simplify::simplify;

fn model(graph: proto::Graph) -> proto::Model {
    let set = proto::OperatorSet { domain: String::new(), version: 18 };
    proto::Model { ir_version: Some(8), graph: Some(graph), opset_import: vec![set], functions: vec![] }
}

pub(super) fn value(name: &str, dims: &[i64]) -> proto::ValueInfo {
    let dim = dims.iter().map(|&d| proto::Dimension { value: Some(proto::DimensionValue::Value(d)) }).collect();
    of_type(name, proto::TypeValue::Tensor(proto::TensorType { elem_type: 1, shape: Some(proto::Shape { dim }) }))
}

fn of_type(name: &str, value: proto::TypeValue) -> proto::ValueInfo {
    proto::ValueInfo { name: name.into(), value_type: Some(proto::Type { value: Some(value) }) }
}

pub(super) fn node(op: &str, inputs: &[&str], outputs: &[&str]) -> proto::Node {
    let names = |names: &[&str]| names.iter().map(|n| n.to_string()).collect();
    proto::Node { op_type: op.into(), input: names(inputs), output: names(outputs), ..Default::default() }
}

pub(super) fn floats(name: &str, dims: &[i64], data: &[f32]) -> proto::Tensor {
    proto::Tensor {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: 1,
        float_data: data.to_vec(),
        ..Default::default()
    }
}

/// Graph x + w -> Relu -> y.
fn small() -> proto::Graph {
    proto::Graph {
        name: "small".into(),
        node: vec![node("Add", &["x", "w"], &["sum"]), node("Relu", &["sum"], &["y"])],
        initializer: vec![floats("w", &[2], &[1.0, 2.0])],
        input: vec![value("x", &[1, 2])],
        output: vec![value("y", &[1, 2])],
        ..Default::default()
    }
}

pub(super) fn read(graph: proto::Graph) -> Result<Graph> {
    imported(graph).map(|imported| imported.graph)
}

fn imported(graph: proto::Graph) -> Result<Imported> {
    parse(model(graph).encode_to_vec().into(), Path::new("."))
}

/// Returns the error of the small graph after a change.
fn refused(change: impl FnOnce(&mut proto::Graph)) -> String {
    let mut graph = small();
    change(&mut graph);
    read(graph).expect_err("must be refused").to_string()
}

pub(super) fn constant(graph: &Graph, name: &str) -> Tensor {
    graph.values.iter().find(|v| v.name == name).and_then(|v| v.constant.clone()).expect(name)
}

#[test]
fn a_model_loads_as_it_is() {
    let graph = read(small()).unwrap();
    assert_eq!((graph.opset, graph.nodes.len(), graph.inputs.len(), graph.outputs.len()), (18, 2, 1, 1));
    assert_eq!(graph.value(graph.inputs[0]).shape, Some(vec![1, 2]));
    assert_eq!(constant(&graph, "w"), Tensor::new(&[2], vec![1.0f32, 2.0]).unwrap());
}

#[test]
fn initializers_listed_as_inputs_are_not_fed() {
    let mut graph = small();
    graph.input.push(value("w", &[2]));
    assert_eq!(read(graph).unwrap().inputs.len(), 1);
}

#[test]
fn left_out_inputs_and_outputs_stay_in_place() {
    let mut graph = small();
    graph.node[1] = node("Clip", &["sum", "", "w"], &["y", ""]);
    let graph = read(graph).unwrap();
    assert_eq!(graph.nodes[1].inputs.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(graph.nodes[1].outputs.len(), 2);
    assert_eq!(graph.nodes[1].outputs[1], None);
}

#[test]
fn every_form_of_constant_node_is_a_constant() {
    let attribute = |name: &str| proto::Attribute { name: name.into(), ..Default::default() };
    let cases = [
        (
            proto::Attribute { t: Some(floats("", &[1], &[3.0])), kind: 4, ..attribute("value") },
            Tensor::new(&[1], vec![3f32]),
        ),
        (proto::Attribute { f: Some(3.0), kind: 1, ..attribute("value_float") }, Ok(Tensor::scalar(3f32))),
        (proto::Attribute { i: Some(-3), kind: 2, ..attribute("value_int") }, Ok(Tensor::scalar(-3i64))),
        (
            proto::Attribute { floats: vec![1.0, 2.0], kind: 6, ..attribute("value_floats") },
            Tensor::new(&[2], vec![1f32, 2.0]),
        ),
        (proto::Attribute { ints: vec![1, 2], kind: 7, ..attribute("value_ints") }, Tensor::new(&[2], vec![1i64, 2])),
        // IR version 1 has no kind.
        (proto::Attribute { ints: vec![4], ..attribute("value_ints") }, Tensor::new(&[1], vec![4i64])),
    ];
    for (attribute, expected) in cases {
        let mut graph = small();
        graph.initializer.clear();
        graph.node.insert(0, proto::Node { attribute: vec![attribute], ..node("Constant", &[], &["w"]) });
        assert_eq!(constant(&read(graph).unwrap(), "w"), expected.unwrap());
    }
}

#[test]
fn every_element_type_reads_from_raw_bytes_and_from_fields() {
    let raw = |data_type, bytes: &[u8]| proto::Tensor {
        data_type,
        raw_data: Some(bytes.to_vec().into()),
        ..Default::default()
    };
    let int32 = |data_type, v| proto::Tensor { data_type, int32_data: vec![v], ..Default::default() };
    let uint64 = |data_type, v| proto::Tensor { data_type, uint64_data: vec![v], ..Default::default() };
    let cases: Vec<(Tensor, proto::Tensor, proto::Tensor)> = vec![
        (Tensor::scalar(1.5f32), raw(1, &1.5f32.to_le_bytes()), floats("", &[], &[1.5])),
        (Tensor::scalar(200u8), raw(2, &[200]), int32(2, 200)),
        (Tensor::scalar(-3i8), raw(3, &[253]), int32(3, -3)),
        (Tensor::scalar(60000u16), raw(4, &60000u16.to_le_bytes()), int32(4, 60000)),
        (Tensor::scalar(-300i16), raw(5, &(-300i16).to_le_bytes()), int32(5, -300)),
        (Tensor::scalar(-70000i32), raw(6, &(-70000i32).to_le_bytes()), int32(6, -70000)),
        (
            Tensor::scalar(-1i64),
            raw(7, &[255; 8]),
            proto::Tensor { data_type: 7, int64_data: vec![-1], ..Default::default() },
        ),
        (Tensor::scalar(true), raw(9, &[1]), int32(9, 1)),
        (Tensor::scalar(-2f32), raw(10, &[0, 0xc0]), int32(10, 0xc000)),
        (
            Tensor::scalar(0.1f64),
            raw(11, &0.1f64.to_le_bytes()),
            proto::Tensor { data_type: 11, double_data: vec![0.1], ..Default::default() },
        ),
        (Tensor::scalar(4_000_000_000u32), raw(12, &4_000_000_000u32.to_le_bytes()), uint64(12, 4_000_000_000)),
        (Tensor::scalar(u64::MAX), raw(13, &[255; 8]), uint64(13, u64::MAX)),
        (Tensor::scalar(-3f32), raw(16, &[0x40, 0xc0]), int32(16, 0xc040)),
    ];
    for (expected, raw, fields) in cases {
        for form in [raw, fields] {
            let mut graph = small();
            graph.initializer[0] = proto::Tensor { name: "w".into(), ..form };
            assert_eq!(constant(&read(graph).unwrap(), "w"), expected);
        }
    }
}

#[test]
fn a_symbolic_batch_is_one_and_noted() {
    let mut graph = small();
    let proto::Type { value: Some(proto::TypeValue::Tensor(tensor)) } = graph.input[0].value_type.as_mut().unwrap()
    else {
        unreachable!()
    };
    tensor.shape.as_mut().unwrap().dim[0].value = Some(proto::DimensionValue::Param("N".into()));
    let graph = read(graph).unwrap();
    assert_eq!(graph.value(graph.inputs[0]).shape, Some(vec![1, 2]));
    assert_eq!(sentences(&graph.notes), ["the batch of input 'x', dimension 0 ('N'), is not fixed: set to 1"]);
}

#[test]
fn other_free_dimensions_are_fixed_before_the_model_is_simplified() {
    let mut graph = small();
    graph.input[0] = value("x", &[1, -1]);
    let mut free = imported(graph).unwrap();
    assert_eq!(free.graph.value(free.graph.inputs[0]).shape, None);
    let error = simplify(free.clone()).unwrap_err();
    assert_eq!(error.what(), "dimension 1 of input 'x' is not fixed");
    free.fix(&[("x".to_string(), vec![1, 2])].into(), "the samples").unwrap();
    assert!(simplify(free).is_ok());
}

#[test]
fn hostile_graphs_are_refused_by_name() {
    let cases: [(&str, String); 16] = [
        ("dimension 1 of input 'x' is 0", refused(|g| g.input[0] = value("x", &[1, 0]))),
        ("input 'x': shape [1, -7] has a negative", refused(|g| g.input[0] = value("x", &[1, -7]))),
        ("more elements than memory can hold", refused(|g| g.input[0] = value("x", &[1, i64::MAX, 9]))),
        (
            "input 'x' is a sequence",
            refused(|g| g.input[0] = of_type("x", proto::TypeValue::Sequence(proto::Unread {}))),
        ),
        (
            "input 'x' is sparse",
            refused(|g| g.input[0] = of_type("x", proto::TypeValue::SparseTensor(proto::Unread {}))),
        ),
        ("input 'x' is of no type", refused(|g| g.input[0].value_type = None)),
        ("tensor 'x' is defined twice", refused(|g| g.input.push(value("x", &[1, 2])))),
        ("tensor 'sum' is defined twice", refused(|g| g.node[1].output = vec!["sum".into()])),
        (
            "layer (unnamed Relu that makes 'y'): input 'gone' has no producer",
            refused(|g| g.node[1].input = vec!["gone".into()]),
        ),
        ("output 'z' of the model has no producer", refused(|g| g.output[0].name = "z".into())),
        ("the model has no outputs", refused(|g| g.output.clear())),
        (
            "layer (unnamed Add that makes 'sum'): the graph has a cycle",
            refused(|g| g.node[0].input = vec!["sum".into(), "w".into()]),
        ),
        (
            "tensor 'w': 2 elements of data, but shape [2147483647] needs 2147483647",
            refused(|g| g.initializer[0].dims = vec![i64::from(i32::MAX)]),
        ),
        ("tensor 'w': strings are not supported", refused(|g| g.initializer[0].data_type = 8)),
        ("tensor 'w': element type 99 is unknown", refused(|g| g.initializer[0].data_type = 99)),
        (
            "initializer 'w' is sparse",
            refused(|g| {
                let values = g.initializer.pop();
                g.sparse_initializer.push(proto::SparseTensor { values });
            }),
        ),
    ];
    for (expected, error) in cases {
        assert!(error.contains(expected), "wanted {expected:?}, got {error:?}");
    }
}

#[test]
fn operator_sets_outside_7_to_25_are_refused() {
    for version in [6, 26] {
        let mut model = model(small());
        model.opset_import[0].version = version;
        let error = parse(model.encode_to_vec().into(), Path::new(".")).unwrap_err();
        assert!(error.what().contains(&format!("operator set {version}")) && error.help().is_some());
    }
}

#[test]
fn nodes_of_one_name_are_told_apart() {
    let mut graph = small();
    graph.node.iter_mut().for_each(|node| node.name = "same".into());
    let graph = read(graph).unwrap();
    assert_eq!(graph.nodes.iter().map(|n| n.name.as_str()).collect::<Vec<_>>(), ["same", "same_1"]);
    let note = "2 layers of the file are called 'same': the second is called 'same_1', in the file's order";
    assert_eq!(sentences(&graph.notes), [note]);
}

#[test]
fn the_later_of_two_initializers_counts() {
    let mut graph = small();
    graph.initializer.push(floats("w", &[2], &[1.0, 2.0]));
    assert!(read(graph.clone()).unwrap().notes.is_empty());
    graph.initializer.push(floats("w", &[], &[5.0]));
    let graph = read(graph).unwrap();
    assert_eq!(constant(&graph, "w"), Tensor::scalar(5f32));
    assert_eq!(sentences(&graph.notes), ["two initializers are called 'w': the later one is taken"]);
}

#[test]
fn files_that_are_no_models_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let cases = [
        (&b""[..], "empty"),
        (b"\x89PNG\r\n\x1a\n", "not an ONNX model"),
        (b"EDL2 and more bytes", "an ESP-DL file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer"),
        (b"\n<!DOCTYPE html><html>", "a web page"),
    ];
    for (bytes, expected) in cases {
        std::fs::write(&path, bytes).unwrap();
        let error = model::load(&path).unwrap_err();
        assert!(error.what().contains(expected) && error.file() == Some(&path), "{error}");
    }
    assert!(model::load(folder.path()).unwrap_err().what().contains("folder"));
    assert!(model::load(&folder.path().join("none.onnx")).unwrap_err().what().contains("cannot be read"));
}

/// Makes the small model with `w` in another file.
fn with_external(location: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let mut graph = small();
    let pair = |key: &str, value: &str| proto::StringPair { key: key.into(), value: value.into() };
    let mut external_data = vec![pair("location", location)];
    external_data.extend(more.iter().map(|(key, value)| pair(key, value)));
    graph.initializer[0] =
        proto::Tensor { external_data, data_location: 1, float_data: vec![], ..graph.initializer[0].clone() };
    model(graph).encode_to_vec()
}

#[test]
fn external_data_is_read_from_the_models_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    let bytes: Vec<u8> = [0f32, 5.0, 6.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    std::fs::write(folder.path().join("data/w.bin"), bytes).unwrap();
    std::fs::write(folder.path().join("m.onnx"), with_external("data/w.bin", &[("offset", "4"), ("length", "8")]))
        .unwrap();
    let graph = model::load(&folder.path().join("m.onnx")).unwrap().graph;
    assert_eq!(constant(&graph, "w"), Tensor::new(&[2], vec![5f32, 6.0]).unwrap());
}

#[test]
fn external_data_stays_inside_the_models_folder() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), [0; 64]).unwrap();
    let folder = tempfile::tempdir_in(outside.path()).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(outside.path().join("secret"), folder.path().join("link")).unwrap();
    let absolute = outside.path().join("secret").display().to_string();
    for location in ["../secret", "a/../../secret", &absolute, "link", "", "C:\\secret", "..\\secret"] {
        let error = parse(with_external(location, &[]).into(), folder.path()).unwrap_err();
        let expected = if location == "link" { "is a link out of" } else { "outside the model's folder" };
        assert!(error.what().contains(expected) || cfg!(not(unix)), "{location}: {error}");
    }
}

#[test]
fn external_data_that_is_short_or_lies_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("w"), [0; 8]).unwrap();
    let cases = [
        (&[("offset", "4")][..], "the file has 8"),
        (&[("offset", "18446744073709551615")], "the file has 8"),
        (&[("offset", "-1")], "not a number"),
        (&[("length", "9000000000")], "has 9000000000 bytes"),
    ];
    for (more, expected) in cases {
        let error = parse(with_external("w", more).into(), folder.path()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert!(parse(with_external("none", &[]).into(), folder.path()).unwrap_err().what().contains("cannot be opened"));
}

/// Model with an input for most rewrites.
fn varied() -> proto::Graph {
    let ints = |name: &str, data: &[i64]| proto::Tensor {
        name: name.into(),
        dims: vec![data.len() as i64],
        data_type: 7,
        int64_data: data.to_vec(),
        ..Default::default()
    };
    let channels = ["gamma", "beta", "mean", "variance", "factor"].map(|name| floats(name, &[2], &[1.0, 2.0]));
    let mut initializer = channels.to_vec();
    initializer.extend([
        floats("w", &[2, 1, 1, 1], &[1.0, 2.0]),
        floats("m", &[8, 2], &[0.5; 16]),
        ints("pads", &[0, 0, 0, 1, 0, 0, 0, 1]),
        ints("one", &[1]),
        ints("three", &[3]),
        ints("flat", &[1, -1]),
    ]);
    proto::Graph {
        name: "varied".into(),
        node: vec![
            node("Pad", &["x", "pads"], &["a"]),
            node("Conv", &["a", "w"], &["b"]),
            node("BatchNormalization", &["b", "gamma", "beta", "mean", "variance"], &["c"]),
            node("Sigmoid", &["c"], &["d"]),
            node("Mul", &["c", "d"], &["e"]),
            node("Slice", &["e", "one", "three", "three"], &["f"]),
            node("Reshape", &["f", "flat"], &["g"]),
            node("MatMul", &["g", "m"], &["h"]),
            node("Add", &["h", "factor"], &["i"]),
            node("BatchNormalization", &["i", "gamma", "beta", "mean", "variance"], &["y"]),
        ],
        initializer,
        input: vec![value("x", &[1, 1, 2, 2])],
        output: vec![value("y", &[1, 2])],
        ..Default::default()
    }
}

#[test]
fn the_varied_model_is_simplified() {
    let ops: Vec<String> =
        simplify(imported(varied()).unwrap()).unwrap().graph.nodes.into_iter().map(|n| n.op).collect();
    assert_eq!(ops, ["Conv", "Swish", "Slice", "Reshape", "Gemm"]);
}

/// Loads and simplifies a damaged model, which must succeed or be refused.
fn digest(bytes: Vec<u8>) {
    if let Ok(imported) = parse(bytes.into(), Path::new(".")) {
        let _ = simplify(imported);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        digest(bytes);
    }

    #[test]
    fn damaged_models_never_panic(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = model(varied()).encode_to_vec();
        let len = bytes.len();
        for (at, byte) in damage {
            bytes[at.index(len)] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(len));
        }
        digest(bytes);
    }

    #[test]
    fn models_with_other_shapes_and_wires_never_panic(
        dims in proptest::collection::vec(-2i64..40, 0..6),
        tensor in any::<prop::sample::Index>(),
        wire in any::<(prop::sample::Index, prop::sample::Index)>(),
        op in prop::sample::select(vec!["Gemm", "Concat", "Transpose", "Squeeze", "Unsqueeze", "MaxPool", "LSTM", "Split", "Gather", "Resize"]),
        replace in any::<prop::sample::Index>(),
        constant in any::<bool>(),
    ) {
        let mut graph = varied();
        if constant {
            let tensor = tensor.get(&graph.initializer).clone();
            let count = dims.iter().map(|&d| d.max(0) as usize).product::<usize>().min(1 << 16);
            let data = vec![1.0; count];
            let at = graph.initializer.iter().position(|t| t.name == tensor.name).unwrap();
            graph.initializer[at] = floats(&tensor.name, &dims, &data);
        } else {
            graph.input[0] = value("x", &dims);
        }
        let names: Vec<String> = graph.initializer.iter().map(|t| t.name.clone()).collect();
        let at = wire.0.index(graph.node.len());
        if let Some(input) = graph.node[at].input.last_mut() {
            *input = wire.1.get(&names).clone();
        }
        let at = replace.index(graph.node.len());
        graph.node[at].op_type = op.into();
        digest(model(graph).encode_to_vec());
    }
}
