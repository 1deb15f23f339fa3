//! Tests against esp-ppq's exports of small graphs (`fixtures/espdl/graphs.py`).

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::*;
use crate::chip::Family;
use crate::espdl::{Attribute, DataType, Tensor};
use crate::graph::{NodeId, ValueId};
use crate::quant::Port;

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    before: Recorded,
    after: Recorded,
}

#[derive(Debug, Deserialize)]
struct Recorded {
    inputs: Vec<String>,
    outputs: Vec<String>,
    nodes: Vec<RecordedNode>,
    values: BTreeMap<String, RecordedValue>,
}

#[derive(Debug, Deserialize)]
struct RecordedNode {
    name: String,
    op: String,
    inputs: Vec<String>,
    outputs: Vec<String>,
    attributes: BTreeMap<String, serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct RecordedValue {
    shape: Vec<usize>,
    constant: bool,
    integers: Option<Vec<i64>>,
    perm: Option<Vec<usize>>,
}

fn constant(recorded: &RecordedValue) -> Tensor {
    let list = recorded.integers.clone().unwrap_or_else(|| vec![0; recorded.shape.iter().product()]);
    Tensor {
        data_type: DataType::Int64,
        dims: recorded.shape.clone(),
        bytes: list.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ..Tensor::default()
    }
}

fn attribute(value: &serde_json::Value) -> Attribute {
    match value.as_i64() {
        Some(one) => Attribute::Int(one),
        None => Attribute::Ints(value.as_array().unwrap().iter().map(|v| v.as_i64().unwrap()).collect()),
    }
}

fn draft(recorded: &Recorded) -> Draft {
    let mut draft = Draft::default();
    let mut ids = HashMap::new();
    for (name, value) in recorded.values.iter().filter(|(name, _)| !name.is_empty()) {
        ids.insert(name.clone(), ValueId(draft.values.len()));
        draft.values.push(DraftValue {
            name: name.clone(),
            shape: value.shape.clone(),
            data_type: DataType::Float,
            perm: None,
            constant: value.constant.then(|| constant(value)),
            maker: None,
            readers: Vec::new(),
        });
    }
    for (i, node) in recorded.nodes.iter().enumerate() {
        let inputs: Vec<Option<ValueId>> = node.inputs.iter().map(|n| ids.get(n).copied()).collect();
        let outputs: Vec<ValueId> = node.outputs.iter().map(|n| ids[n]).collect();
        inputs.iter().flatten().for_each(|v| draft.values[v.0].readers.push(NodeId(i)));
        outputs.iter().for_each(|v| draft.values[v.0].maker = Some(NodeId(i)));
        draft.nodes.push(Some(DraftNode {
            name: node.name.clone(),
            op: node.op.clone(),
            attributes: node.attributes.iter().map(|(k, v)| (k.clone(), attribute(v))).collect(),
            inputs,
            outputs,
            ports: Default::default(),
            doubled: false,
            config: None,
        }));
    }
    draft.inputs = recorded.inputs.iter().map(|n| ids[n]).collect();
    draft.outputs = recorded.outputs.iter().map(|n| ids[n]).collect();
    draft
}

fn laid_out(case: &Case) -> Draft {
    let mut draft = draft(&case.before);
    lay_out(&mut draft).unwrap();
    draft
}

fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/espdl/graphs.json"));
    serde_json::from_str(&text.unwrap()).unwrap()
}

/// Generated names, numbered by their order.
#[derive(Default)]
struct Names(Vec<String>);

impl Names {
    fn of(&mut self, name: &str) -> String {
        if !name.starts_with("PPQ_") {
            return name.to_string();
        }
        let known = self.0.iter().position(|n| n == name);
        let at = known.unwrap_or_else(|| {
            self.0.push(name.to_string());
            self.0.len() - 1
        });
        format!("made up {at}")
    }
}

