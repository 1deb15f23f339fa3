//! Tests of onnxsim's rewrites.

use super::*;

fn image() -> Net {
    net(&["x 1 3 8 8"]).floats("w", &[2, 3, 1, 1])
}

#[test]
fn nodes_that_read_constants_only_are_folded() {
    let graph = net(&["x 1 6"])
        .ints("a", &[2, 1])
        .ints("b", &[3])
        .node_with("cat: Concat(a, b) -> shape", &[("axis", Attribute::Int(0))]);
    let graph = graph.node("rs: Reshape(x, shape) -> y").outputs(&["y"]).simplified().graph;
    assert_eq!(layers(&graph), ["rs: Reshape(x) -> y"]);
    assert_eq!(ints(&graph, "rs", 1), [2, 1, 3]);
}

#[test]
fn results_determined_by_shapes_are_folded() {
    let graph = net(&["x 1 3 4"]).node("sh: Shape(x) -> s").ints("i", &[0]).node("g: Gather(s, i) -> n");
    let graph = graph.ints("rest", &[-1]).node_with("c: Concat(n, rest) -> t", &[("axis", Attribute::Int(0))]);
    assert_eq!(graph.node("rs: Reshape(x, t) -> y").outputs(&["y"]).layers(), ["rs: Reshape(x) -> y"]);
}

#[test]
fn unnamed_nodes_are_named_by_type_and_one_count() {
    let graph = image().node(": Conv(x, w) -> a").node("Add_1: Relu(a) -> b").node(": Relu(a) -> c");
    // The second Relu equals the first one.
    let graph = graph.node(": Add(b, c) -> d").node(": Tanh(d) -> y").outputs(&["y"]);
    assert_eq!(
        graph.layers(),
        ["Conv_0: Conv(x) -> a", "Add_1: Relu(a) -> b", "Add_2: Add(b, b) -> d", "Tanh_3: Tanh(d) -> y"]
    );
}

#[test]
fn nodes_without_effect_are_removed() {
    let to = |number| [("to", Attribute::Int(number))];
    let perm = [("perm", Attribute::Ints(vec![0, 1]))];
    let graph =
        net(&["x 1 4"]).node("r: Relu(x) -> a").node("i: Identity(a) -> b").node_with("c: Cast(b) -> c", &to(1));
    let graph = graph.node_with("t: Transpose(c) -> d", &perm).node("f: Flatten(d) -> e").node("do: Dropout(e) -> g");
    let graph = graph.ints("pads", &[0, 0, 0, 0]).node("p: Pad(g, pads) -> h").ints("s", &[1, -1]);
    let graph = graph.node("rs: Reshape(h, s) -> k").constant("one", Tensor::scalar(1f32)).node("m: Mul(k, one) -> l");
    let graph = graph.constant("zero", Tensor::scalar(0f32)).node("a: Add(zero, l) -> n").node("s: Sigmoid(n) -> y");
    assert_eq!(graph.outputs(&["y"]).layers(), ["r: Relu(x) -> a", "s: Sigmoid(a) -> y"]);
}

#[test]
fn arithmetic_that_broadcasts_is_kept() {
    let graph = net(&["x 1 4"]).constant("ones", Tensor::new(&[3, 1], vec![1f32; 3]).unwrap());
    assert_eq!(graph.node("m: Mul(x, ones) -> y").outputs(&["y"]).layers(), ["m: Mul(x) -> y"]);
}

#[test]
fn an_output_keeps_its_name() {
    let graph = net(&["x 1 4"]).node("r: Relu(x) -> a").node("i: Identity(a) -> y").outputs(&["y"]);
    assert_eq!(graph.layers(), ["r: Relu(x) -> y"]);
}

#[test]
fn unused_nodes_are_removed() {
    let graph = net(&["x 1 4"]).node("r: Relu(x) -> y").node("s: Sigmoid(x) -> a").node("t: Tanh(a) -> b");
    assert_eq!(graph.outputs(&["y"]).layers(), ["r: Relu(x) -> y"]);
}

#[test]
fn the_second_of_two_relus_and_of_two_transposes_is_removed() {
    let perm = |perm: [i64; 3]| [("perm", Attribute::Ints(perm.to_vec()))];
    let graph = net(&["x 1 2 3"]).node("r: Relu(x) -> a").node("q: Relu(a) -> b");
    let graph =
        graph.node_with("t: Transpose(b) -> c", &perm([0, 2, 1])).node_with("u: Transpose(c) -> y", &perm([1, 0, 2]));
    let graph = graph.outputs(&["y"]).simplified().graph;
    assert_eq!(layers(&graph), ["q: Relu(x) -> b", "u: Transpose(b) -> y"]);
    assert_eq!(attribute(&graph, "u", "perm"), Some(Attribute::Ints(vec![2, 0, 1])));
}

