//! Tests of esp-ppq's rewrites of a loaded graph.

use super::super::infer;
use super::*;
use crate::exec::Program;

#[test]
fn a_constant_that_two_layers_read_is_two() {
    let graph = net(&["x 1 2"]).floats("w", &[2]).node("a: Mul(x, w) -> p").node("r: Relu(p) -> q");
    let graph = graph.node("b: Mul(q, w) -> y").outputs(&["y"]).simplified().graph;
    let constants: Vec<_> = graph.nodes.iter().filter_map(|n| n.input(1)).collect();
    assert_eq!(constants.len(), 2);
    assert_ne!(constants[0], constants[1]);
    assert_eq!(floats(&graph, "a", 1), floats(&graph, "b", 1));
}

#[test]
fn a_constant_added_to_gemm_is_its_bias() {
    let graph = net(&["x 1 3"]).floats("w", &[3, 2]).floats("b", &[1, 2]).node("g: Gemm(x, w) -> a");
    let graph = graph.node("add: Add(b, a) -> c").node("r: Relu(c) -> y").outputs(&["y"]);
    assert_eq!(graph.layers(), ["g: Gemm(x) -> a", "r: Relu(a) -> y"]);
}

#[test]
fn a_constant_that_enlarges_the_product_stays_an_add() {
    let graph = net(&["x 1 3"]).floats("w", &[3, 2]).floats("b", &[4, 2]).node("g: Gemm(x, w) -> a");
    let graph = graph.node("add: Add(a, b) -> y").outputs(&["y"]);
    assert_eq!(graph.layers(), ["g: Gemm(x) -> a", "add: Add(a) -> y"]);
}

/// esp-ppq appends the fused layer to its dictionary of operations.
#[test]
fn batch_norm_goes_into_gemm_which_goes_to_the_end_of_the_order() {
    let graph = with_norm(net(&["x 1 1"])).floats("w", &[2, 1]).floats("b", &[2]);
    let graph = graph.node_with("g: Gemm(x, w, b) -> a", &[("transB", Attribute::Int(1))]);
    let graph = graph.node("bn: BatchNormalization(a, gamma, beta, mean, variance) -> c").node("r: Relu(c) -> y");
    let graph = graph.outputs(&["y"]).simplified().graph;
    assert_eq!(layers(&graph), ["g: Gemm(x) -> c", "r: Relu(c) -> y"]);
    let inserted: Vec<&str> = graph.insertion_order().iter().map(|id| graph.node(*id).name.as_str()).collect();
    assert_eq!(inserted, ["r", "g"]);
    let root = [(4.0f32 + 1e-5).sqrt(), (0.25f32 + 1e-5).sqrt()];
    assert_eq!(floats(&graph, "g", 1), [0.5 * (2.0 / root[0]), 1.0 * (3.0 / root[1])]);
    assert_eq!(floats(&graph, "g", 2), [2.0 * (0.5 - 1.0) / root[0] + 0.5, 3.0 * (1.0 + 1.0) / root[1] - 0.5]);
}

#[test]
fn batch_norm_goes_into_a_grouped_conv_transpose() {
    let graph = with_norm(net(&["x 1 2 3 3"])).constant("w", Tensor::new(&[2, 1, 1, 1], vec![1f32, 1.0]).unwrap());
    let graph = graph.node_with("c: ConvTranspose(x, w) -> a", &[("group", Attribute::Int(2))]);
    let graph = graph.node("bn: BatchNormalization(a, gamma, beta, mean, variance) -> y").outputs(&["y"]);
    let graph = graph.simplified().graph;
    assert_eq!(layers(&graph), ["c: Conv(x) -> y"]);
    assert_eq!(floats(&graph, "c", 1), [2.0 / (4.0f32 + 1e-5).sqrt(), 3.0 / (0.25f32 + 1e-5).sqrt()]);
}