/// Formats nodes as `op name {attributes} inputs -> outputs`, each value with its order of axes, constants with their
/// integers.
fn found(draft: &Draft) -> Vec<String> {
    let mut names = Names::default();
    let mut lines = Vec::new();
    for id in draft.order() {
        let node = draft.node(id).unwrap();
        let mut shown = |value: ValueId| {
            let value = draft.value(value);
            let integers = value.integers().filter(|_| value.constant.as_ref().is_some_and(|t| t.dims.len() == 1));
            match (&value.constant, integers) {
                (Some(_), Some(list)) => format!("{} {list:?}", names.of(&value.name)),
                (Some(_), None) => names.of(&value.name),
                _ => format!("{} {:?}", names.of(&value.name), value.perm.as_deref().unwrap_or_default()),
            }
        };
        let inputs: Vec<String> = node.inputs.iter().flatten().map(|&v| shown(v)).collect();
        let outputs: Vec<String> = node.outputs.iter().map(|&v| shown(v)).collect();
        let attributes: BTreeMap<&String, &Attribute> = node.attributes.iter().map(|(k, v)| (k, v)).collect();
        lines.push(format!("{} {attributes:?} {inputs:?} -> {outputs:?}", node.op));
    }
    lines
}

fn expected(case: &Case) -> Vec<String> {
    let mut wanted = draft(&case.after);
    for value in &mut wanted.values {
        value.perm = case.after.values[&value.name].perm.clone();
    }
    found(&wanted)
}

#[test]
fn axes_and_transposes_are_esp_ppqs() {
    let cases = cases();
    assert_eq!(cases.len(), 19);
    for case in cases {
        assert_eq!(found(&laid_out(&case)), expected(&case), "{}", case.name);
    }
}

/// Draft of a convolution's output p [1, 2, 2, 2], and p + k.
fn sum_with(dims: &[usize]) -> Draft {
    let count = dims.iter().product::<usize>();
    let k = Tensor {
        data_type: DataType::Int8,
        dims: dims.to_vec(),
        bytes: (0..count as u8).collect(),
        ..Tensor::default()
    };
    let value = |name: &str, shape: &[usize], constant, maker, readers: &[usize]| DraftValue {
        name: name.into(),
        shape: shape.to_vec(),
        data_type: DataType::Float,
        perm: None,
        constant,
        maker,
        readers: readers.iter().map(|&i| NodeId(i)).collect(),
    };
    let node = |op: &str, inputs: &[usize], output| {
        Some(DraftNode {
            name: op.into(),
            op: op.into(),
            attributes: Vec::new(),
            inputs: inputs.iter().map(|&i| Some(ValueId(i))).collect(),
            outputs: vec![ValueId(output)],
            ports: Default::default(),
            doubled: false,
            config: None,
        })
    };
    Draft {
        nodes: vec![node("Conv", &[0], 1), node("Add", &[1, 2], 3)],
        values: vec![
            value("x", &[1, 2, 2, 2], None, None, &[0]),
            value("p", &[1, 2, 2, 2], None, Some(NodeId(0)), &[1]),
            value("k", dims, Some(k), None, &[1]),
            value("y", &[1, 2, 2, 2], None, Some(NodeId(1)), &[]),
        ],
        inputs: vec![ValueId(0)],
        outputs: vec![ValueId(3)],
        observed: std::collections::HashMap::new(),
        made: (0, 0),
        replaced: Vec::new(),
        differences: Vec::new(),
    }
}

#[test]
fn constants_turn_with_the_value_that_they_meet() {
    let turned = |dims: &[usize]| {
        let mut draft = sum_with(dims);
        lay_out(&mut draft).unwrap();
        let constant = draft.values[2].constant.clone().unwrap();
        (constant.dims, constant.bytes)
    };
    assert_eq!(turned(&[2, 1, 1]), (vec![1, 1, 1, 2], vec![0, 1]));
    assert_eq!(turned(&[1, 2, 2, 2]), (vec![1, 2, 2, 2], vec![0, 4, 1, 5, 2, 6, 3, 7]));
    assert_eq!(turned(&[2]), (vec![1, 1, 2, 1], vec![0, 1]));
    assert_eq!(turned(&[1]), (vec![1], vec![0]));
}