#[test]
fn a_constant_added_to_a_conv_is_its_bias() {
    let graph = image().floats("b", &[2, 1, 1]).node("c: Conv(x, w) -> a").node("add: Add(a, b) -> y");
    let graph = graph.outputs(&["y"]).simplified().graph;
    assert_eq!(layers(&graph), ["c: Conv(x) -> y"]);
    assert_eq!(floats(&graph, "c", 2), [0.5, 1.0]);
}

#[test]
fn batch_norm_goes_into_conv_in_onnxsims_arithmetic() {
    let graph = with_norm(image()).node("c: Conv(x, w) -> a");
    let graph = graph.node("bn: BatchNormalization(a, gamma, beta, mean, variance) -> y").outputs(&["y"]);
    let graph = graph.simplified().graph;
    assert_eq!(layers(&graph), ["c: Conv(x) -> y"]);
    let scale = [2.0 / (4.0f32 + 1e-5).sqrt(), 3.0 / (0.25f32 + 1e-5).sqrt()];
    let w: Vec<f32> = (0..6).map(|i| (i + 1) as f32 * 0.5 * scale[i / 3]).collect();
    assert_eq!(floats(&graph, "c", 1), w);
    assert_eq!(floats(&graph, "c", 2), [(0.0 - 1.0) * scale[0] + 0.5, (0.0 + 1.0) * scale[1] - 0.5]);
}

#[test]
fn batch_norm_goes_into_conv_transpose_along_its_second_axis() {
    let graph = with_norm(net(&["x 1 3 4 4"])).floats("w", &[3, 2, 1, 1]).node("c: ConvTranspose(x, w) -> a");
    let graph = graph.node("bn: BatchNormalization(a, gamma, beta, mean, variance) -> y").outputs(&["y"]);
    let graph = graph.simplified().graph;
    let scale = [2.0 / (4.0f32 + 1e-5).sqrt(), 3.0 / (0.25f32 + 1e-5).sqrt()];
    // As the filter of the Conv that it becomes, with outputs first.
    let w: Vec<f32> = (0..6).map(|i| (i % 3 * 2 + i / 3 + 1) as f32 * 0.5 * scale[i / 3]).collect();
    assert_eq!(floats(&graph, "c", 1), w);
}

#[test]
fn matmul_and_add_of_matrices_are_gemm() {
    let graph = net(&["x 1 4"]).floats("w", &[4, 2]).floats("b", &[2]).node("m: MatMul(x, w) -> p");
    assert_eq!(graph.node("a: Add(p, b) -> y").outputs(&["y"]).layers(), ["Gemm_0: Gemm(x) -> y"]);
}

#[test]
fn a_bias_on_the_left_stays_an_add() {
    let graph = net(&["x 1 4"]).floats("w", &[4, 2]).floats("b", &[2]).node("m: MatMul(x, w) -> p");
    assert_eq!(graph.node("a: Add(b, p) -> y").outputs(&["y"]).layers(), ["m: MatMul(x) -> p", "a: Add(p) -> y"]);
}

#[test]
fn matmul_and_add_of_more_axes_are_gemm_between_reshapes() {
    let graph = net(&["x 1 5 4"]).floats("w", &[4, 2]).floats("b", &[2]).node("m: MatMul(x, w) -> p");
    let graph = graph.node("a: Add(p, b) -> y").outputs(&["y"]).simplified().graph;
    assert_eq!(
        layers(&graph),
        ["Reshape_0: Reshape(x) -> _v_7", "Gemm_1: Gemm(_v_7) -> _v_10", "Reshape_2: Reshape(_v_10) -> y"]
    );
    assert_eq!((ints(&graph, "Reshape_0", 1), ints(&graph, "Reshape_2", 1)), (vec![-1, 4], vec![1, 5, 2]));
}

#[test]
fn layers_between_two_such_gemms_work_on_rows() {
    let graph = net(&["x 1 5 4"]).floats("w", &[4, 4]).floats("b", &[4]).node("m: MatMul(x, w) -> p");
    let graph = graph.node("a: Add(p, b) -> q").node("r: Relu(q) -> s").floats("v", &[4, 4]);
    let graph = graph.node("n: MatMul(s, v) -> t").node("c: Add(t, b) -> y").outputs(&["y"]).simplified().graph;
    let ops: Vec<&str> = graph.nodes.iter().map(|n| n.op.as_str()).collect();
    assert_eq!(ops, ["Reshape", "Gemm", "Relu", "Gemm", "Reshape"]);
}