#[test]
fn a_lone_batch_norm_is_a_depthwise_conv_of_the_inputs_axes() {
    for (shape, kernel) in [("x 1 2 8 8", vec![1, 1]), ("x 1 2 8", vec![1])] {
        let graph = with_norm(net(&[shape])).node("r: Relu(x) -> a");
        let graph = graph.node("bn: BatchNormalization(a, gamma, beta, mean, variance) -> y").outputs(&["y"]);
        let simplified = graph.simplified();
        let graph = &simplified.graph;
        assert_eq!(layers(graph), ["r: Relu(x) -> a", "bn: Conv(a) -> y"]);
        assert_eq!(attribute(graph, "bn", "kernel_shape"), Some(Attribute::Ints(kernel)));
        assert_eq!(attribute(graph, "bn", "group"), Some(Attribute::Int(2)));
        assert_eq!(floats(graph, "bn", 1), [2.0 / (4.0f32 + 1e-5).sqrt(), 3.0 / (0.25f32 + 1e-5).sqrt()]);
        assert!(simplified.notes[0].to_string().contains("bn"));
    }
}

#[test]
fn a_lone_batch_norm_of_a_matrix_is_mul_and_add() {
    let graph = with_norm(net(&["x 1 2"])).node("r: Relu(x) -> a");
    let graph = graph.node("bn: BatchNormalization(a, gamma, beta, mean, variance) -> y").outputs(&["y"]);
    assert_eq!(graph.layers(), ["r: Relu(x) -> a", "bn: Mul(a) -> bn_scaled", "bn_add: Add(bn_scaled) -> y"]);
}

#[test]
fn x_times_its_sigmoid_is_swish_named_after_what_makes_x() {
    let graph = net(&["x 1 2"]).node("r: Relu(x) -> a").node("s: Sigmoid(a) -> b").node("m: Mul(a, b) -> c");
    let graph = graph.node("t: Tanh(c) -> y").outputs(&["y"]);
    assert_eq!(graph.layers(), ["r: Relu(x) -> a", "r/Swish: Swish(a) -> c", "t: Tanh(c) -> y"]);

    let graph = net(&["x 1 2"]).node("s: Sigmoid(x) -> b").node("m: Mul(b, x) -> y").outputs(&["y"]);
    assert_eq!(graph.layers(), ["s/Swish: Swish(x) -> y"]);
}

#[test]
fn a_sigmoid_with_several_readers_is_not_a_swish() {
    let graph = net(&["x 1 2"]).node("s: Sigmoid(x) -> b").node("m: Mul(x, b) -> y").outputs(&["y", "b"]);
    assert_eq!(graph.layers(), ["s: Sigmoid(x) -> b", "m: Mul(x, b) -> y"]);
}

fn rms_norm(power: f32, axis: i64) -> Net {
    let graph = net(&["x 1 3 4"]).constant("two", Tensor::scalar(power)).ints("axes", &[axis]).floats("g", &[4]);
    let graph = graph.constant("eps", Tensor::scalar(1e-6f32)).node("p: Pow(x, two) -> a");
    let graph = graph.node("m: ReduceMean(a, axes) -> b").node("e: Add(b, eps) -> c").node("s: Sqrt(c) -> d");
    graph.node("r: Reciprocal(d) -> f").node("n: Mul(x, f) -> h").node("k: Mul(g, h) -> y").outputs(&["y"])
}

#[test]
fn root_mean_square_normalization_is_one_layer() {
    let graph = rms_norm(2.0, -1).simplified().graph;
    assert_eq!(layers(&graph), ["k_rmsnorm: RMSNormalization(x) -> y"]);
    assert_eq!(attribute(&graph, "k_rmsnorm", "axis"), Some(Attribute::Int(-1)));
    assert_eq!(attribute(&graph, "k_rmsnorm", "epsilon"), Some(Attribute::Float(1e-6)));
}

#[test]
fn other_powers_and_axes_are_not_a_root_mean_square() {
    for graph in [rms_norm(3.0, -1), rms_norm(2.0, -2)] {
        assert_eq!(graph.layers().len(), 7);
    }
}

#[test]
fn division_by_the_clipped_norm_is_one_layer() {
    let graph = net(&["x 1 4"]).ints("axes", &[1]).constant("low", Tensor::scalar(1e-12f32)).ints("s", &[1, 4]);
    let graph = graph.node("n: ReduceL2(x, axes) -> a").node("c: Clip(a, low) -> b").node("e: Expand(b, s) -> d");
    let graph = graph.node("v: Div(x, d) -> y").outputs(&["y"]).simplified().graph;
    assert_eq!(layers(&graph), ["v_lpnorm: LpNormalization(x) -> y"]);
    assert_eq!(attribute(&graph, "v_lpnorm", "p"), Some(Attribute::Int(2)));
}

