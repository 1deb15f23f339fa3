//! Layers of arithmetic: products, functions, comparisons, reductions, normalizations.

use espq::graph::{DataType, Tensor};

use super::network::{Layer, Net, int};

pub fn gemm(net: &mut Net, layer: Layer) {
    if net.shape().len() != 2 {
        net.add("Flatten", &[], &[], 1);
    }
    let columns = net.shape()[1];
    let weight = net.constant(&[5 + layer.a, columns], layer.size);
    let bias = net.constant(&[5 + layer.a], layer.size);
    net.add("Gemm", &[weight, bias], &[int("transB", 1)], 1);
}

pub fn matmul(net: &mut Net, layer: Layer) {
    let columns = *net.shape().last().unwrap();
    let weight = net.constant(&[columns, 4 + layer.a], layer.size);
    net.add("MatMul", &[weight], &[], 1);
}

pub fn unary(net: &mut Net, layer: Layer) {
    const OPS: [&str; 12] = [
        "Relu",
        "Log",
        "Sigmoid",
        "Tanh",
        "HardSwish",
        "HardSigmoid",
        "LeakyRelu",
        "Elu",
        "Exp",
        "Neg",
        "Abs",
        "Identity",
    ];
    const MORE: [&str; 8] = ["Sqrt", "Gelu", "Erf", "Softplus", "Reciprocal", "Mish", "Swish", "Relu"];
    let op = if layer.b == 11 { MORE[layer.a % MORE.len()] } else { OPS[layer.a % OPS.len()] };
    net.add(op, &[], &[], 1);
}

/// Gelu as PyTorch exports it before operator set 20: five nodes around Erf, which the exporter joins.
pub fn gelu(net: &mut Net, layer: Layer) {
    let x = net.last();
    let [root, one, half] = [std::f32::consts::SQRT_2, 1.0, 0.5].map(|value| net.given(Tensor::scalar(value)));
    net.add("Div", &[root], &[], 1);
    net.add("Erf", &[], &[], 1);
    net.add("Add", &[one], &[], 1);
    if layer.a.is_multiple_of(2) {
        net.add("Mul", &[x], &[], 1);
        net.add("Mul", &[half], &[], 1);
    } else {
        net.add("Mul", &[half], &[], 1);
        net.add("Mul", &[x], &[], 1);
    }
}

/// Values so small that the bias of the next layer is far above them.
pub fn small(net: &mut Net, layer: Layer) {
    let factor = net.given(Tensor::scalar([1e-3f32, 1e-5, 1e-7][layer.a % 3]));
    net.add("Mul", &[factor], &[], 1);
}

pub fn clip(net: &mut Net, layer: Layer) {
    let low = net.given(Tensor::scalar([0.0f32, -1.0, -0.3][layer.a % 3]));
    let high = net.given(Tensor::scalar([6.0f32, 1.0, 0.7][layer.b % 3]));
    net.add("Clip", &[low, high], &[], 1);
}

pub fn prelu(net: &mut Net, layer: Layer) {
    let shape = net.shape();
    let Some(&channels) = shape.get(1) else { return };
    let slopes = match layer.a % 3 {
        0 => vec![1],
        1 => shape[1..].to_vec(),
        _ => [vec![channels], vec![1; shape.len() - 2]].concat(),
    };
    // Slopes above 1, and of one sign.
    let slopes = match layer.b {
        9 => net.constant(&slopes, 2.0),
        10 | 11 => {
            let slope = if layer.b == 10 { -0.3f32 } else { 1.7 };
            net.given(Tensor::new(&slopes, vec![slope; slopes.iter().product()]).unwrap())
        }
        _ => net.constant(&slopes, layer.size.min(1.0)),
    };
    net.add("PRelu", &[slopes], &[], 1);
}

pub fn binary(net: &mut Net, layer: Layer) {
    let other = net.other(1 + layer.back);
    net.add(["Add", "Sub", "Mul", "Add"][layer.a % 4], &[other], &[], 1);
}

