//! Tests of small nodes, one operator each; expected values are computed by hand from the source that the operator's
//! module names.

use crate::chip::Target;
use crate::espdl::{Attribute, DataType, Model, Tensor, ValueInfo};

use super::tests::{info, int8, int64, model, outcome};
use super::{run, unproven};

fn text(value: &str) -> Attribute {
    Attribute::Text(value.into())
}

fn int16(name: &str, dims: &[usize], exponent: i64, values: &[i16]) -> Tensor {
    let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    Tensor { data_type: DataType::Int16, bytes, ..int8(name, dims, exponent, &[]) }
}

fn float(name: &str, dims: &[usize], values: &[f32]) -> Tensor {
    let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    Tensor { data_type: DataType::Float, bytes, ..int8(name, dims, 0, &[]) }
}

fn info16(name: &str, dims: &[i64], exponent: i64) -> ValueInfo {
    ValueInfo { data_type: DataType::Int16, ..info(name, dims, exponent) }
}

fn outcome16(model: &Model, target: Target, input: Tensor) -> Vec<i16> {
    let bytes = run(model, target, &[input]).unwrap().remove(0).bytes;
    bytes.as_chunks().0.iter().map(|&b| i16::from_le_bytes(b)).collect()
}

fn float_model(op: &str, length: usize, weights: &[Tensor]) -> Model {
    let of = |name| ValueInfo { data_type: DataType::Float, ..info(name, &[length as i64], 0) };
    model(op, of("x"), of("y"), weights, &[("quant_type", text("F32"))])
}

fn float_outcome(model: &Model, x: &[f32]) -> Vec<f32> {
    let bytes = run(model, Target::C, &[float("x", &[x.len()], x)]).unwrap().remove(0).bytes;
    bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect()
}

fn floats(op: &str, x: &[f32], weights: &[Tensor]) -> Vec<f32> {
    float_outcome(&float_model(op, x.len(), weights), x)
}

#[test]
fn layer_normalization_counts_from_the_mean() {
    let weights = [int8("g", &[2], 0, &[1, 2]), int8("b", &[2], -1, &[1, -1])];
    let attributes = [("epsilon", Attribute::Float(0.0))];
    let net = model("LayerNormalization", info("x", &[2, 2], 3), info("y", &[2, 2], -6), &weights, &attributes);
    // Mean 16, deviation 8: -1 and 1, times 1 and 2, plus 0.5 and -0.5.
    let made = outcome(&net, Target::C, int8("x", &[2, 2], 3, &[1, 3, 3, 1]));
    assert_eq!(made, [-32, 96, 96, -128]);
}

#[test]
fn layer_normalization_with_output_mean_is_refused() {
    let mut net = model("LayerNormalization", info("x", &[2], 0), info("y", &[2], 0), &[], &[]);
    net.graph.nodes[0].outputs.push("mean".into());
    net.graph.values.push(info("mean", &[1], 0));
    let error = run(&net, Target::C, &[int8("x", &[2], 0, &[1, 3])]).unwrap_err();
    assert_eq!(error.what(), "it has the outputs Mean and InvStdDev, for which esp-ppq writes no scale");
}

#[test]
fn rms_normalization_has_float_factors() {
    let weights = [float("g", &[2], &[1.0, 2.0])];
    let attributes = [("epsilon", Attribute::Float(0.0))];
    let net = model("RMSNormalization", info("x", &[2], 0), info("y", &[2], -5), &weights, &attributes);
    // 3 and 4 over the root of 12.5: 0.8485 and 1.1314 times 2.
    assert_eq!(outcome(&net, Target::Esp32p4, int8("x", &[2], 0, &[3, 4])), [27, 72]);
}

#[test]
fn lp_normalization_goes_along_any_axis() {
    let normal = |dims: &[usize], axis, p, x: &[i8]| {
        let sizes: Vec<i64> = dims.iter().map(|&d| d as i64).collect();
        let attributes = [("axis", Attribute::Int(axis)), ("p", Attribute::Int(p))];
        let net = model("LpNormalization", info("x", &sizes, 5), info("y", &sizes, -6), &[], &attributes);
        outcome(&net, Target::C, int8("x", dims, 5, x))
    };
    assert_eq!(normal(&[2, 2], -1, 2, &[3, 4, 0, 0]), [38, 51, 0, 0]);
    assert_eq!(normal(&[2, 2], 0, 1, &[3, 0, -4, 2]), [27, 0, -37, 64]);
}

