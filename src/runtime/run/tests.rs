//! Tests against test values that esp-ppq 1.3.12 wrote (`fixtures/espdl/files.py`), and tests of small nodes.

use crate::chip::Target;
use crate::espdl::{Attribute, DataType, Dim, Graph, Model, Node, Tensor, ValueInfo, read};

use super::{Made, Program, run};

#[track_caller]
fn reference(bytes: &[u8], target: Target) {
    let model = read(bytes).unwrap();
    let outputs = run(&model, target, &model.graph.test_inputs).unwrap();
    assert_eq!(outputs.len(), model.graph.test_outputs.len());
    for (output, wanted) in outputs.iter().zip(&model.graph.test_outputs) {
        assert_eq!((&output.bytes, &output.exponents), (&wanted.bytes, &wanted.exponents), "{}", wanted.name);
    }
}

#[test]
fn esp_ppqs_test_values_are_equal_on_all_families() {
    reference(include_bytes!("../../../fixtures/espdl/esp32p4-int8.espdl"), Target::Esp32p4);
    reference(include_bytes!("../../../fixtures/espdl/c-int8.espdl"), Target::Esp32c3);
    reference(include_bytes!("../../../fixtures/espdl/esp32s3-int16.espdl"), Target::Esp32s3);
}

pub(super) fn info(name: &str, dims: &[i64], exponent: i64) -> ValueInfo {
    ValueInfo {
        name: name.into(),
        data_type: DataType::Int8,
        dims: Some(dims.iter().map(|&d| Dim::Size(d)).collect()),
        exponents: vec![exponent],
        ..ValueInfo::default()
    }
}

pub(super) fn int8(name: &str, dims: &[usize], exponent: i64, values: &[i8]) -> Tensor {
    Tensor {
        name: name.into(),
        data_type: DataType::Int8,
        dims: dims.to_vec(),
        exponents: vec![exponent],
        bytes: values.iter().map(|&v| v as u8).collect(),
        ..Tensor::default()
    }
}

/// Model with one node from `x` to `y`.
pub(super) fn model(
    op: &str,
    x: ValueInfo,
    y: ValueInfo,
    weights: &[Tensor],
    attributes: &[(&str, Attribute)],
) -> Model {
    let mut inputs = vec![x.name.clone()];
    inputs.extend(weights.iter().map(|w| w.name.clone()));
    let quant_type = ("quant_type".to_string(), Attribute::Text(b"S8".to_vec()));
    let node = Node {
        name: "n".into(),
        op: op.into(),
        inputs,
        outputs: vec![y.name.clone()],
        attributes: attributes.iter().map(|(n, a)| (n.to_string(), a.clone())).chain([quant_type]).collect(),
        ..Node::default()
    };
    let graph = Graph {
        nodes: vec![node],
        initializers: weights.to_vec(),
        inputs: vec![x.clone()],
        outputs: vec![y.clone()],
        values: vec![x, y],
        ..Graph::default()
    };
    Model { graph, ..Model::default() }
}

pub(super) fn outcome(model: &Model, target: Target, input: Tensor) -> Vec<i8> {
    run(model, target, &[input]).unwrap().remove(0).bytes.iter().map(|&b| b as i8).collect()
}

#[test]
fn the_s3_saturates_at_20_bits_on_the_way() {
    // The sum of 40 products of 127 * 127 exceeds 2^19 - 1; 40 of the opposite sign are then subtracted from the
    // saturated sum.
    let inputs: Vec<i8> = (0..80).map(|i| if i < 40 { 127 } else { -127 }).collect();
    let weight = int8("w", &[1, 1, 80, 16], 0, &[127; 80 * 16]);
    let net = model("Gemm", info("x", &[1, 80], 0), info("y", &[1, 16], 12), &[weight], &[]);
    let input = int8("x", &[1, 80], 0, &inputs);
    assert_eq!(outcome(&net, Target::Esp32p4, input.clone()), [0; 16]);
    // Expected: (524287 - 40 * 16129) / 4096 = -29.51.
    assert_eq!(outcome(&net, Target::Esp32s3, input), [-30; 16]);
}