#[test]
fn old_attribute_forms_become_inputs() {
    let list = |name, values: &[i64]| (name, Attribute::Ints(values.to_vec()));
    let graph = net(&["x 1 4 6"])
        .opset(7)
        .node_with("s: Slice(x) -> a", &[list("starts", &[1]), list("ends", &[3]), list("axes", &[1])]);
    let graph = graph.node_with("c: Clip(a) -> b", &[("max", Attribute::Float(6.0))]);
    let graph =
        graph.node_with("p: Pad(b) -> y", &[list("pads", &[0, 0, 1, 0, 0, 1]), ("value", Attribute::Float(2.0))]);
    let simplified = graph.outputs(&["y"]).simplified();
    let graph = &simplified.graph;
    assert_eq!((ints(graph, "s", 1), ints(graph, "s", 2), ints(graph, "s", 3)), (vec![1], vec![3], vec![1]));
    assert_eq!((floats(graph, "c", 1), floats(graph, "c", 2)), (vec![-2147483648.0], vec![6.0]));
    assert_eq!((ints(graph, "p", 1), floats(graph, "p", 2)), (vec![0, 0, 1, 0, 0, 1], vec![2.0]));
    assert_eq!(graph.shape(graph.outputs[0]), Some(&[1, 2, 8][..]));
    assert_eq!(simplified.notes.len(), 1);
}

#[test]
fn upsample_is_resize_from_the_corner() {
    let scales = [("scales", Attribute::Floats(vec![1.0, 1.0, 2.0, 2.0]))];
    let graph =
        net(&["x 1 1 2 2"]).opset(7).node_with("u: Upsample(x) -> y", &scales).outputs(&["y"]).simplified().graph;
    assert_eq!(layers(&graph), ["u: Resize(x, ) -> y"]);
    assert_eq!(attribute(&graph, "u", "coordinate_transformation_mode"), Some(Attribute::Text("asymmetric".into())));
    assert_eq!(graph.shape(graph.outputs[0]), Some(&[1, 1, 4, 4][..]));
}

#[test]
fn a_dropout_at_the_end_is_removed_and_the_output_keeps_its_name() {
    let graph = net(&["x 1 2"]).opset(7).node("r: Relu(x) -> a");
    let graph = graph.node_with("d: Dropout(a) -> y", &[("ratio", Attribute::Float(0.5))]).outputs(&["y"]);
    assert_eq!(graph.layers(), ["r: Relu(x) -> y"]);
}

#[test]
fn conv_transpose_is_zeros_between_and_a_turned_conv() {
    let strides = ("strides", Attribute::Ints(vec![2, 2]));
    let graph = net(&["x 1 1 2 2"]).floats("w", &[1, 1, 2, 2]).node_with("c: ConvTranspose(x, w) -> y", &[strides]);
    let graph = graph.outputs(&["y"]).simplified().graph;
    let inserted = "PPQ_Operation_0: InsertZeros(x) -> PPQ_Operation_0_output_0";
    assert_eq!(layers(&graph), [inserted, "c: Conv(PPQ_Operation_0_output_0) -> y"]);
    assert_eq!(floats(&graph, "c", 1), [2.0, 1.5, 1.0, 0.5]);
    assert_eq!(attribute(&graph, "c", "pads"), Some(Attribute::Ints(vec![1; 4])));
}

