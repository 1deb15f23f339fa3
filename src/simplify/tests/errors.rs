//! Tests of graphs that cannot be quantized: errors name the layer or input.

use super::*;
use crate::model::{Axis, Declared};
use crate::note::sentences;

#[test]
fn refusals_name_the_layer_and_say_what_to_do() {
    let relu = |net: Net| net.node("r: Relu(x) -> y").outputs(&["y"]);
    let nan = Tensor::new(&[1], vec![f32::NAN]).unwrap();
    let infinite = Tensor::new(&[2, 3, 1, 1], vec![f32::INFINITY; 6]).unwrap();
    let cases = [
        (recurrent_batch_of_two().error(), "layer g: batch 2, from input 'x'"),
        (net(&["x 1 2"]).node("z: Zork(x) -> y").outputs(&["y"]).error(), "layer z: operator Zork is not supported"),
        (
            relu(net(&["x 65536 65536"])).error(),
            "layer r: its output 'y' has shape [65536, 65536], more than 268435456",
        ),
        (
            net(&["x 1 2"]).constant("c", nan).node("m: Mul(x, c) -> y").outputs(&["y"]).error(),
            "layer m: constant 'c' holds NaN",
        ),
        (
            net(&["x 1 3 2 2"]).constant("w", infinite).node("c: Conv(x, w) -> y").outputs(&["y"]).error(),
            "layer c: constant 'w' holds inf",
        ),
        (
            net(&["x 4 3 2 2"]).floats("w", &[2, 3, 1, 1]).node("c: Conv(x, w) -> y").outputs(&["y"]).error(),
            "layer c: batch 4, from input 'x'",
        ),
        (
            relu(net(&["x 1 2"]).floats("k", &[2])).error_with_output("k"),
            "output 'k' does not depend on the model's inputs",
        ),
        (net(&["x 1 2"]).ints("s", &[3]).node("rs: Reshape(x, s) -> y").outputs(&["y"]).error(), "layer rs: "),
        (net(&["x 1 2", "s 2"]).node("rs: Reshape(x, s) -> y").outputs(&["y"]).error(), "layer rs: "),
    ];
    for (error, expected) in cases {
        assert!(error.contains(expected), "wanted {expected:?}, got {error:?}");
    }
}

#[test]
fn every_refusal_of_a_layer_says_what_to_do() {
    let relu = |op: &str| net(&["x 1 2"]).floats("w", &[3]).node(op).outputs(&["y"]).error();
    for error in [relu("a: Add(x, w) -> y"), relu("m: MatMul(x, w) -> y"), relu("d: DequantizeLinear(x, w) -> y")] {
        assert!(error.starts_with("layer ") && error.contains("\n  help: "), "{error}");
    }
    assert!(relu("d: DequantizeLinear(x, w) -> y").contains("already quantized"));
}

#[test]
fn softmax_over_several_axes_is_noted_before_operator_set_13() {
    let notes = |opset, shape: &str| {
        let simplified = net(&[shape]).opset(opset).node("s: Softmax(x) -> y").outputs(&["y"]).simplified();
        sentences(&simplified.notes).join("\n")
    };
    assert!(notes(12, "x 1 3 4").contains("s: Softmax of operator set 12 joins all axes from 1 on, [3, 4]"));
    assert_eq!((notes(12, "x 1 3"), notes(12, "x 1 3 1"), notes(13, "x 1 3 4")), Default::default());
}

fn recurrent_batch_of_two() -> Net {
    let net = net(&["x 3 2 2"]).floats("w", &[1, 3, 2]).floats("r", &[1, 3, 1]).floats("b", &[1, 6]);
    net.node_with("g: GRU(x, w, r, b) -> y", &[("hidden_size", Attribute::Int(1))]).outputs(&["y"])
}

impl Net {
    fn error_with_output(mut self, name: &str) -> String {
        let id = self.id(name).unwrap();
        self.0.outputs.push(id);
        self.error()
    }
}

#[test]
fn a_reshape_to_two_billion_elements_is_refused_before_it_is_made() {
    let graph = net(&["x 1 2"]).ints("s", &[2_000_000_000]).constant("v", Tensor::scalar(1f32));
    let graph = graph.node("e: Expand(v, s) -> a").node("m: Mul(x, a) -> y").outputs(&["y"]);
    let error = graph.error();
    assert!(error.contains("layer e: ") && error.contains("2000000000"), "{error}");
}

#[test]
fn other_domains_are_named() {
    let mut graph = net(&["x 1 2"]).node("r: Relu(x) -> y").outputs(&["y"]);
    graph.0.nodes[0].domain = "com.microsoft".into();
    assert!(graph.error().contains("layer r: operator Relu of domain 'com.microsoft'"));
}

#[test]
fn nodes_in_any_order_are_sorted_and_cycles_refused() {
    let graph = net(&["x 1 2"]).node("b: Tanh(a) -> y").node("a: Relu(x) -> a").outputs(&["y"]);
    assert_eq!(graph.layers(), ["a: Relu(x) -> a", "b: Tanh(a) -> y"]);
    let graph = net(&["x 1 2"]).node("a: Add(x, q) -> p").node("b: Relu(p) -> q").outputs(&["q"]);
    assert!(graph.error().contains("the graph has a cycle"));
}

#[test]
fn all_layers_of_unknown_operators_are_refused_at_once() {
    let mut graph = net(&["x 1 2"]).node("a: Zork(x) -> p").node("b: Relu(p) -> q").node("c: Loop(q) -> r");
    graph = graph.node("d: TFL_Erf(r) -> y").outputs(&["y"]);
    graph.0.nodes[0].domain = "my.ops".into();
    let error = simplify(Imported::of(graph.0)).unwrap_err();
    let found: Vec<(&str, &str)> = error.each().map(|e| (e.layer().unwrap(), e.what())).collect();
    let expected = [
        ("a", "operator Zork of domain 'my.ops' is not an ONNX operator"),
        ("c", "operator Loop is not supported"),
        ("d", "operator TFL_Erf is one of TensorFlow Lite that tf2onnx left as it was"),
    ];
    assert_eq!(found, expected);
    assert!(error.to_string().contains("unroll=True"));
}

/// A model whose file leaves the batch of `x` free.
fn of_free_batch(net: Net) -> Imported {
    let input = net.0.inputs[0];
    let rest = net.0.shape(input).unwrap()[1..].iter().map(|&d| Axis::Fixed(d));
    let axes = std::iter::once(Axis::Free("N".into())).chain(rest).collect();
    Imported { declared: vec![Declared { input, axes }], ..Imported::of(net.0) }
}

#[test]
fn a_batch_that_is_written_into_a_reshape_is_named() {
    let flat = || net(&["x 1 2 2"]).ints("s", &[8, 4]).node("r: Reshape(x, s) -> y").outputs(&["y"]);
    let error = simplify(of_free_batch(flat())).unwrap_err();
    assert_eq!((error.layer(), error.kind()), (Some("r"), crate::Kind::Batch));
    assert!(error.what().contains("has a batch of 8 written in it"), "{error}");
    // Without a free batch the shape is at fault, not its batch.
    assert_ne!(simplify(Imported::of(flat().0)).unwrap_err().kind(), crate::Kind::Batch);
    let net = net(&["x 1 2 2"]).ints("s", &[2, -1]).floats("w", &[2, 3]).floats("b", &[3]);
    let net = net.node("r: Reshape(x, s) -> a").node("t: Tanh(a) -> c").node("g: Gemm(c, w, b) -> y").outputs(&["y"]);
    assert_eq!(simplify(of_free_batch(net)).unwrap_err().layer(), Some("r"));
}