#[test]
fn depth_to_space_is_supported_in_one_mode() {
    let of = |mode: &str, channels: usize| {
        let x: Vec<i8> = (0..channels as i8).collect();
        let attributes = [("blocksize", Attribute::Int(2)), ("mode", text(mode))];
        let (from, to) = ([1, 1, 1, channels as i64], [1, 2, 2, channels as i64 / 4]);
        let net = model("DepthToSpace", info("x", &from, 0), info("y", &to, 0), &[], &attributes);
        run(&net, Target::C, &[int8("x", &[1, 1, 1, channels], 0, &x)]).map(|mut made| made.remove(0).bytes)
    };
    assert_eq!(of("CRD", 8).unwrap(), [0, 4, 1, 5, 2, 6, 3, 7]);
    assert_eq!(of("DCR", 8).unwrap(), [0, 1, 2, 3, 4, 5, 6, 7]);
    let error = of("DCR", 4).unwrap_err();
    assert_eq!(error.what(), "in mode DCR, the chip writes 1 channels as if there were 2, overwriting some");
}

#[test]
fn space_to_depth_has_channels_before_positions() {
    let attributes = [("blocksize", Attribute::Int(2))];
    let net = model("SpaceToDepth", info("x", &[1, 2, 2, 2], 0), info("y", &[1, 1, 1, 8], 0), &[], &attributes);
    let made = outcome(&net, Target::C, int8("x", &[1, 2, 2, 2], 0, &[0, 1, 2, 3, 4, 5, 6, 7]));
    assert_eq!(made, [0, 2, 4, 6, 1, 3, 5, 7]);
}

#[test]
fn comparisons_are_of_integers() {
    let of = |op: &str, exponent| {
        let y = ValueInfo { data_type: DataType::Bool, ..info("y", &[3], 0) };
        let net = model(op, info("x", &[3], -3), y, &[int8("k", &[1], exponent, &[2])], &[]);
        run(&net, Target::Esp32s3, &[int8("x", &[3], -3, &[1, 2, 3])]).map(|mut made| made.remove(0).bytes)
    };
    assert_eq!(of("Equal", -3).unwrap(), [0, 1, 0]);
    assert_eq!((of("Greater", -3).unwrap(), of("GreaterOrEqual", -3).unwrap()), (vec![0, 0, 1], vec![0, 1, 1]));
    assert_eq!((of("Less", -3).unwrap(), of("LessOrEqual", -3).unwrap()), (vec![1, 0, 0], vec![1, 1, 0]));
    assert_eq!(of("Less", -2).unwrap_err().what(), "exponents -3 and -2, but the chip compares integers unscaled");
}

#[test]
fn powers_and_remainders_are_floats() {
    let of = |op: &str, k: &[i8]| {
        let net = model(op, info("x", &[2], -1), info("y", &[2], -2), &[int8("k", &[k.len()], 0, k)], &[]);
        run(&net, Target::C, &[int8("x", &[2], -1, &[-7, 5])]).map(|mut made| made.remove(0).bytes)
    };
    // Expected: -3.5 and 2.5.
    assert_eq!(of("Pow", &[2]).unwrap(), [49, 25]);
    assert_eq!(of("Mod", &[2, 0]).unwrap(), [-6i8 as u8, 0]);
    assert_eq!(floats("Pow", &[2.0], &[float("k", &[1], &[0.5])]), [2f32.sqrt()]);
}

/// Reduces a column of values with these exponents.
fn reduced(op: &str, target: Target, from: i64, to: i64, x: &[i8]) -> i8 {
    let net = model(op, info("x", &[x.len() as i64], from), info("y", &[1], to), &[], &[]);
    outcome(&net, target, int8("x", &[x.len()], from, x))[0]
}

