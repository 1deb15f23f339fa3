//! Example of a model, for tests of what reads files.
//!
//! Never: a model that an export makes.

use super::model::*;

/// Small network with every kind of part, with equal bytes at every run.
pub fn example() -> Model {
    let weight = Tensor {
        name: "w".into(),
        doc: "layout ==> (N/16)HWC16".into(),
        data_type: DataType::Int8,
        dims: vec![1, 1, 3, 16],
        exponents: vec![-7],
        bytes: (0..48).collect(),
    };
    let info = |name: &str| ValueInfo {
        name: name.into(),
        doc: String::new(),
        data_type: DataType::Int8,
        dims: Some(vec![Dim::Size(1), Dim::Named("n".into())]),
        exponents: vec![-4],
    };
    let node = Node {
        name: "fc".into(),
        op: "Gemm".into(),
        inputs: vec!["x".into(), "w".into()],
        outputs: vec!["y".into()],
        attributes: vec![
            ("activation".into(), Attribute::Text(b"Relu".to_vec())),
            ("alpha".into(), Attribute::Float(0.5)),
            ("pads".into(), Attribute::Ints(vec![0, 1])),
        ],
        ..Node::default()
    };
    Model {
        ir_version: 8,
        producer: "espq".into(),
        metadata: vec![("target".into(), "esp32p4".into())],
        graph: Graph {
            name: "g".into(),
            nodes: vec![node],
            test_inputs: vec![Tensor { name: "x".into(), exponents: vec![0], ..weight.clone() }],
            initializers: vec![weight],
            inputs: vec![info("x")],
            outputs: vec![info("y")],
            values: vec![info("x"), info("y")],
            ..Graph::default()
        },
        ..Model::default()
    }
}