#[test]
fn conv_transpose_in_any_form_computes_the_same() {
    let ints = |name, values: &[i64]| (name, Attribute::Ints(values.to_vec()));
    let text = |name, value: &str| (name, Attribute::Text(value.into()));
    let forms = [
        vec![],
        vec![ints("strides", &[2, 3]), ints("output_padding", &[1, 2])],
        vec![ints("strides", &[2, 1]), ints("dilations", &[2, 3]), ints("pads", &[1, 0, 2, 1])],
        vec![ints("strides", &[3, 2]), text("auto_pad", "SAME_UPPER")],
        vec![ints("strides", &[2, 2]), ints("output_shape", &[7, 9])],
        vec![ints("dilations", &[2, 2]), ints("output_padding", &[1, 0])],
        vec![ints("strides", &[2, 2]), ("group", Attribute::Int(2))],
        vec![ints("strides", &[2, 2]), ints("pads", &[2, 3, 1, 4])],
        vec![ints("pads", &[1, 3, 2, 0])],
    ];
    for form in forms {
        let made = || net(&["x 1 4 3 4"]).floats("w", &[4, 3, 2, 3]);
        let raw = made().node_with("c: ConvTranspose(x, w) -> y", &form).outputs(&["y"]);
        let simplified = made().node_with("c: ConvTranspose(x, w) -> y", &form).outputs(&["y"]).simplified().graph;
        let mut raw = raw.0;
        infer(&mut raw).unwrap();
        let x = Tensor::new(&[1, 4, 3, 4], (0..48).map(|i| i as f32 - 20.0).collect()).unwrap();
        let run = |graph: &Graph| {
            Program::float(graph).unwrap().run(std::slice::from_ref(&x), &[false; 16], &mut |_, _| Ok(())).unwrap()
        };
        assert!(layers(&simplified).iter().all(|layer| !layer.contains("ConvTranspose")), "{form:?}");
        assert_eq!(run(&simplified), run(&raw), "{form:?}");
    }
}

#[test]
fn conv_transpose_that_cuts_more_than_its_filter_reaches_gets_a_slice_and_is_noted() {
    let attributes = [("strides", Attribute::Ints(vec![2, 2])), ("pads", Attribute::Ints(vec![1; 4]))];
    let graph = net(&["x 1 1 4 4"]).floats("w", &[1, 1, 1, 1]).node_with("c: ConvTranspose(x, w) -> y", &attributes);
    let simplified = graph.outputs(&["y"]).simplified();
    let ops: Vec<&str> = simplified.graph.nodes.iter().map(|node| node.op.as_str()).collect();
    assert_eq!(ops, ["InsertZeros", "Slice", "Conv"]);
    assert_eq!(simplified.graph.nodes[1].name, "c/Slice");
    assert!(
        simplified.notes[0].to_string().contains("pads away more than its filter reaches"),
        "{:?}",
        simplified.notes
    );
}

#[test]
fn factors_of_gemm_go_into_its_constants() {
    let net = net(&["x 1 2"]).floats("w", &[2, 3]).floats("b", &[3]);
    let factors = [("alpha", Attribute::Float(0.5)), ("beta", Attribute::Float(2.0))];
    let simplified = net.node_with("g: Gemm(x, w, b) -> y", &factors).outputs(&["y"]).simplified();
    let graph = &simplified.graph;
    assert_eq!(floats(graph, "g", 1), [0.25, 0.5, 0.75, 1.0, 1.25, 1.5]);
    assert_eq!(floats(graph, "g", 2), [1.0, 2.0, 3.0]);
    for name in ["alpha", "beta"] {
        assert_eq!(attribute(graph, "g", name), Some(Attribute::Float(1.0)));
    }
    assert_eq!(simplified.notes.len(), 2);
}

#[test]
fn factors_of_computed_matrices_stay() {
    let net = net(&["x 1 2", "w 2 3"]).floats("b", &[3]);
    let factors = [("alpha", Attribute::Float(0.5)), ("beta", Attribute::Float(2.0))];
    let graph = net.node_with("g: Gemm(x, w, b) -> y", &factors).outputs(&["y"]).simplified().graph;
    assert_eq!(attribute(&graph, "g", "alpha"), Some(Attribute::Float(0.5)));
    assert_eq!(
        (attribute(&graph, "g", "beta"), floats(&graph, "g", 2)),
        (Some(Attribute::Float(1.0)), vec![1.0, 2.0, 3.0])
    );
}

#[test]
fn a_bias_of_one_value_has_one_for_each_column() {
    for shape in [&[][..], &[1], &[1, 1]] {
        let net = net(&["x 1 2"]).floats("w", &[2, 3]).floats("b", shape);
        let graph = net.node("g: Gemm(x, w, b) -> y").outputs(&["y"]).simplified().graph;
        assert_eq!(floats(&graph, "g", 2), [0.5; 3]);
    }
}