#[test]
fn sums_are_shifted_and_other_reductions_are_floats() {
    // Expected: 2.5 and 12.5.
    let both = |op, to, x| [Target::Esp32p4, Target::C].map(|target| reduced(op, target, 0, to, x));
    assert_eq!(both("ReduceL1", 1, &[-2, 3]), [2, 3]);
    assert_eq!(both("ReduceSum", 1, &[2, 3]), [2, 3]);
    assert_eq!(both("ReduceSumSquare", 1, &[3, 4]), [12, 13]);
    assert_eq!(both("ReduceL2", 0, &[3, 4]), [5, 5]);
    assert_eq!(both("ReduceProd", 0, &[3, 4]), [12, 12]);
    // Expected: log 8 in 32nds, log 2 in 64ths.
    assert_eq!(both("ReduceLogSum", -5, &[3, 5]), [67, 67]);
    assert_eq!(both("ReduceLogSumExp", -6, &[0, 0]), [44, 44]);
}

#[test]
fn a_long_sum_of_16_bits_is_not_rounded_to_a_float() {
    let x = [&[32000; 1024][..], &[513]].concat();
    let s16 = [("quant_type", text("S16"))];
    let net = model("ReduceSum", info16("x", &[1025], 0), info16("y", &[1], 10), &[], &s16);
    // Expected: 32000 and 513 / 1024; a float would round away one half.
    assert_eq!(outcome16(&net, Target::Esp32p4, int16("x", &[1025], 0, &x)), [32001]);
}

#[test]
fn a_logarithm_of_zero_is_refused() {
    let net = model("ReduceLogSum", info("x", &[2], 0), info("y", &[1], 0), &[], &[]);
    let error = run(&net, Target::C, &[int8("x", &[2], 0, &[-1, -1])]).unwrap_err();
    assert_eq!(error.what(), "its result is NaN, for which the chip's result is undefined");
}

#[test]
fn a_scale_beyond_an_int32_is_refused() {
    let s16 = [("quant_type", text("S16"))];
    let net = model("ReduceL2", info16("x", &[2], -16), info16("y", &[1], -16), &[], &s16);
    let error = run(&net, Target::C, &[int16("x", &[2], -16, &[3, 4])]).unwrap_err();
    assert!(error.what().starts_with("it needs the scale 2^-32"), "{}", error.what());
}

#[test]
fn relu_rescales_where_exponents_differ() {
    let net = model("Relu", info("x", &[3], 0), info("y", &[3], 1), &[], &[]);
    let made = |target| outcome(&net, target, int8("x", &[3], 0, &[-5, 5, 127]));
    assert_eq!((made(Target::Esp32p4), made(Target::C)), (vec![0, 2, 64], vec![0, 3, 64]));
}

#[test]
fn neg_has_no_table() {
    let table = ("lut", text("t"));
    let mut net = model("Neg", info("x", &[2], 0), info("y", &[2], 0), &[], &[table]);
    net.graph.initializers.push(int8("t", &[256], 0, &[0; 256]));
    assert_eq!(outcome(&net, Target::C, int8("x", &[2], 0, &[-128, 5])), [127, -5]);
}

#[test]
fn functions_without_a_table_are_floats() {
    let of = |op: &str, attributes: &[(&str, Attribute)]| {
        let attributes = [attributes, &[("quant_type", text("S16"))]].concat();
        let net = model(op, info16("x", &[2], -8), info16("y", &[2], -12), &[], &attributes);
        outcome16(&net, Target::C, int16("x", &[2], -8, &[256, -512]))
    };
    // Inputs 1 and -2.
    assert_eq!(of("LeakyRelu", &[("alpha", Attribute::Float(0.25))]), [4096, -2048]);
    assert_eq!(of("HardSigmoid", &[("alpha", Attribute::Float(0.25))]), [3072, 0]);
    // Expected: 0.666667 and -2 x 0.166666.
    assert_eq!(of("HardSwish", &[]), [2731, -1365]);
    assert_eq!(of("Elu", &[]), [4096, -3542]);
    assert_eq!(of("Exp", &[]), [11134, 554]);
    assert_eq!(floats("Sqrt", &[4.0], &[]), [2.0]);
}