#[test]
fn an_average_is_rounded_by_the_chip() {
    let net = model("GlobalAveragePool", info("x", &[1, 2, 1, 2], 0), info("y", &[1, 1, 1, 2], 0), &[], &[]);
    let input = int8("x", &[1, 2, 1, 2], 0, &[0, 1, 1, 2]);
    assert_eq!(outcome(&net, Target::Esp32p4, input.clone()), [0, 2]);
    assert_eq!(outcome(&net, Target::Esp32c3, input), [1, 2]);
}

#[test]
fn add_saturates() {
    let other = int8("b", &[2], 0, &[100, -100]);
    let net = model("Add", info("x", &[2], 0), info("y", &[2], 0), &[other], &[]);
    assert_eq!(outcome(&net, Target::C, int8("x", &[2], 0, &[100, -100])), [127, -128]);
}

#[test]
fn an_error_names_its_node() {
    let net = model("Erf", info("x", &[2], 0), info("y", &[2], 0), &[], &[]);
    let error = run(&net, Target::C, &[int8("x", &[2], 0, &[1, 2])]).unwrap_err();
    assert_eq!(error.layer(), Some("n"));
    assert_eq!(error.what(), "the interpreter does not support Erf with quant_type S8");
    let net = model("Relu", info("x", &[2], 0), info("y", &[2], 0), &[], &[]);
    let error = run(&net, Target::C, &[int8("x", &[3], 0, &[1, 2, 3])]).unwrap_err();
    assert_eq!(error.what(), "input x has shape [3], but the model expects [2]");
}

#[test]
fn every_value_can_be_watched() {
    let model = read(include_bytes!("../../../fixtures/espdl/c-int8.espdl")).unwrap();
    let program = Program::new(&model, Target::C).unwrap();
    let mut seen = Vec::new();
    let mut see = |made: Made| {
        assert_eq!(made.tensor().name, made.name);
        seen.push((made.node.to_string(), made.name.to_string()));
        Ok(())
    };
    let outputs = program.watch(&model.graph.test_inputs, &mut see).unwrap();
    let made = |n: &Node| n.outputs.iter().map(|o| (n.name.clone(), o.clone())).collect::<Vec<_>>();
    assert_eq!(seen, model.graph.nodes.iter().flat_map(made).collect::<Vec<_>>());
    assert_eq!(outputs, program.run(&model.graph.test_inputs).unwrap());
}

pub(super) fn int64(name: &str, values: &[i64]) -> Tensor {
    Tensor {
        name: name.into(),
        data_type: DataType::Int64,
        dims: vec![values.len()],
        exponents: vec![0],
        bytes: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ..Tensor::default()
    }
}

#[test]
fn pads_repeat_reflect_or_fill() {
    let padded = |mode: &str| {
        let mode = ("mode", Attribute::Text(mode.into()));
        let pads = int64("pads", &[0, 2, 0, 1]);
        let net = model("Pad", info("x", &[1, 3], 0), info("y", &[1, 6], 0), &[pads], &[mode]);
        outcome(&net, Target::C, int8("x", &[1, 3], 0, &[1, 2, 3]))
    };
    assert_eq!(padded("constant"), [0, 0, 1, 2, 3, 0]);
    assert_eq!(padded("edge"), [1, 1, 1, 2, 3, 3]);
    assert_eq!(padded("reflect"), [3, 2, 1, 2, 3, 2]);
}

#[test]
fn zeros_are_inserted_between_and_after_elements() {
    let attributes = [("stride", Attribute::Ints(vec![2])), ("output_padding", Attribute::Ints(vec![1]))];
    let net = model("InsertZeros", info("x", &[1, 2, 2], 0), info("y", &[1, 4, 2], 0), &[], &attributes);
    let made = outcome(&net, Target::C, int8("x", &[1, 2, 2], 0, &[1, 2, 3, 4]));
    assert_eq!(made, [1, 2, 0, 0, 3, 4, 0, 0]);
}

#[test]
fn an_index_from_the_end_is_refused() {
    let net = model("Gather", info("x", &[2], 0), info("y", &[1], 0), &[int64("i", &[-1])], &[]);
    let error = run(&net, Target::C, &[int8("x", &[2], 0, &[1, 2])]).unwrap_err();
    assert_eq!(error.what(), "index -1 is outside the 2 elements of axis 0");
}
