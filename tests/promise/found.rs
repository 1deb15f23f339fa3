//! Networks that the random ones found to be wrong, each the smallest of its kind.

use espq::chip::{Method, Runtime, Scheme, Target};

use super::network::Layer;
use super::{Case, End, check};

const TARGETS: [Target; 3] = [Target::Esp32p4, Target::Esp32s3, Target::Esp32c3];

/// A layer of the numbers 0, with constants of size 0.5.
fn plain(op: &'static str) -> Layer {
    Layer { op, a: 0, b: 0, back: 0, size: 0.5, is_output: false }
}

fn of(shape: usize, layers: &[Layer], target: Target, scheme: Scheme) -> Case {
    let (layers, method, runtime) = (layers.to_vec(), Method::MinMax, Runtime::KNOWN);
    Case { layers, shape, target, scheme, method, runtime, other: Vec::new(), observed: Vec::new(), seed: 1 }
}

fn assert_equal(shape: usize, layers: &[Layer], scheme: Scheme) {
    for target in TARGETS {
        assert_eq!(check(&of(shape, layers, target, scheme)).unwrap(), End::Equal, "{target}");
    }
}

#[test]
fn an_input_keeps_its_range_for_each_reader() {
    // x - x is 0, whose scale is no scale for x.
    let layers = [
        Layer { a: 1, is_output: true, ..plain("binary") },
        Layer { a: 2, ..plain("matmul") },
        Layer { back: 1, ..plain("concat") },
    ];
    assert_equal(0, &layers, Scheme::Int8);
}

#[test]
fn a_filter_of_one_place_keeps_its_pads() {
    // output_padding becomes pads of a Conv.
    assert_equal(0, &[Layer { b: 3, back: 2, ..plain("transposed") }], Scheme::Int8);
}

#[test]
fn a_prelu_computes_each_sample_of_a_batch() {
    assert_equal(5, &[Layer { a: 2, ..plain("prelu") }], Scheme::Int8);
    assert_equal(5, &[plain("prelu")], Scheme::Int16);
}

#[test]
fn a_softmax_stays_float_before_layers_that_share_a_scale() {
    assert_equal(0, &[Layer { a: 1, ..plain("softmax") }, plain("scatter")], Scheme::Int8);
    assert_equal(0, &[Layer { a: 1, ..plain("softmax") }, Layer { a: 7, ..plain("clip") }], Scheme::Int16);
}

#[test]
fn a_maximum_over_no_places_is_a_copy() {
    assert_equal(4, &[Layer { a: 1, ..plain("global") }], Scheme::Int8);
}

#[test]
fn a_value_in_shared_memory_is_not_overwritten() {
    // x is reshaped, the PRelu works in place, and then x is read.
    let layers = [Layer { b: 11, ..plain("prelu") }, Layer { a: 2, ..plain("concat") }];
    assert_equal(5, &layers, Scheme::Int16);
}

#[test]
fn a_gelu_of_five_nodes_is_one_table() {
    // What kl cuts off between the nodes, the table does not. A Conv behind takes the half into its weights.
    for layers in [&[plain("conv"), plain("gelu")][..], &[plain("conv"), plain("gelu"), plain("conv")]] {
        for method in [Method::MinMax, Method::Kl] {
            for scheme in [Scheme::Int8, Scheme::Int16] {
                for target in TARGETS {
                    let case = Case { method, ..of(0, layers, target, scheme) };
                    assert_eq!(check(&case).unwrap(), End::Equal, "{layers:?} {method:?} {scheme:?} {target}");
                }
            }
        }
    }
}

#[test]
fn a_bias_far_above_its_layers_input_is_kept() {
    for scheme in [Scheme::Int8, Scheme::Int16] {
        assert_equal(4, &[Layer { a: 2, ..plain("small") }, plain("gemm")], scheme);
    }
}

#[test]
fn several_sequences_run_one_after_another() {
    for (b, scheme) in [(10, Scheme::Int8), (11, Scheme::Int8), (10, Scheme::Int16)] {
        assert_equal(4, &[Layer { a: 1, b, ..plain("recurrent") }], scheme);
    }
}

#[test]
fn a_sequence_that_is_read_backwards_is_turned_around() {
    for (b, scheme) in [(4, Scheme::Int8), (9, Scheme::Int8), (4, Scheme::Int16)] {
        assert_equal(4, &[Layer { a: 1, b, ..plain("recurrent") }], scheme);
    }
}

#[test]
fn a_float_cell_is_turned_around_too() {
    let layers = [Layer { b: 4, ..plain("conv") }, Layer { b: 9, ..plain("recurrent") }];
    let case = Case { other: vec![(2, Scheme::Float)], ..of(0, &layers, Target::Esp32p4, Scheme::Int8) };
    assert_eq!(check(&case).unwrap(), End::Equal);
}
