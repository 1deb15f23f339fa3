//! Layers that move elements: shapes, slices, places.

use espq::graph::{DataType, Tensor};

use super::network::{Layer, Net, int, ints, text};

pub fn reshape(net: &mut Net, layer: Layer) {
    let count: usize = net.shape().iter().product();
    let shapes = [vec![1, -1], vec![1, 2, -1], vec![1, 2, 3, -1], vec![1, -1, 2]];
    let shape = &shapes[layer.a % shapes.len()];
    let known: i64 = shape.iter().filter(|&&s| s > 0).product();
    if (count as i64) % known == 0 {
        let shape = net.list(shape);
        net.add("Reshape", &[shape], &[], 1);
    }
}

pub fn transpose(net: &mut Net, layer: Layer) {
    let mut perm: Vec<usize> = (0..net.shape().len()).collect();
    let rank = perm.len();
    perm.swap(layer.a % rank, layer.b % rank);
    net.add("Transpose", &[], &[ints("perm", &perm)], 1);
}

pub fn slice(net: &mut Net, layer: Layer) {
    let shape = net.shape();
    let axis = layer.a % shape.len();
    let (start, step) = (layer.b % 3, 1 + layer.back % 2);
    let lists = [vec![start as i64], vec![shape[axis] as i64], vec![axis as i64], vec![step as i64]];
    let lists: Vec<_> = lists.iter().map(|list| net.list(list)).collect();
    net.add("Slice", &lists, &[], 1);
}

pub fn concat(net: &mut Net, layer: Layer) {
    let other = net.other(1 + layer.back);
    let axis = layer.a % net.shape().len();
    net.add("Concat", &[other], &[int("axis", axis)], 1);
}

pub fn split(net: &mut Net, layer: Layer) {
    let shape = net.shape();
    let axis = layer.a % shape.len();
    let first = 1 + layer.b % 3;
    if shape[axis] > first {
        let sizes = net.list(&[first as i64, (shape[axis] - first) as i64]);
        net.add("Split", &[sizes], &[int("axis", axis)], 2);
    }
}

pub fn gather(net: &mut Net, layer: Layer) {
    let axis = layer.a % net.shape().len();
    let size = net.shape()[axis];
    let places = net.list(&[(layer.b % size) as i64, -1]);
    net.add("Gather", &[places], &[int("axis", axis)], 1);
}

/// At one axis or all, with a constant of its own.
pub fn pad(net: &mut Net, layer: Layer) {
    let rank = net.shape().len();
    let mut pads = vec![0i64; 2 * rank];
    pads[rank - 1] = (layer.a % 3) as i64;
    pads[2 * rank - 1] = (layer.b % 3) as i64 - 1;
    if layer.a >= 8 {
        pads[layer.b % rank] = 1;
    }
    let pads = net.list(&pads);
    let mode = ["constant", "reflect", "edge", "constant"][layer.back % 4];
    let mut more = vec![pads];
    if layer.back == 3 {
        more.push(net.given(Tensor::scalar(layer.size)));
    }
    net.add("Pad", &more, &[text("mode", mode)], 1);
}

pub fn squeeze(net: &mut Net, layer: Layer) {
    let axes = net.list(&[(layer.b % (net.shape().len() + 1)) as i64]);
    net.add(["Unsqueeze", "Squeeze"][layer.a % 2], &[axes], &[], 1);
}

/// Places of the largest or smallest elements, which are outputs.
pub fn places(net: &mut Net, layer: Layer) {
    let axis = layer.a % net.shape().len();
    let op = ["ArgMax", "ArgMin"][layer.b % 2];
    let last = net.last();
    net.add_typed(op, &[last], &[int("axis", axis), int("keepdims", layer.back % 2)], DataType::I64);
}

pub fn top(net: &mut Net, layer: Layer) {
    let shape = net.shape();
    let axis = layer.a % shape.len();
    let count = net.list(&[(1 + layer.b % 3).min(shape[axis]) as i64]);
    net.add_first("TopK", &[count], &[int("axis", axis), int("largest", layer.back % 2)]);
}

pub fn scatter(net: &mut Net, layer: Layer) {
    let shape = net.shape();
    let block =
        if layer.a.is_multiple_of(2) { shape[1..].to_vec() } else { shape.get(2..).unwrap_or_default().to_vec() };
    let known = shape.len() - block.len();
    let place: Vec<i64> = shape[..known].iter().map(|&size| (layer.b % size) as i64).collect();
    let indices = net.given(Tensor::new(&[1, known], place).unwrap());
    let updates = net.constant(&[vec![1], block].concat(), layer.size);
    net.add("ScatterND", &[indices, updates], &[], 1);
}

pub fn expand(net: &mut Net, layer: Layer) {
    let shape = net.shape();
    match layer.a % 2 {
        0 => {
            let mut repeats = vec![1i64; shape.len()];
            repeats[layer.b % shape.len()] = 2;
            let repeats = net.list(&repeats);
            net.add("Tile", &[repeats], &[], 1);
        }
        _ => {
            let target: Vec<i64> =
                shape.iter().map(|&size| if size == 1 && layer.b > 5 { 2 } else { size as i64 }).collect();
            let target = net.list(&target);
            net.add("Expand", &[target], &[], 1);
        }
    }
}
