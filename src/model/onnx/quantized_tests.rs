//! Tests of models with QuantizeLinear and DequantizeLinear.

use super::proto;
use super::tests::{constant, floats, node, read, value};
use crate::graph::{Graph, Tensor};

fn integers(name: &str, dims: &[i64], data_type: i32, data: &[i32]) -> proto::Tensor {
    proto::Tensor { name: name.into(), dims: dims.to_vec(), data_type, int32_data: data.to_vec(), ..Default::default() }
}

const INT8: i32 = 3;
const UINT8: i32 = 2;

/// Graph x -> Q -> DQ -> Add with w of int8 -> Q -> DQ -> y.
fn quantized() -> proto::Graph {
    let node = |op: &str, inputs: &[&str], outputs: &[&str]| proto::Node {
        name: format!("{op} of {}", inputs[0]),
        ..node(op, inputs, outputs)
    };
    proto::Graph {
        name: "quantized".into(),
        node: vec![
            node("QuantizeLinear", &["x", "fine", "zero"], &["xq"]),
            node("DequantizeLinear", &["xq", "fine", "zero"], &["xf"]),
            node("DequantizeLinear", &["w", "coarse", "zero"], &["wf"]),
            node("Add", &["xf", "wf"], &["sum"]),
            node("QuantizeLinear", &["sum", "coarse", "zero"], &["sumq"]),
            node("DequantizeLinear", &["sumq", "coarse", "zero"], &["y"]),
        ],
        initializer: vec![
            floats("fine", &[], &[0.0625]),
            floats("coarse", &[], &[0.5]),
            integers("zero", &[], INT8, &[0]),
            integers("w", &[2], INT8, &[-3, 100]),
        ],
        input: vec![value("x", &[1, 2])],
        output: vec![value("y", &[1, 2])],
        ..Default::default()
    }
}

fn scales(graph: &Graph, name: &str) -> Vec<(u32, Vec<i32>)> {
    let value = graph.values.iter().find(|v| v.name == name).expect(name);
    value.scales.iter().map(|scale| (scale.bits, scale.exponents.clone())).collect()
}

/// Returns the error of the quantized graph after a change.
fn not_taken(change: impl FnOnce(&mut proto::Graph)) -> String {
    let mut graph = quantized();
    change(&mut graph);
    read(graph).expect_err("must be refused").to_string()
}

#[test]
fn pairs_of_quantize_and_dequantize_become_scales_of_their_values() {
    let graph = read(quantized()).unwrap();
    assert_eq!(graph.nodes.iter().map(|node| node.op.as_str()).collect::<Vec<_>>(), ["Add"]);
    assert_eq!([scales(&graph, "x"), scales(&graph, "y")], [[(8, vec![-4])], [(8, vec![-1])]]);
    assert_eq!(constant(&graph, "wf"), Tensor::new(&[2], vec![-1.5f32, 50.0]).unwrap());
    assert_eq!(scales(&graph, "wf"), [(8, vec![-1])]);
    assert_eq!(graph.value(graph.outputs[0]).name, "y");
}

#[test]
fn unsigned_integers_around_their_middle_are_those_of_esp_dl() {
    let mut graph = quantized();
    graph.initializer[2] = integers("zero", &[], UINT8, &[128]);
    graph.initializer[3] = integers("w", &[2], UINT8, &[125, 228]);
    let graph = read(graph).unwrap();
    assert_eq!(constant(&graph, "wf"), Tensor::new(&[2], vec![-1.5f32, 50.0]).unwrap());
    assert_eq!(scales(&graph, "x"), [(8, vec![-4])]);
}

#[test]
fn scales_that_esp_dl_does_not_have_are_refused_by_node() {
    let text = not_taken(|graph| graph.initializer[1] = floats("coarse", &[], &[0.3]));
    assert!(text.starts_with("layer DequantizeLinear of w: its scale 0.3 is not a power of two"), "{text}");
    assert!(
        !text.contains("neither")
            && text.contains("; the same holds for QuantizeLinear of sum")
            && text.contains("esp-ppq's training"),
        "{text}"
    );
    let text = not_taken(|graph| graph.initializer[2] = integers("zero", &[], INT8, &[3]));
    assert!(text.contains("its zero point is 3, and ESP-DL's integers are symmetric around 0"), "{text}");
    let text = not_taken(|graph| graph.initializer[2] = integers("zero", &[], UINT8, &[0]));
    assert!(text.contains("its zero point is 0"), "{text}");
    let text = not_taken(|graph| graph.initializer[0] = floats("fine", &[2], &[0.5, 0.25]));
    assert!(text.contains("'x' has 2 scales, but ESP-DL has one for a value between layers"), "{text}");
    let text = not_taken(|graph| graph.node[0].input.truncate(2));
    assert!(text.contains("it makes unsigned integers"), "{text}");
    let text = not_taken(|graph| graph.node[3].input[0] = "xq".into());
    assert!(text.contains("layer Add of xf: it reads 'xq', the integers of a QuantizeLinear"), "{text}");
    let text = not_taken(|graph| graph.node[1].input[0] = "x".into());
    assert!(text.contains("it reads 'x', which is neither a constant nor made by a QuantizeLinear"), "{text}");
    let text = not_taken(|graph| graph.node[1].input[1] = "coarse".into());
    assert!(text.contains("its scale is not that of its QuantizeLinear"), "{text}");
    for scale in [0.0, -0.5, f32::INFINITY, f32::NAN, f32::MIN_POSITIVE / 2.0] {
        assert!(not_taken(|graph| graph.initializer[0] = floats("fine", &[], &[scale])).contains("power of two"));
    }
}

#[test]
fn scales_of_channels_are_those_of_their_axis() {
    let per_channel = |axis: i64| {
        let mut graph = quantized();
        graph.initializer[1] = floats("coarse", &[], &[0.5]);
        graph.initializer[3] = integers("w", &[2, 2], INT8, &[1, 2, 3, 4]);
        graph.initializer.push(floats("each", &[2], &[1.0, 2.0]));
        graph.initializer.push(integers("zeros", &[2], INT8, &[0, 0]));
        graph.node[2].input = ["w", "each", "zeros"].map(String::from).to_vec();
        let axis =
            proto::Attribute { name: "axis".into(), i: Some(axis), kind: proto::kind::INT, ..Default::default() };
        graph.node[2].attribute.push(axis);
        read(graph)
    };
    let of = |axis| constant(&per_channel(axis).unwrap(), "wf").slice::<f32>().unwrap().to_vec();
    assert_eq!([of(0), of(1), of(-2)], [[1.0, 2.0, 6.0, 8.0], [1.0, 4.0, 3.0, 8.0], [1.0, 2.0, 6.0, 8.0]]);
    assert!(per_channel(-3).unwrap_err().to_string().contains("it has 2 scales, but shape [2, 2] on axis -1"));
}

#[test]
fn an_output_without_a_layer_between_is_made_by_one() {
    let mut graph = quantized();
    graph.node.truncate(2);
    graph.output = vec![value("xf", &[1, 2])];
    let graph = read(graph).unwrap();
    assert_eq!(graph.nodes.iter().map(|node| node.op.as_str()).collect::<Vec<_>>(), ["Identity"]);
    assert_eq!(graph.value(graph.outputs[0]).name, "xf");
}
