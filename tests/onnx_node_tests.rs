//! Tests of every operator against the ONNX package's backend node tests (`fixtures/node_tests.py`).
//!
//! Results are compared like in ONNX's runner: equal type and shape, rtol 1e-3, atol 1e-7. A skipped case that passes
//! is a failure, so that the list below stays correct.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

use std::path::Path;

use espq::graph::{DataType, Graph, Tensor};
use espq::ops::{self, Call, Fact};

const CASES: &[u8] = include_bytes!("../fixtures/node_tests.bin");

/// Names of cases that espq does not run (prefixes if they end in `*`), and the reason.
const SKIPPED: &[(&str, &str)] = &[
    ("training_dropout", "training mode: espq reads models exported for inference"),
    ("training_dropout_default*", "training mode"),
    ("training_dropout_mask", "training mode"),
    ("cast_FLOAT16_to_FLOAT4E2M1", "4-bit floats: no Espressif chip has them"),
    ("cast_FLOAT16_to_FLOAT8*", "8-bit floats: no Espressif chip has them"),
    ("cast_FLOAT16_to_INT4", "packed 4-bit integers"),
    ("cast_FLOAT16_to_UINT4", "packed 4-bit integers"),
    ("cast_FLOAT4E2M1_to_*", "4-bit floats"),
    ("cast_FLOAT8*", "8-bit floats"),
    ("cast_FLOAT_to_BFLOAT16", "bfloat16 is widened to float32, so that casting to it rounds nothing"),
    ("cast_FLOAT_to_FLOAT4E2M1", "4-bit floats"),
    ("cast_FLOAT_to_FLOAT8*", "8-bit floats"),
    ("cast_FLOAT_to_INT4", "packed 4-bit integers"),
    ("cast_FLOAT_to_UINT4", "packed 4-bit integers"),
    ("cast_INT4_to_*", "packed 4-bit integers"),
    ("cast_UINT4_to_*", "packed 4-bit integers"),
    ("cast_e8m0_*", "8-bit floats"),
    ("cast_no_saturate_*", "8-bit floats"),
    ("equal_string*", "strings"),
    ("identity_opt", "optionals: no network for these chips has them"),
    ("identity_sequence", "sequences: no network for these chips has them"),
    ("not_2d", "operator set 1: espq reads 7 to 21"),
    ("not_3d", "operator set 1"),
    ("not_4d", "operator set 1"),
    ("l2normalization_axis_0", "a row of zeros stays zero, as in torch and ESP-DL, instead of 0 / 0"),
    ("resize_downsample_scales_cubic_align_corners", "the rounded output size counts, as in torch and ONNX Runtime"),
    ("resize_downsample_scales_linear_align_corners", "the rounded output size counts, as in torch and ONNX Runtime"),
    ("resize_downsample_scales_cubic_antialias", "antialias: not in ESP-DL"),
    ("resize_downsample_scales_linear_antialias", "antialias: not in ESP-DL"),
    ("resize_downsample_sizes_cubic_antialias", "antialias: not in ESP-DL"),
    ("resize_downsample_sizes_linear_antialias", "antialias: not in ESP-DL"),
];