/// Draft p -> Relu -> y after the convolution of [`sum_with`].
fn with_relu(conv_bits: u32, relu_bits: u32) -> Draft {
    let mut draft = sum_with(&[1]);
    let port = |bits, exponent| Some(Port { bits, exponents: vec![exponent] });
    let relu = draft.nodes[1].as_mut().unwrap();
    (relu.op, relu.inputs) = ("Relu".into(), vec![Some(ValueId(1))]);
    relu.ports = (vec![port(relu_bits, -4)], vec![port(relu_bits, -5)]);
    draft.nodes[0].as_mut().unwrap().ports.1 = vec![port(conv_bits, -4)];
    draft
}

#[test]
fn relu_becomes_the_activation_and_its_output_the_layers() {
    let mut draft = with_relu(8, 8);
    fuse_relu(&mut draft);
    let conv = draft.nodes[0].clone().unwrap();
    assert_eq!((conv.name.as_str(), conv.text("activation")), ("Conv", Some("Relu")));
    assert_eq!((conv.outputs, conv.ports.1), (vec![ValueId(3)], vec![Some(Port { bits: 8, exponents: vec![-5] })]));
    assert_eq!(draft.nodes[1], None);
}

#[test]
fn relu_stays_where_widths_differ_or_the_sum_is_an_output() {
    let mut draft = with_relu(16, 8);
    fuse_relu(&mut draft);
    assert_eq!(draft.nodes[0].as_ref().unwrap().text("activation"), Some("Linear"));
    assert!(draft.nodes[1].is_some());
    let mut draft = with_relu(8, 8);
    draft.outputs.push(ValueId(1));
    fuse_relu(&mut draft);
    assert!(draft.nodes[1].is_some());
}

/// Draft whose only node is `op` with the weight k of `dims`, 0, 1, 2, ...
fn with_weight(op: &str, dims: &[usize], attributes: &[(&str, i64)]) -> Draft {
    let mut draft = sum_with(dims);
    draft.nodes[0] = None;
    let node = draft.nodes[1].as_mut().unwrap();
    node.op = op.into();
    node.set("quant_type", Attribute::Text(b"S8".to_vec()));
    attributes.iter().for_each(|(name, value)| node.set(name, Attribute::Int(*value)));
    draft.values[1].maker = None;
    draft
}

fn packed(mut draft: Draft, family: Family) -> (Vec<usize>, Vec<u8>, String) {
    pack_weights(&mut draft, family).unwrap();
    let weight = draft.values[2].constant.clone().unwrap();
    (weight.dims, weight.bytes, weight.doc)
}

#[test]
fn weights_of_every_kind_are_packed() {
    let plain =
        |dims: &[usize], bytes: &[u8], layout: &str| (dims.to_vec(), bytes.to_vec(), format!("layout ==> {layout}"));
    let gemm = with_weight("Gemm", &[2, 3], &[("transB", 1)]);
    assert_eq!(packed(gemm, Family::C), plain(&[1, 1, 3, 2], &[0, 1, 2, 3, 4, 5], "NHWC"));
    let gemm = with_weight("Gemm", &[2, 3], &[("transB", 0)]);
    assert_eq!(packed(gemm, Family::C), plain(&[1, 1, 2, 3], &[0, 3, 1, 4, 2, 5], "NHWC"));
    let deep = with_weight("Conv", &[3, 1, 1, 2], &[("group", 3)]);
    assert_eq!(packed(deep, Family::C), plain(&[1, 2, 3, 1], &[0, 2, 4, 1, 3, 5], "HWCN"));
    let matmul = with_weight("MatMul", &[1, 2, 2], &[]);
    assert_eq!(packed(matmul, Family::P4), plain(&[1, 2, 2], &[0, 2, 1, 3], "(N/16)HWC16_UNALIGNED"));
}

#[test]
fn gemm_with_factors_is_refused() {
    let mut draft = with_weight("Gemm", &[2, 3], &[]);
    draft.nodes[1].as_mut().unwrap().set("alpha", Attribute::Float(0.5));
    let error = pack_weights(&mut draft, Family::P4).unwrap_err();
    assert_eq!((error.layer(), error.what()), (Some("Add"), "Gemm with alpha 0.5 is not supported, only 1 is"));
}

