//! Names of the file's nodes after the graph is simplified.

use super::*;

/// The layers that names stand for, "-" where they stand for none.
fn found(simplified: &Simplified, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| simplified.names.layer(name).unwrap_or("-").to_string()).collect()
}

#[test]
fn the_matmul_and_add_of_a_linear_layer_are_its_gemm() {
    let net = net(&["x 1 5 4"]).floats("w", &[4, 3]).floats("b", &[3]).floats("w2", &[3, 2]).floats("b2", &[2]);
    let net = net.node("mul: MatMul(x, w) -> a").node("add: Add(b, a) -> c").node("act: Relu(c) -> d");
    let net = net.node("mul2: MatMul(d, w2) -> e").node("add2: Add(e, b2) -> y").outputs(&["y"]);
    let simplified = net.simplified();
    let gemms: Vec<&str> = simplified.graph.nodes.iter().filter(|n| n.is("Gemm")).map(|n| n.name.as_str()).collect();
    let expected = [gemms[0], gemms[0], "act", gemms[1], gemms[1]];
    assert_eq!(found(&simplified, &["mul", "add", "act", "mul2", "add2"]), expected);
    assert_eq!(found(&simplified, &[gemms[0]]), [gemms[0]]);
}

#[test]
fn a_normalization_and_a_bias_that_are_folded_are_their_convolution() {
    let net = with_norm(net(&["x 1 3 4 4"]).floats("w", &[2, 3, 1, 1]).floats("b", &[1, 2, 1, 1]));
    let net = net.node("c: Conv(x, w) -> a").node("bias: Add(a, b) -> d");
    let net = net.node("n: BatchNormalization(d, gamma, beta, mean, variance) -> e").node("r: Relu(e) -> y");
    assert_eq!(found(&net.outputs(&["y"]).simplified(), &["c", "bias", "n", "r"]), ["c", "c", "c", "r"]);
}

#[test]
fn a_normalization_behind_gemm_is_the_gemm() {
    let net = with_norm(net(&["x 1 3"]).floats("w", &[3, 2]).floats("b", &[2]));
    let net = net.node("g: Gemm(x, w, b) -> a").node("n: BatchNormalization(a, gamma, beta, mean, variance) -> y");
    assert_eq!(found(&net.outputs(&["y"]).simplified(), &["g", "n"]), ["g", "g"]);
}

#[test]
fn nodes_that_change_nothing_are_the_layer_before_them() {
    let net = net(&["x 1 4"]).node("first: Identity(x) -> a").node("r: Relu(a) -> b").node("copy: Identity(b) -> c");
    let net = net.node("drop: Dropout(c) -> d").node("again: Relu(d) -> e").node("t: Tanh(e) -> y").outputs(&["y"]);
    assert_eq!(
        found(&net.simplified(), &["first", "r", "copy", "drop", "again", "t"]),
        ["-", "r", "r", "r", "again", "t"]
    );
}

#[test]
fn nodes_that_are_fused_into_one_are_that_one() {
    let net = net(&["x 1 4"]).node("r: Relu(x) -> a").node("s: Sigmoid(a) -> b").node("m: Mul(a, b) -> y");
    assert_eq!(found(&net.outputs(&["y"]).simplified(), &["s", "m"]), ["r/Swish", "r/Swish"]);
    let net = super::net(&["x 1 4 5"]).node_with("t: Transpose(x) -> a", &[("perm", Attribute::Ints(vec![0, 2, 1]))]);
    let net =
        net.node("r: Relu(a) -> b").node_with("u: Transpose(b) -> c", &[("perm", Attribute::Ints(vec![0, 2, 1]))]);
    let net = net.node_with("v: Transpose(c) -> y", &[("perm", Attribute::Ints(vec![1, 2, 0]))]).outputs(&["y"]);
    assert_eq!(found(&net.simplified(), &["t", "r", "u", "v"]), ["t", "r", "v", "v"]);
}

#[test]
fn a_name_that_stands_for_no_layer_says_why() {
    let net = net(&["x 1 4"]).floats("k", &[4]).node("e: Exp(k) -> a").node("m: Mul(x, a) -> b");
    let net = net.node("lost: Neg(b) -> c").node("r: Relu(b) -> y").outputs(&["y"]);
    let names = net.simplified().names;
    assert!(names.unknown("e").to_string().starts_with("`e` was folded: its result is a constant"));
    assert!(
        names.unknown("lost").to_string().starts_with("`lost` was removed: it changes nothing, or nothing reads it")
    );
    assert_eq!(names.unknown("zzzzzz").what(), "the model has no layer `zzzzzz`");
    assert_eq!(
        names.unknown("zzzzzz").help(),
        Some("no layer has a name like it; `espq report` and Netron show all names")
    );
}

#[test]
fn a_misspelt_name_of_a_part_is_recognized() {
    let net = with_norm(net(&["x 1 3 4 4"]).floats("w", &[2, 3, 1, 1])).node("/a/Conv: Conv(x, w) -> a");
    let net = net.node("/a/norm/BatchNormalization: BatchNormalization(a, gamma, beta, mean, variance) -> b");
    let names = net.node("/far/Relu: Relu(b) -> y").outputs(&["y"]).simplified().names;
    assert_eq!(names.like("/a/norm/batchnormalisation"), ["/a/norm/BatchNormalization"]);
    assert_eq!(names.like("/a/conv"), ["/a/Conv"]);
}

#[test]
fn the_module_of_a_node_is_that_of_its_layer() {
    let graph = net(&["x 1 5 4"]).floats("w", &[4, 3]).floats("b", &[3]).node("mul: MatMul(x, w) -> a");
    let graph = graph.node("add: Add(a, b) -> y").outputs(&["y"]).0;
    let modules = [("mul".to_string(), "head.fc".to_string())].into();
    let record = Record { modules, ..Record::default() };
    let names = simplify(Imported { record, ..Imported::of(graph) }).unwrap().names;
    let layer = names.layer("add").unwrap();
    assert_eq!(names.module(layer), Some("head.fc"));
}