#[test]
fn every_case_of_the_onnx_package() {
    let (mut passed, mut skipped, mut failures) = (0, Vec::new(), Vec::new());
    for (name, model) in cases() {
        let outcome = run(&model);
        match (SKIPPED.iter().find(|(pattern, _)| matches(&name, pattern)), outcome) {
            (None, Ok(())) => passed += 1,
            (None, Err(why)) => failures.push(format!("{name}: {why}")),
            (Some((_, reason)), Err(_)) => skipped.push(format!("{name}: {reason}")),
            (Some((_, reason)), Ok(())) => failures.push(format!("{name}: passes, though skipped as: {reason}")),
        }
    }
    println!("{passed} passed, {} failed, {} skipped:\n{}", failures.len(), skipped.len(), skipped.join("\n"));
    for (pattern, reason) in SKIPPED {
        if !cases().iter().any(|(name, _)| matches(name, pattern)) {
            failures.push(format!("{pattern}: no case is skipped as: {reason}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(passed > 850, "only {passed} cases ran");
}

fn matches(name: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}

/// Name and model of each packed case.
fn cases() -> Vec<(String, Vec<u8>)> {
    let mut rest = CASES;
    let mut next = || {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (part, after) = after.split_at(u32::from_le_bytes(*length) as usize);
        rest = after;
        Some(part.to_vec())
    };
    std::iter::from_fn(|| Some((String::from_utf8(next()?).unwrap(), next()?))).collect()
}

fn run(model: &[u8]) -> Result<(), String> {
    if model.is_empty() {
        return Err("its inputs or outputs are not tensors".into());
    }
    let graph = espq::model::onnx::parse(model.to_vec().into(), Path::new(".")).map_err(|e| e.to_string())?.graph;
    let mut values: Vec<Option<Tensor>> = graph.values.iter().map(|v| v.constant.clone()).collect();
    for node in &graph.nodes {
        let operator = ops::find(&node.op).ok_or(format!("no operator {}", node.op))?;
        let fed: Vec<Option<Tensor>> = node.inputs.iter().map(|i| i.and_then(|v| values[v.0].clone())).collect();
        let inputs: Vec<Option<Fact>> = fed.iter().map(|t| t.clone().map(Fact::of)).collect();
        let call =
            Call { attributes: &node.attributes, opset: graph.opset, inputs: &inputs, outputs: node.outputs.len() };
        let facts = (operator.infer)(&call).map_err(|e| format!("infer: {e}"))?;
        let before: Vec<Option<Vec<f64>>> = fed.iter().map(|t| t.as_ref().map(numbers)).collect();
        let outputs = (operator.prepare)(&call).and_then(|k| k.run(fed.clone())).map_err(|e| e.to_string())?;
        if !fed.iter().zip(&before).all(|(now, before)| same(now.as_ref(), before.as_deref())) {
            return Err("a shared input was written to".into());
        }
        for ((fact, output), value) in facts.iter().zip(&outputs).zip(&node.outputs) {
            if (fact.data_type, fact.shape.as_slice()) != (output.data_type(), output.shape()) {
                return Err(format!("infers {}, computes {}", described(fact.data_type, &fact.shape), of(output)));
            }
            if let Some(value) = value {
                values[value.0] = Some(output.clone());
            }
        }
    }
    graph.outputs.iter().try_for_each(|&id| compare(&graph, &graph.value(id).name, values[id.0].as_ref()))
}

fn same(now: Option<&Tensor>, before: Option<&[f64]>) -> bool {
    match (now, before) {
        (Some(now), Some(before)) => numbers(now).iter().zip(before).all(|(x, y)| x.to_bits() == y.to_bits()),
        (now, before) => now.is_none() && before.is_none(),
    }
}

fn compare(graph: &Graph, name: &str, computed: Option<&Tensor>) -> Result<(), String> {
    let expected = graph.values.iter().find(|v| v.name == format!("expected:{name}")).and_then(|v| v.constant.as_ref());
    let (Some(expected), Some(computed)) = (expected, computed) else { return Err(format!("{name} is missing")) };
    if of(expected) != of(computed) {
        return Err(format!("{name} is {}, expected {}", of(computed), of(expected)));
    }
    for (i, (e, c)) in numbers(expected).into_iter().zip(numbers(computed)).enumerate() {
        let close = e == c || (e.is_nan() && c.is_nan()) || (e - c).abs() <= 1e-7 + 1e-3 * e.abs();
        if !close {
            return Err(format!("{name}[{i}] is {c}, expected {e}"));
        }
    }
    Ok(())
}

fn of(tensor: &Tensor) -> String {
    described(tensor.data_type(), tensor.shape())
}

fn described(data_type: DataType, shape: &[usize]) -> String {
    format!("{} {shape:?}", data_type.name())
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    match tensor.data_type() {
        DataType::F32 => tensor.slice::<f32>().unwrap().iter().map(|&v| v.into()).collect(),
        DataType::F64 => tensor.slice::<f64>().unwrap().to_vec(),
        DataType::U64 => tensor.slice::<u64>().unwrap().iter().map(|&v| v as f64).collect(),
        _ => tensor.to_i64s().unwrap().into_iter().map(|v| v as f64).collect(),
    }
}
