//! Layers over windows of places: convolutions, pools, Resize.

use espq::graph::Tensor;

use super::network::{Layer, Named, Net, int, ints, text};

/// Kernel, strides, pads and dilations of as many axes as the value has behind its channels.
fn window(net: &Net, layer: Layer) -> Option<(Vec<usize>, Vec<Named>)> {
    let places = net.shape().len().checked_sub(2).filter(|&n| n == 1 || n == 2)?;
    let kernel = vec![1 + layer.a % 3; places];
    let pad = if layer.b.is_multiple_of(2) { (layer.a % 3).min(1) } else { 0 };
    let strides = vec![1 + layer.b / 3 % 2; places];
    let mut attributes = vec![ints("kernel_shape", &kernel), ints("strides", &strides)];
    match layer.b {
        10 => attributes.push(text("auto_pad", ["SAME_UPPER", "SAME_LOWER"][layer.a / 3 % 2])),
        // More at the end than at the start.
        11 => attributes.push(ints("pads", &[vec![0; places], vec![(layer.a % 3).min(1); places]].concat())),
        _ => attributes.push(ints("pads", &vec![pad; 2 * places])),
    }
    if layer.a >= 9 {
        attributes.push(ints("dilations", &vec![2; places]));
    }
    Some((kernel, attributes))
}

fn convolution(net: &mut Net, layer: Layer, filters: usize, group: usize) {
    let Some((kernel, mut attributes)) = window(net, layer) else { return };
    let channels = net.shape()[1];
    if !channels.is_multiple_of(group) || !filters.is_multiple_of(group) {
        return;
    }
    attributes.push(int("group", group));
    let weight = net.constant(&[&[filters, channels / group][..], &kernel].concat(), layer.size);
    if layer.b == 7 {
        return net.add("Conv", &[weight], &attributes, 1);
    }
    let bias = net.constant(&[filters], layer.size);
    net.add("Conv", &[weight, bias], &attributes, 1);
}

pub fn conv(net: &mut Net, layer: Layer) {
    convolution(net, layer, [4, 6, 16, 3][layer.b % 4], 1);
}

pub fn depthwise(net: &mut Net, layer: Layer) {
    let channels = net.shape().get(1).copied().unwrap_or(1);
    convolution(net, layer, channels * (1 + layer.b / 6), channels);
}

pub fn grouped(net: &mut Net, layer: Layer) {
    let channels = net.shape().get(1).copied().unwrap_or(1);
    let group = [2, 4, 3, channels / 2][layer.back % 4].max(1);
    convolution(net, layer, group * [4, 1, 2, 3][layer.a % 4], group);
}

pub fn transposed(net: &mut Net, layer: Layer) {
    let Some((kernel, mut attributes)) = window(net, layer) else { return };
    let channels = net.shape()[1];
    let group = if layer.back == 3 && channels.is_multiple_of(2) { 2 } else { 1 };
    attributes.push(int("group", group));
    if layer.back == 2 {
        attributes.push(ints("output_padding", &vec![1; kernel.len()]));
    }
    let weight = net.constant(&[&[channels, 4][..], &kernel].concat(), layer.size);
    net.add("ConvTranspose", &[weight], &attributes, 1);
}

pub fn pool(net: &mut Net, layer: Layer) {
    let Some((_, mut attributes)) = window(net, layer) else { return };
    if layer.a % 5 == 4 {
        attributes.push(int("ceil_mode", 1));
    }
    match layer.back % 3 {
        0 => net.add("MaxPool", &[], &attributes, 1),
        counted => {
            attributes.push(int("count_include_pad", counted - 1));
            net.add("AveragePool", &[], &attributes, 1);
        }
    }
}

pub fn global(net: &mut Net, layer: Layer) {
    net.add(["GlobalAveragePool", "GlobalMaxPool"][layer.a % 2], &[], &[], 1);
}

/// Resizes by scales or by sizes, of all axes or of some.
pub fn resize(net: &mut Net, layer: Layer) {
    const PLACES: [&str; 5] =
        ["asymmetric", "half_pixel", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric"];
    const NEAREST: [&str; 4] = ["floor", "round_prefer_floor", "ceil", "round_prefer_ceil"];
    let shape = net.shape();
    let axes: Vec<usize> = match layer.b % 6 {
        0 => (2..shape.len()).collect(),
        1 => vec![layer.a % shape.len()],
        _ => (0..shape.len()).collect(),
    };
    let scale = |axis: usize| if axis < 2 && axes.len() > 1 { 1.0f32 } else { [2.0, 1.5, 0.5, 3.0][layer.a % 4] };
    let mode = ["nearest", "linear", "nearest", "cubic"][layer.a / 3 % 4];
    let (places, nearest) = (PLACES[(layer.back + layer.b) % 5], NEAREST[layer.b % 4]);
    let mut attributes =
        vec![text("mode", mode), text("coordinate_transformation_mode", places), text("nearest_mode", nearest)];
    if axes.len() < shape.len() {
        attributes.push(ints("axes", &axes));
    }
    let by_sizes = layer.b >= 8;
    let operand = match by_sizes {
        true => {
            let sizes: Vec<i64> = axes.iter().map(|&axis| (shape[axis] as f32 * scale(axis)) as i64).collect();
            net.list(&sizes)
        }
        false => {
            let scales: Vec<f32> = axes.iter().map(|&axis| scale(axis)).collect();
            net.given(Tensor::new(&[scales.len()], scales).unwrap())
        }
    };
    let last = net.last();
    let inputs =
        if by_sizes { vec![Some(last), None, None, Some(operand)] } else { vec![Some(last), None, Some(operand)] };
    net.add_sparse("Resize", inputs, &attributes, 1);
}

pub fn blocks(net: &mut Net, layer: Layer) {
    match layer.a % 3 {
        0 => net.add("SpaceToDepth", &[], &[int("blocksize", 2)], 1),
        way => net.add("DepthToSpace", &[], &[int("blocksize", 2), text("mode", ["DCR", "CRD"][way - 1])], 1),
    }
}