/// onnxsim merges the Reshape that it created into this one, whose zeros then copy the wrong axes.
#[test]
fn a_reshape_that_copies_axes_follows_the_gemm_and_is_noted() {
    let graph = net(&["x 1 5 4"]).floats("w", &[4, 4]).floats("b", &[4]).node("m: MatMul(x, w) -> p");
    let graph = graph.node("a: Add(p, b) -> q").ints("s", &[0, 0, 2, 2]).node("rs: Reshape(q, s) -> y").outputs(&["y"]);
    let simplified = graph.simplified();
    assert_eq!(ints(&simplified.graph, "rs", 1), [1, 5, 2, 2]);
    assert_eq!(simplified.notes.len(), 1);
}

#[test]
fn a_transposed_weight_is_an_attribute_of_gemm() {
    let perm = [("perm", Attribute::Ints(vec![1, 0]))];
    let graph = net(&["x 1 4"]).floats("w", &[2, 4]).node_with("t: Transpose(w) -> v", &perm);
    let graph = graph.node("g: Gemm(x, v) -> y").outputs(&["y"]).simplified().graph;
    assert_eq!(layers(&graph), ["g: Gemm(x) -> y"]);
    assert_eq!(attribute(&graph, "g", "transB"), Some(Attribute::Int(1)));
    assert_eq!(graph.shape(graph.nodes[0].input(1).unwrap()), Some(&[2, 4][..]));
}

#[test]
fn a_pad_goes_into_the_conv_after_it() {
    let graph = image().ints("pads", &[0, 0, 1, 2, 0, 0, 3, 4]).node("p: Pad(x, pads) -> a");
    let graph = graph.node_with("c: Conv(a, w) -> y", &[("pads", Attribute::Ints(vec![1, 1, 1, 1]))]);
    let graph = graph.outputs(&["y"]).simplified().graph;
    assert_eq!(layers(&graph), ["c: Conv(x) -> y"]);
    assert_eq!(attribute(&graph, "c", "pads"), Some(Attribute::Ints(vec![2, 3, 4, 5])));
}

#[test]
fn a_pad_with_zeros_does_not_go_into_a_maximum() {
    let kernel = [("kernel_shape", Attribute::Ints(vec![2, 2]))];
    let graph = net(&["x 1 1 4 4"]).ints("pads", &[0, 0, 1, 1, 0, 0, 1, 1]).node("p: Pad(x, pads) -> a");
    let graph = graph.node_with("m: MaxPool(a) -> y", &kernel).outputs(&["y"]);
    assert_eq!(graph.layers(), ["p: Pad(x) -> a", "m: MaxPool(a) -> y"]);
}

#[test]
fn factors_go_into_the_conv_before_or_after_them() {
    let half = Tensor::scalar(0.5f32);
    let graph =
        image().constant("half", half).floats("b", &[2]).node("c: Conv(x, w, b) -> a").node("m: Mul(half, a) -> y");
    let graph = graph.outputs(&["y"]).simplified().graph;
    assert_eq!((layers(&graph), floats(&graph, "c", 2)), (vec!["c: Conv(x) -> y".into()], vec![0.25, 0.5]));

    let graph = image().floats("f", &[3, 1, 1]).node("m: Mul(x, f) -> a").node("c: Conv(a, w) -> y").outputs(&["y"]);
    let graph = graph.simplified().graph;
    assert_eq!(layers(&graph), ["c: Conv(x) -> y"]);
    assert_eq!(floats(&graph, "c", 1), [0.25, 1.0, 2.25, 1.0, 2.5, 4.5]);
}

#[test]
fn factors_in_a_row_are_one() {
    let graph = net(&["x 1 2"]).floats("a", &[2]).constant("b", Tensor::scalar(3f32)).node("m: Mul(x, a) -> p");
    let graph = graph.node("n: Mul(b, p) -> y").outputs(&["y"]).simplified().graph;
    assert_eq!((layers(&graph), floats(&graph, "Mul_0", 1)), (vec!["Mul_0: Mul(x) -> y".into()], vec![1.5, 3.0]));
}