pub fn constant(net: &mut Net, layer: Layer) {
    let shape = net.shape();
    let operand = match layer.b % 3 {
        0 => vec![1],
        1 if shape.len() > 2 => [vec![shape[1]], vec![1; shape.len() - 2]].concat(),
        _ => shape,
    };
    let operand = net.constant(&operand, layer.size);
    net.add(["Add", "Sub", "Mul"][layer.a % 3], &[operand], &[], 1);
}

pub fn softmax(net: &mut Net, layer: Layer) {
    let axis = layer.a % net.shape().len();
    net.add(["Softmax", "LogSoftmax"][layer.b / 8], &[], &[int("axis", axis)], 1);
}

pub fn normalize(net: &mut Net, layer: Layer) {
    let shape = net.shape();
    match layer.a % 4 {
        3 if shape.len() > 2 => {
            let (scale, bias) = (net.constant(&[shape[1]], layer.size), net.constant(&[shape[1]], layer.size));
            net.add("InstanceNormalization", &[scale, bias], &[], 1);
        }
        _ => {
            let last = *shape.last().unwrap();
            let (scale, bias) = (net.constant(&[last], layer.size), net.constant(&[last], layer.size));
            net.add("LayerNormalization", &[scale, bias], &[], 1);
        }
    }
}

/// Over one axis, two or all.
pub fn reduce(net: &mut Net, layer: Layer) {
    const OPS: [&str; 10] = [
        "ReduceMean",
        "ReduceMax",
        "ReduceMin",
        "ReduceSum",
        "ReduceL2",
        "ReduceSumSquare",
        "ReduceMean",
        "ReduceL1",
        "ReduceLogSum",
        "ReduceLogSumExp",
    ];
    let rank = net.shape().len();
    let axes: Vec<i64> = match layer.b {
        11 => (0..rank as i64).collect(),
        8..=10 if rank > 2 => vec![rank as i64 - 1, rank as i64 - 2],
        _ => vec![(layer.b % rank) as i64],
    };
    let axes = net.list(&axes);
    net.add(OPS[layer.a % OPS.len()], &[axes], &[int("keepdims", layer.back % 2)], 1);
}

pub fn extremes(net: &mut Net, layer: Layer) {
    let (last, other) = (net.last(), net.other(1 + layer.back));
    net.add_over(["Max", "Min", "Div", "Pow"][layer.a % 4], &[last, other], &[], 1);
}

/// A choice between two values by a comparison, or the comparison as an output.
pub fn choice(net: &mut Net, layer: Layer) {
    const OPS: [&str; 5] = ["Greater", "Less", "Equal", "GreaterOrEqual", "LessOrEqual"];
    let (last, other) = (net.last(), net.other(1 + layer.back));
    let right = match layer.b % 3 {
        0 => net.given(Tensor::scalar(0.25f32)),
        _ => other,
    };
    let Some(truth) = net.add_typed(OPS[layer.a % OPS.len()], &[last, right], &[], DataType::Bool) else { return };
    match layer.b / 3 {
        0 => {}
        1 => {
            let otherwise = net.given(Tensor::scalar(layer.size));
            net.add_over("Where", &[truth, last, otherwise], &[], 1);
        }
        _ => net.add_over("Where", &[truth, last, other], &[], 1),
    }
}

/// A mask that is added before a Softmax.
pub fn mask(net: &mut Net, layer: Layer) {
    let last = *net.shape().last().unwrap();
    let low = [-10_000.0, f32::MIN, f32::NEG_INFINITY, -100.0][layer.a % 4];
    let values = (0..last).map(|i| if i > last / 2 { low } else { 0.0 }).collect::<Vec<f32>>();
    let operand = net.given(Tensor::new(&[last], values).unwrap());
    net.add("Add", &[operand], &[], 1);
    net.add("Softmax", &[], &[int("axis", net.shape().len() - 1)], 1);
}
