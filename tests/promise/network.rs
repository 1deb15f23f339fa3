//! Random networks: each layer is drawn as numbers, and takes what fits the value that it reads.

use espq::graph::{Attribute, Attributes, DataType, Graph, Node, Tensor, Value, ValueId};
use espq::simplify::infer;
use proptest::prelude::*;

/// Shapes of the input.
pub const SHAPES: [&[usize]; 5] = [&[1, 4, 6, 6], &[1, 8, 5, 7], &[1, 16, 8, 8], &[1, 6, 10], &[1, 12]];

/// One layer as numbers; what they mean depends on the operator.
#[derive(Debug, Clone, Copy)]
pub struct Layer {
    op: usize,
    a: usize,
    b: usize,
    /// Number of values between the newest and the second operand.
    back: usize,
    /// Size of the constants.
    size: f32,
    is_output: bool,
}

pub fn layer() -> impl Strategy<Value = Layer> {
    (0..OPERATORS.len(), 0usize..12, 0usize..12, 0usize..4, prop::sample::select(vec![0.05f32, 0.5, 3.0]), 0usize..8)
        .prop_map(|(op, a, b, back, size, output)| Layer { op, a, b, back, size, is_output: output == 0 })
}

/// Numbers that are the same on every machine.
struct Draw(u64);

impl Draw {
    /// Between -1 and 1.
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    fn tensor(&mut self, shape: &[usize], size: f32) -> Tensor {
        Tensor::new(shape, (0..shape.iter().product()).map(|_| self.next() * size).collect::<Vec<f32>>()).unwrap()
    }
}

pub fn samples(graph: &Graph, seed: u64, count: usize) -> Vec<Vec<Tensor>> {
    let mut draw = Draw(seed ^ 0x5eed);
    let one = |draw: &mut Draw| graph.inputs.iter().map(|&id| draw.tensor(graph.shape(id).unwrap(), 2.0)).collect();
    (0..count).map(|_| one(&mut draw)).collect()
}

struct Net {
    graph: Graph,
    draw: Draw,
    /// Values with activations, the newest last.
    made: Vec<ValueId>,
}