#[test]
fn concats_slices_squeezes_and_reductions_in_a_row_are_one() {
    let axis = [("axis", Attribute::Int(1))];
    let graph = net(&["x 1 2 3"]).node("r: Relu(x) -> a").node_with("c: Concat(x, a) -> b", &axis);
    let graph = graph.node_with("d: Concat(a, b, x) -> y", &axis).outputs(&["y"]);
    assert_eq!(graph.layers(), ["r: Relu(x) -> a", "d: Concat(a, x, a, x) -> y"]);

    let graph = net(&["x 1 8 8"]).ints("zero", &[0]).ints("four", &[4]).ints("one", &[1]).ints("last", &[-1]);
    let graph = graph.node("s: Slice(x, zero, four, one, one) -> a").node("t: Slice(a, zero, four, last, one) -> y");
    let graph = graph.outputs(&["y"]).simplified().graph;
    assert_eq!((layers(&graph), ints(&graph, "Slice_0", 3)), (vec!["Slice_0: Slice(x) -> y".into()], vec![1, 2]));

    let graph = net(&["x 3 4"]).ints("first", &[0]).ints("third", &[2]).node("u: Unsqueeze(x, first) -> a");
    let graph = graph.node("v: Unsqueeze(a, third) -> y").outputs(&["y"]).simplified().graph;
    assert_eq!((layers(&graph), ints(&graph, "v", 1)), (vec!["v: Unsqueeze(x) -> y".into()], vec![0, 2]));

    let drop = [("keepdims", Attribute::Int(0))];
    let graph = net(&["x 1 2 3"]).ints("axes", &[1, 2]).node_with("m: ReduceMean(x, axes) -> a", &drop);
    let graph = graph.node("u: Unsqueeze(a, axes) -> y").outputs(&["y"]).simplified().graph;
    assert_eq!(layers(&graph), ["m: ReduceMean(x) -> y"]);
    assert_eq!(attribute(&graph, "m", "keepdims"), Some(Attribute::Int(1)));
}

#[test]
fn a_value_that_lost_a_zero_bias_has_four_readers_for_a_round() {
    let three = |middle: &str, from: &str| {
        let zero = Tensor::new(&[2], vec![0f32; 2]).unwrap();
        let net = net(&["x 1 5 2"]).constant("z", zero).floats("p", &[2]).node("r: Relu(x) -> n");
        let net = if middle.is_empty() { net } else { net.node(middle) };
        ["q", "k", "v"].into_iter().enumerate().fold(net, |net, (n, w)| {
            let weight = Tensor::new(&[2, 2], vec![n as f32 + 1.0; 4]).unwrap();
            let net = net.constant(w, weight).node(&format!("{w}m: MatMul({from}, {w}) -> {w}p"));
            net.node(&format!("{w}a: Add(p, {w}p) -> {w}o"))
        })
    };
    let ops = |net: Net| -> Vec<String> {
        net.outputs(&["qo", "ko", "vo"]).simplified().graph.nodes.iter().map(|n| n.op.clone()).collect()
    };
    assert_eq!(ops(three("", "n"))[1..3], ["MatMul", "Split"]);
    let gemms = ops(three("s: Add(n, z) -> a", "a")).iter().filter(|op| *op == "Gemm").count();
    assert_eq!(gemms, 3);
}

#[test]
fn query_key_and_value_are_one_matmul() {
    let graph = net(&["x 1 5 2"]).floats("q", &[2, 2]).constant("k", Tensor::zeros(DataType::F32, &[2, 2]));
    let graph = graph.constant("v", Tensor::new(&[2, 2], vec![9f32; 4]).unwrap()).node("a: MatMul(x, q) -> b");
    let graph = graph.node("c: MatMul(x, k) -> d").node("e: MatMul(x, v) -> f").node("g: Add(b, d) -> h");
    let graph = graph.node("i: Add(h, f) -> y").outputs(&["y"]).simplified().graph;
    let ops: Vec<&str> = graph.nodes.iter().map(|n| n.op.as_str()).collect();
    assert_eq!(ops, ["MatMul", "Split", "Add", "Add"]);
    assert_eq!(floats(&graph, "MatMul_0", 1), [0.5, 1.0, 0.0, 0.0, 9.0, 9.0, 1.5, 2.0, 0.0, 0.0, 9.0, 9.0]);
}

#[test]
fn a_zero_initial_state_is_removed() {
    let graph = net(&["x 3 1 2"]).floats("w", &[1, 3, 2]).floats("r", &[1, 3, 1]).floats("b", &[1, 6]);
    let graph = graph.constant("h", Tensor::zeros(DataType::F32, &[1, 1, 1]));
    let size = [("hidden_size", Attribute::Int(1))];
    let graph = graph.node_with("g: GRU(x, w, r, b, , h) -> y", &size).outputs(&["y"]).simplified().graph;
    assert_eq!(graph.nodes[0].inputs.len(), 4);
}