#[test]
fn sequences_are_reversed_up_to_their_length() {
    let attributes = [("batch_axis", Attribute::Int(0)), ("time_axis", Attribute::Int(1))];
    let net = model(
        "ReverseSequence",
        info("x", &[2, 3], 0),
        info("y", &[2, 3], 0),
        &[int64("lengths", &[2, 3])],
        &attributes,
    );
    assert_eq!(outcome(&net, Target::C, int8("x", &[2, 3], 0, &[1, 2, 3, 4, 5, 6])), [2, 1, 3, 6, 5, 4]);
}

#[test]
fn a_cache_begins_with_zeros() {
    let attributes = [("window_size", Attribute::Int(3))];
    let net = model("StreamingCache", info("x", &[1, 2, 2], 0), info("y", &[1, 4, 2], 0), &[], &attributes);
    assert_eq!(outcome(&net, Target::C, int8("x", &[1, 2, 2], 0, &[1, 2, 3, 4])), [0, 0, 0, 0, 1, 2, 3, 4]);
}

#[test]
fn blocks_are_scattered() {
    let of = |reduction: &str, index| {
        let mut indices = int64("i", &[index]);
        indices.dims = vec![1, 1];
        let weights = [indices, int8("u", &[1, 2], 0, &[100, 9])];
        let attributes = [("reduction", text(reduction))];
        let net = model("ScatterND", info("x", &[2, 2], 0), info("y", &[2, 2], 0), &weights, &attributes);
        run(&net, Target::C, &[int8("x", &[2, 2], 0, &[1, 2, 30, 4])]).map(|mut made| made.remove(0).bytes)
    };
    assert_eq!(of("none", 1).unwrap(), [1, 2, 100, 9]);
    assert_eq!(of("add", 1).unwrap(), [1, 2, 127, 13]);
    assert_eq!(of("none", -1).unwrap_err().what(), "index -1 is outside the 2 elements of axis 0");
}

#[test]
fn float_kernels_equal_the_sources() {
    assert_eq!(floats("Div", &[1.0, 7.0], &[float("k", &[1], &[3.0])]), [1.0 / 3.0, 7.0 * (1.0 / 3.0)]);
    assert_eq!(floats("Add", &[1.0, 7.0], &[float("k", &[2], &[3.0, 4.0])]), [4.0, 11.0]);
}

#[test]
fn w8a16_filters_are_summed_like_16_bit_ones() {
    let w8a16 = [("quant_type", text("W8A16"))];
    let weight = int8("w", &[1, 1, 2, 1], -2, &[100, 4]);
    let net = model("Gemm", info16("x", &[1, 2], 0), info16("y", &[1, 1], 1), &[weight], &w8a16);
    // Expected: 94004 / 8 = 11750.5.
    let made = |target| outcome16(&net, target, int16("x", &[1, 2], 0, &[1000, -1499]));
    assert_eq!((made(Target::Esp32p4), made(Target::C)), (vec![11750], vec![11751]));
    assert_eq!(unproven(&net), ["n"]);
}

#[test]
fn a_float_clip_without_a_lower_bound_has_one() {
    let mut net = float_model("Clip", 2, &[float("high", &[1], &[6.0])]);
    net.graph.nodes[0].inputs.insert(1, String::new());
    // `numeric_limits<float>::min()` is the smallest float above 0.
    assert_eq!(float_outcome(&net, &[-1.0, 7.0]), [f32::MIN_POSITIVE, 6.0]);
}

#[test]
fn one_slope_at_int16_is_repeated_for_every_channel() {
    let slope = int16("a", &[1, 1, 1], -1, &[1]);
    let (x, y) = (info16("x", &[1, 1, 1, 2], 0), info16("y", &[1, 1, 1, 2], 0));
    let net = model("PRelu", x, y, &[slope], &[("quant_type", text("S16"))]);
    // Expected: half of -6, and 5 unchanged.
    assert_eq!(outcome16(&net, Target::Esp32p4, int16("x", &[1, 1, 1, 2], 0, &[-6, 5])), [-3, 5]);
}