type Named = (&'static str, Attribute);

fn int(name: &'static str, value: usize) -> Named {
    (name, Attribute::Int(value as i64))
}

fn ints(name: &'static str, values: &[usize]) -> Named {
    (name, Attribute::Ints(values.iter().map(|&v| v as i64).collect()))
}

fn text(name: &'static str, value: &str) -> Named {
    (name, Attribute::Text(value.to_string()))
}

impl Net {
    fn shape(&self) -> Vec<usize> {
        self.graph.shape(self.last()).unwrap().to_vec()
    }

    fn last(&self) -> ValueId {
        *self.made.last().unwrap()
    }

    fn constant(&mut self, shape: &[usize], size: f32) -> ValueId {
        let tensor = self.draw.tensor(shape, size);
        let name = format!("c{}", self.graph.values.len());
        self.graph.add_constant(name, tensor)
    }

    fn list(&mut self, values: &[i64]) -> ValueId {
        let name = format!("c{}", self.graph.values.len());
        self.graph.add_constant(name, Tensor::new(&[values.len()], values.to_vec()).unwrap())
    }

    /// Adds a node over the newest value and `more`; takes it back where ONNX has no such node.
    fn add(&mut self, op: &str, more: &[ValueId], attributes: &[Named], outputs: usize) {
        let inputs = [&[self.last()], more].concat();
        self.add_over(op, &inputs, attributes, outputs);
    }

    fn add_over(&mut self, op: &str, inputs: &[ValueId], attributes: &[Named], outputs: usize) {
        let before = (self.graph.clone(), self.made.clone());
        let mut given = Attributes::default();
        attributes.iter().for_each(|(name, value)| given.set(name, value.clone()));
        let number = self.graph.nodes.len();
        let made: Vec<ValueId> = (0..outputs)
            .map(|i| {
                let name = format!("v{number}_{i}");
                self.graph.add_value(Value { name, data_type: None, shape: None, constant: None })
            })
            .collect();
        self.graph.nodes.push(Node {
            name: format!("/{number}/{op}"),
            op: op.to_string(),
            domain: String::new(),
            attributes: given,
            inputs: inputs.iter().map(|&v| Some(v)).collect(),
            outputs: made.iter().map(|&v| Some(v)).collect(),
        });
        let is_sound = infer(&mut self.graph).is_ok()
            && made.iter().all(|&v| {
                let value = self.graph.value(v);
                let count: usize = value.shape.iter().flatten().product();
                value.data_type == Some(DataType::F32) && (1..=4096).contains(&count)
            });
        match is_sound {
            true => self.made.extend(made),
            false => (self.graph, self.made) = before,
        }
    }

    /// The newest value of the same shape as the last, some way back; else the last itself.
    fn other(&self, back: usize) -> ValueId {
        let shape = self.shape();
        let alike = self.made.iter().rev().filter(|&&v| self.graph.shape(v) == Some(&shape[..]));
        alike.copied().nth(back).unwrap_or(self.last())
    }
}

type Make = fn(&mut Net, Layer);

/// Choice of a layer, by `Layer::op`.
const OPERATORS: &[Make] = &[
    conv, conv, conv, depthwise, grouped, transposed, gemm, matmul, pool, pool, global, unary, unary, clip, prelu,
    binary, binary, constant, softmax, normalize, reshape, transpose, slice, concat, split, gather, pad, resize,
    reduce, squeeze, blocks, extremes,
];

/// Kernel, strides and pads of as many axes as the value has behind its channels.
fn window(net: &Net, layer: Layer) -> Option<(Vec<usize>, Vec<Named>)> {
    let places = net.shape().len().checked_sub(2).filter(|&n| n == 1 || n == 2)?;
    let kernel = vec![1 + layer.a % 3; places];
    let pad = if layer.b.is_multiple_of(2) { (layer.a % 3).min(1) } else { 0 };
    let strides = vec![1 + layer.b / 3 % 2; places];
    let attributes =
        vec![ints("kernel_shape", &kernel), ints("pads", &vec![pad; 2 * places]), ints("strides", &strides)];
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
    let bias = net.constant(&[filters], layer.size);
    net.add("Conv", &[weight, bias], &attributes, 1);
}

fn conv(net: &mut Net, layer: Layer) {
    convolution(net, layer, [4, 6, 16, 3][layer.b % 4], 1);
}

fn depthwise(net: &mut Net, layer: Layer) {
    let channels = net.shape().get(1).copied().unwrap_or(1);
    convolution(net, layer, channels * (1 + layer.b / 6), channels);
}

fn grouped(net: &mut Net, layer: Layer) {
    convolution(net, layer, 8, 2);
}

fn transposed(net: &mut Net, layer: Layer) {
    let Some((kernel, attributes)) = window(net, layer) else { return };
    let channels = net.shape()[1];
    let weight = net.constant(&[&[channels, 4][..], &kernel].concat(), layer.size);
    net.add("ConvTranspose", &[weight], &attributes, 1);
}

fn gemm(net: &mut Net, layer: Layer) {
    if net.shape().len() != 2 {
        net.add("Flatten", &[], &[], 1);
    }
    let columns = net.shape()[1];
    let weight = net.constant(&[5 + layer.a, columns], layer.size);
    let bias = net.constant(&[5 + layer.a], layer.size);
    net.add("Gemm", &[weight, bias], &[int("transB", 1)], 1);
}

fn matmul(net: &mut Net, layer: Layer) {
    let columns = *net.shape().last().unwrap();
    let weight = net.constant(&[columns, 4 + layer.a], layer.size);
    net.add("MatMul", &[weight], &[], 1);
}

fn pool(net: &mut Net, layer: Layer) {
    let Some((_, mut attributes)) = window(net, layer) else { return };
    match layer.back % 3 {
        0 => net.add("MaxPool", &[], &attributes, 1),
        counted => {
            attributes.push(int("count_include_pad", counted - 1));
            net.add("AveragePool", &[], &attributes, 1);
        }
    }
}

fn global(net: &mut Net, layer: Layer) {
    net.add(["GlobalAveragePool", "GlobalMaxPool"][layer.a % 2], &[], &[], 1);
}

fn unary(net: &mut Net, layer: Layer) {
    const OPS: [&str; 12] = [
        "Relu",
        "Relu",
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
    net.add(OPS[layer.a % OPS.len()], &[], &[], 1);
}

fn clip(net: &mut Net, layer: Layer) {
    let scalar = |net: &mut Net, value: f32| {
        let name = format!("c{}", net.graph.values.len());
        net.graph.add_constant(name, Tensor::scalar(value))
    };
    let low = scalar(net, [0.0, -1.0, -0.3][layer.a % 3]);
    let high = scalar(net, [6.0, 1.0, 0.7][layer.b % 3]);
    net.add("Clip", &[low, high], &[], 1);
}

fn prelu(net: &mut Net, layer: Layer) {
    let shape = net.shape();
    let Some(&channels) = shape.get(1) else { return };
    let slopes = match layer.a % 3 {
        0 => vec![1],
        _ => [vec![channels], vec![1; shape.len() - 2]].concat(),
    };
    let slopes = net.constant(&slopes, layer.size.min(1.0));
    net.add("PRelu", &[slopes], &[], 1);
}

fn binary(net: &mut Net, layer: Layer) {
    let other = net.other(1 + layer.back);
    net.add(["Add", "Sub", "Mul", "Add"][layer.a % 4], &[other], &[], 1);
}

fn constant(net: &mut Net, layer: Layer) {
    let shape = net.shape();
    let operand = match layer.b % 3 {
        0 => vec![1],
        1 if shape.len() > 2 => [vec![shape[1]], vec![1; shape.len() - 2]].concat(),
        _ => shape,
    };
    let operand = net.constant(&operand, layer.size);
    net.add(["Add", "Sub", "Mul"][layer.a % 3], &[operand], &[], 1);
}

fn softmax(net: &mut Net, layer: Layer) {
    let axis = layer.a % net.shape().len();
    net.add(["Softmax", "LogSoftmax"][layer.b / 8], &[], &[int("axis", axis)], 1);
}

fn normalize(net: &mut Net, layer: Layer) {
    let last = *net.shape().last().unwrap();
    let (scale, bias) = (net.constant(&[last], layer.size), net.constant(&[last], layer.size));
    net.add("LayerNormalization", &[scale, bias], &[], 1);
}

fn reshape(net: &mut Net, layer: Layer) {
    let count: usize = net.shape().iter().product();
    let shapes = [vec![1, -1], vec![1, 2, -1], vec![1, 2, 3, -1], vec![1, -1, 2]];
    let shape = &shapes[layer.a % shapes.len()];
    let known: i64 = shape.iter().filter(|&&s| s > 0).product();
    if (count as i64) % known == 0 {
        let shape = net.list(shape);
        net.add("Reshape", &[shape], &[], 1);
    }
}

fn transpose(net: &mut Net, layer: Layer) {
    let mut perm: Vec<usize> = (0..net.shape().len()).collect();
    let rank = perm.len();
    perm.swap(layer.a % rank, layer.b % rank);
    net.add("Transpose", &[], &[ints("perm", &perm)], 1);
}

fn slice(net: &mut Net, layer: Layer) {
    let shape = net.shape();
    let axis = layer.a % shape.len();
    let (start, step) = (layer.b % 3, 1 + layer.back % 2);
    let lists = [vec![start as i64], vec![shape[axis] as i64], vec![axis as i64], vec![step as i64]];
    let lists: Vec<ValueId> = lists.iter().map(|list| net.list(list)).collect();
    net.add("Slice", &lists, &[], 1);
}

fn concat(net: &mut Net, layer: Layer) {
    let other = net.other(1 + layer.back);
    let axis = layer.a % net.shape().len();
    net.add("Concat", &[other], &[int("axis", axis)], 1);
}

fn split(net: &mut Net, layer: Layer) {
    let shape = net.shape();
    let axis = layer.a % shape.len();
    let first = 1 + layer.b % 3;
    if shape[axis] > first {
        let sizes = net.list(&[first as i64, (shape[axis] - first) as i64]);
        net.add("Split", &[sizes], &[int("axis", axis)], 2);
    }
}

fn gather(net: &mut Net, layer: Layer) {
    let axis = layer.a % net.shape().len();
    let size = net.shape()[axis];
    let places = net.list(&[(layer.b % size) as i64, -1]);
    net.add("Gather", &[places], &[int("axis", axis)], 1);
}

fn pad(net: &mut Net, layer: Layer) {
    let rank = net.shape().len();
    let mut pads = vec![0i64; 2 * rank];
    pads[rank - 1] = (layer.a % 3) as i64;
    pads[2 * rank - 1] = (layer.b % 3) as i64 - 1;
    let pads = net.list(&pads);
    net.add("Pad", &[pads], &[text("mode", ["constant", "reflect", "edge"][layer.back % 3])], 1);
}

fn resize(net: &mut Net, layer: Layer) {
    let rank = net.shape().len();
    let scales: Vec<f32> =
        (0..rank).map(|axis| if axis < 2 { 1.0 } else { [2.0, 1.5, 0.5, 3.0][layer.a % 4] }).collect();
    let name = format!("c{}", net.graph.values.len());
    let scales = net.graph.add_constant(name, Tensor::new(&[rank], scales).unwrap());
    let attributes = [
        text("mode", ["nearest", "linear"][layer.b % 2]),
        text("coordinate_transformation_mode", ["asymmetric", "half_pixel", "align_corners"][layer.back % 3]),
        text("nearest_mode", ["floor", "round_prefer_floor", "ceil"][layer.b / 2 % 3]),
    ];
    let before = net.graph.nodes.len();
    let last = net.last();
    net.add_over("Resize", &[last, last, scales], &attributes, 1);
    // The region of interest is left out.
    if let Some(node) = net.graph.nodes.get_mut(before) {
        node.inputs[1] = None;
    }
}

fn reduce(net: &mut Net, layer: Layer) {
    const OPS: [&str; 6] = ["ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum", "ReduceL2", "ReduceSumSquare"];
    let axis = layer.b % net.shape().len();
    let axes = net.list(&[axis as i64]);
    net.add(OPS[layer.a % OPS.len()], &[axes], &[int("keepdims", layer.back % 2)], 1);
}

fn squeeze(net: &mut Net, layer: Layer) {
    let axes = net.list(&[(layer.b % (net.shape().len() + 1)) as i64]);
    net.add(["Unsqueeze", "Squeeze"][layer.a % 2], &[axes], &[], 1);
}

fn blocks(net: &mut Net, layer: Layer) {
    let op = ["DepthToSpace", "SpaceToDepth"][layer.a % 2];
    net.add(op, &[], &[int("blocksize", 2)], 1);
}

fn extremes(net: &mut Net, layer: Layer) {
    let (last, other) = (net.last(), net.other(1 + layer.back));
    net.add_over(["Max", "Min", "Div", "Pow"][layer.a % 4], &[last, other], &[], 1);
}

pub fn network(layers: &[Layer], shape: usize, seed: u64) -> Graph {
    let mut graph = Graph { name: "promise".to_string(), opset: 18, ..Graph::default() };
    let shape = Some(SHAPES[shape].to_vec());
    let x = graph.add_value(Value { name: "x".to_string(), data_type: Some(DataType::F32), shape, constant: None });
    graph.inputs.push(x);
    let mut net = Net { graph, draw: Draw(seed), made: vec![x] };
    for &layer in layers {
        let before = net.made.len();
        // A single number is the end of a network.
        if net.shape().is_empty() {
            break;
        }
        OPERATORS[layer.op](&mut net, layer);
        if layer.is_output && net.made.len() > before {
            let output = net.last();
            net.graph.outputs.push(output);
        }
    }
    // All that nobody reads is an output.
    let readers = net.graph.consumers();
    for &value in &net.made {
        if readers[value.0].is_empty() && !net.graph.outputs.contains(&value) && value != x {
            net.graph.outputs.push(value);
        }
    }
    net.graph
}
