use super::*;
use crate::chip::Target;
use crate::engine::inspect::summarize;
use crate::espdl::{Attribute, DataType, Dim, Graph, Model, Node, Tensor, ValueInfo, diff::diff, open, write};
use crate::render::terminal::Terminal;

const PIPE: Terminal = Terminal { width: None, color: false };

fn info(name: &str, dims: &[i64], exponent: i64) -> ValueInfo {
    ValueInfo {
        name: name.into(),
        doc: String::new(),
        data_type: DataType::Int8,
        dims: Some(dims.iter().map(|&d| Dim::Size(d)).collect()),
        exponents: vec![exponent],
    }
}

fn tensor(name: &str, data_type: DataType, dims: &[usize], exponents: &[i64], layout: &str) -> Tensor {
    let mut tensor = Tensor {
        name: name.into(),
        doc: format!("layout ==> {layout}"),
        data_type,
        dims: dims.to_vec(),
        exponents: exponents.to_vec(),
        bytes: Vec::new(),
    };
    tensor.bytes = (0..tensor.byte_count().unwrap()).map(|i| i as u8).collect();
    tensor
}

/// Dense layer for the P4, with ReLU and per-channel exponents.
fn dense() -> Model {
    let node = Node {
        name: "/fc/Gemm".into(),
        op: "Gemm".into(),
        inputs: vec!["x".into(), "fc.weight".into(), "fc.bias".into()],
        outputs: vec!["y".into()],
        attributes: vec![
            ("activation".into(), Attribute::Text(b"Relu".to_vec())),
            ("quant_type".into(), Attribute::Text(b"S8".to_vec())),
        ],
        ..Node::default()
    };
    let exponents: Vec<i64> = (0..16).map(|i| -9 + i % 3).collect();
    let graph = Graph {
        name: "g".into(),
        initializers: vec![
            tensor("fc.weight", DataType::Int8, &[1, 1, 4, 16], &exponents, "(N/16)HWC16"),
            tensor("fc.bias", DataType::Int32, &[16], &exponents, "UNK"),
        ],
        inputs: vec![info("x", &[1, 4], -6)],
        outputs: vec![info("y", &[1, 16], -3)],
        values: vec![info("x", &[1, 4], -6), info("y", &[1, 16], -3)],
        test_inputs: vec![tensor("x", DataType::Int8, &[1, 4], &[-6], "UNK")],
        nodes: vec![node],
        ..Graph::default()
    };
    let metadata = vec![("target".into(), "esp32p4".into())];
    Model { ir_version: 8, producer: "espq".into(), metadata, graph, ..Model::default() }
}

fn shown(model: &Model, target: Option<Target>, reasons: bool, out: &Terminal) -> String {
    let file = open(&write(model).unwrap(), None).unwrap();
    text("dense.espdl", &summarize(&file, target), Details { reasons, cost: false }, out)
}

#[test]
fn a_file_in_a_pipe() {
    insta::assert_snapshot!(shown(&dense(), None, false, &PIPE));
}

#[test]
fn every_reason_against_one_chip() {
    let all = shown(&dense(), Some(Target::Esp32c3), true, &PIPE);
    insta::assert_snapshot!(all.split_once("Compatible with").unwrap().1);
}

#[test]
fn a_narrow_terminal_cuts_lines() {
    let out = Terminal { width: Some(50), color: false };
    let text = shown(&dense(), None, false, &out);
    let weights = text.split_once("Weights\n").unwrap().1.split_once("\n\n").unwrap().0;
    assert_eq!(weights.lines().map(width).collect::<Vec<_>>(), [50, 50, 50], "{weights}");
}

#[test]
fn differences_are_shown_side_by_side() {
    let mut other = dense();
    other.graph.initializers[0].bytes[0] = 9;
    other.graph.outputs[0].exponents = vec![-2];
    insta::assert_snapshot!(differences(&diff(&dense(), &other), &PIPE));
    assert_eq!(differences(&[], &PIPE), "no difference in what the chip reads\n");
}

#[test]
fn names_cannot_move_the_cursor() {
    let mut model = dense();
    model.graph.nodes[0].name = "\u{1b}[2Jgone\u{9b}1A".into();
    let text = shown(&model, Some(Target::C), true, &PIPE);
    assert!(text.contains("\u{fffd}[2Jgone") && text.chars().all(|c| c == '\n' || !c.is_control()));
}

#[test]
fn numbers_keep_four_digits() {
    let shown =
        [0.0, -1.0, 0.9921875, 127.99609375, 15.875, 0.00390625, 1e-9, 32767.0, 123456.0].map(|v| number(v, DIGITS));
    assert_eq!(shown, ["0", "-1", "0.9922", "128", "15.88", "0.003906", "1.000e-9", "32767", "123456"]);
}