/// Exports two nodes: the first makes p at `given`, the second reads it at `wanted`; inputs and outputs of the graph
/// are int8.
fn meeting(given: Option<(u32, i64)>, wanted: Option<(u32, i64)>) -> Vec<String> {
    let port = |p: Option<(u32, i64)>| p.map(|(bits, e)| Port { bits, exponents: vec![e] });
    let mut draft = sum_with(&[1]);
    draft.nodes[0].as_mut().unwrap().ports = (vec![port(Some((8, -1)))], vec![port(given)]);
    draft.nodes[1].as_mut().unwrap().ports = (vec![port(wanted), None], vec![port(wanted)]);
    lay_out(&mut draft).unwrap();
    insert_boundaries(&mut draft);
    let nodes = draft.order().into_iter().map(|id| draft.node(id).unwrap().clone());
    let inserted = nodes.filter(|n| !["Conv", "Add"].contains(&n.op.as_str()));
    inserted
        .map(|n| {
            let scale = draft.value(n.inputs[1].unwrap()).constant.clone().unwrap().values().unwrap();
            let perm = draft.value(n.outputs[0]).perm.clone().unwrap();
            format!("{} {scale:?} {perm:?}", n.op)
        })
        .collect()
}

#[test]
fn nodes_stand_where_integers_begin_change_and_end() {
    let (int8, finer, int16) = (Some((8, -4)), Some((8, -5)), Some((16, -4)));
    assert_eq!(meeting(int8, int8), [""; 0]);
    assert_eq!(meeting(None, None), [""; 0]);
    assert_eq!(meeting(None, int8), ["QuantizeLinear [0.0625] [0, 2, 3, 1]"]);
    assert_eq!(meeting(int8, None), ["DequantizeLinear [0.0625] [0, 2, 3, 1]"]);
    assert_eq!(meeting(int8, finer), ["RequantizeLinear [0.5] [0, 2, 3, 1]"]);
    assert_eq!(meeting(int8, int16), ["RequantizeLinear [1.0] [0, 2, 3, 1]"]);
    assert_eq!(meeting(Some((16, -20)), Some((16, -19))), ["RequantizeLinear [2.0] [0, 2, 3, 1]"]);
}

#[test]
fn an_operator_that_esp_dl_lacks_is_named() {
    let mut draft = sum_with(&[1]);
    draft.nodes[1].as_mut().unwrap().op = "GridSample".into();
    let error = lay_out(&mut draft).unwrap_err();
    assert_eq!(error.layer(), Some("Add"));
    assert!(error.what().starts_with("ESP-DL does not support the operator GridSample"));
}

#[test]
fn a_value_read_twice_is_turned_for_both() {
    let mut draft = sum_with(&[1]);
    draft.nodes[1] =
        Some(DraftNode { op: "Max".into(), inputs: vec![Some(ValueId(1)); 2], ..draft.nodes[1].clone().unwrap() });
    draft.values[1].readers = vec![NodeId(1); 2];
    lay_out(&mut draft).unwrap();
    let made: Vec<ValueId> = draft.nodes[1].as_ref().unwrap().inputs.iter().flatten().copied().collect();
    assert!(made.iter().all(|&v| draft.value(v).stored_shape() == [1, 2, 2, 2] && draft.value(v).maker.is_some()));
    assert_eq!(draft.order().len(), 4);
}

#[test]
fn shapes_follow_every_transpose() {
    for case in cases() {
        let draft = laid_out(&case);
        for node in draft.nodes.iter().flatten().filter(|n| n.op == "Transpose") {
            let input = draft.value(node.inputs[0].unwrap()).stored_shape();
            let output = draft.value(node.outputs[0]).stored_shape();
            assert_eq!(
                output,
                node.perm().iter().map(|&i| input[i]).collect::<Vec<_>>(),
                "{}: {}",
                case.name,
                node.name
            );
        }
    }
}

#[test]
fn outputs_keep_their_names() {
    for case in cases() {
        let draft = laid_out(&case);
        let names: Vec<&str> = draft.outputs.iter().map(|&v| draft.value(v).name.as_str()).collect();
        assert_eq!(names, case.before.outputs, "{}", case.name);
    }
}
