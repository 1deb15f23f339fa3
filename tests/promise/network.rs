//! Random networks: each layer is drawn as numbers, and takes what fits the value that it reads.

use espq::graph::{Attribute, Attributes, DataType, Graph, Node, Tensor, Value, ValueId};
use espq::simplify::infer;
use proptest::prelude::*;

use super::{arithmetic, moves, sequences, windows};

/// Shapes of the input.
pub const SHAPES: [&[usize]; 6] = [&[1, 4, 6, 6], &[1, 8, 5, 7], &[1, 16, 8, 8], &[1, 6, 10], &[1, 12], &[2, 4, 6, 6]];

/// One layer as numbers; what they mean depends on the operator.
#[derive(Debug, Clone, Copy)]
pub struct Layer {
    /// Name in [`OPERATORS`].
    pub op: &'static str,
    pub a: usize,
    pub b: usize,
    /// Number of values between the newest and the second operand.
    pub back: usize,
    /// Size of the constants.
    pub size: f32,
    pub is_output: bool,
}

pub fn layer() -> impl Strategy<Value = Layer> {
    let names: Vec<&'static str> = OPERATORS.iter().map(|(name, _)| *name).collect();
    let op = prop::sample::select(names);
    (op, 0usize..12, 0usize..12, 0usize..4, prop::sample::select(vec![0.05f32, 0.5, 3.0]), 0usize..8)
        .prop_map(|(op, a, b, back, size, output)| Layer { op, a, b, back, size, is_output: output == 0 })
}

type Make = fn(&mut Net, Layer);

/// Choice of a layer; what is there twice is drawn twice as often.
const OPERATORS: &[(&str, Make)] = &[
    ("conv", windows::conv),
    ("conv", windows::conv),
    ("depthwise", windows::depthwise),
    ("grouped", windows::grouped),
    ("transposed", windows::transposed),
    ("pool", windows::pool),
    ("pool", windows::pool),
    ("global", windows::global),
    ("resize", windows::resize),
    ("blocks", windows::blocks),
    ("gemm", arithmetic::gemm),
    ("matmul", arithmetic::matmul),
    ("unary", arithmetic::unary),
    ("unary", arithmetic::unary),
    ("gelu", arithmetic::gelu),
    ("small", arithmetic::small),
    ("clip", arithmetic::clip),
    ("prelu", arithmetic::prelu),
    ("binary", arithmetic::binary),
    ("binary", arithmetic::binary),
    ("constant", arithmetic::constant),
    ("softmax", arithmetic::softmax),
    ("normalize", arithmetic::normalize),
    ("reduce", arithmetic::reduce),
    ("extremes", arithmetic::extremes),
    ("choice", arithmetic::choice),
    ("mask", arithmetic::mask),
    ("reshape", moves::reshape),
    ("transpose", moves::transpose),
    ("slice", moves::slice),
    ("concat", moves::concat),
    ("split", moves::split),
    ("gather", moves::gather),
    ("pad", moves::pad),
    ("squeeze", moves::squeeze),
    ("places", moves::places),
    ("top", moves::top),
    ("scatter", moves::scatter),
    ("expand", moves::expand),
    ("recurrent", sequences::recurrent),
];

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

pub struct Net {
    graph: Graph,
    draw: Draw,
    /// Values with activations, the newest last.
    made: Vec<ValueId>,
    /// Places and truth values.
    others: Vec<ValueId>,
    /// Constants that a later layer of the same shape shares.
    shared: Vec<ValueId>,
}

pub type Named = (&'static str, Attribute);

pub fn int(name: &'static str, value: usize) -> Named {
    (name, Attribute::Int(value as i64))
}

pub fn ints(name: &'static str, values: &[usize]) -> Named {
    (name, Attribute::Ints(values.iter().map(|&v| v as i64).collect()))
}

pub fn text(name: &'static str, value: &str) -> Named {
    (name, Attribute::Text(value.to_string()))
}

impl Net {
    pub fn shape(&self) -> Vec<usize> {
        self.graph.shape(self.last()).unwrap().to_vec()
    }

    pub fn last(&self) -> ValueId {
        *self.made.last().unwrap()
    }

    /// Returns a random constant; every third that has the shape of an earlier one is that one.
    pub fn constant(&mut self, shape: &[usize], size: f32) -> ValueId {
        let alike = self.shared.iter().copied().find(|&id| self.graph.shape(id) == Some(shape));
        if let Some(alike) = alike.filter(|_| self.draw.next() > 0.33) {
            return alike;
        }
        let tensor = self.draw.tensor(shape, size);
        let made = self.given(tensor);
        self.shared.push(made);
        made
    }

    pub fn given(&mut self, tensor: Tensor) -> ValueId {
        let name = format!("c{}", self.graph.values.len());
        self.graph.add_constant(name, tensor)
    }

    pub fn list(&mut self, values: &[i64]) -> ValueId {
        self.given(Tensor::new(&[values.len()], values.to_vec()).unwrap())
    }

    /// Adds a node over the newest value and `more`; takes it back where ONNX has no such node.
    pub fn add(&mut self, op: &str, more: &[ValueId], attributes: &[Named], outputs: usize) {
        let inputs = [&[self.last()], more].concat();
        self.add_over(op, &inputs, attributes, outputs);
    }

    pub fn add_over(&mut self, op: &str, inputs: &[ValueId], attributes: &[Named], outputs: usize) {
        self.add_sparse(op, inputs.iter().map(|&v| Some(v)).collect(), attributes, outputs);
    }

    /// Adds a node of which some inputs are left out.
    pub fn add_sparse(&mut self, op: &str, inputs: Vec<Option<ValueId>>, attributes: &[Named], outputs: usize) {
        if let Some(made) = self.node(op, inputs, attributes, &vec![DataType::F32; outputs]) {
            self.made.extend(made);
        }
    }

    /// Adds a node of one output that is no activation.
    pub fn add_typed(&mut self, op: &str, inputs: &[ValueId], attributes: &[Named], of: DataType) -> Option<ValueId> {
        let made = self.node(op, inputs.iter().map(|&v| Some(v)).collect(), attributes, &[of])?;
        self.others.extend(&made);
        made.first().copied()
    }

    /// Adds a node whose first output is an activation, and the second places.
    pub fn add_first(&mut self, op: &str, more: &[ValueId], attributes: &[Named]) {
        let inputs = [&[self.last()], more].concat().into_iter().map(Some).collect();
        if let Some(made) = self.node(op, inputs, attributes, &[DataType::F32, DataType::I64]) {
            self.made.extend(made.first());
            self.others.extend(made.get(1));
        }
    }

    fn node(
        &mut self,
        op: &str,
        inputs: Vec<Option<ValueId>>,
        attributes: &[Named],
        types: &[DataType],
    ) -> Option<Vec<ValueId>> {
        let before = self.graph.clone();
        let mut given = Attributes::default();
        attributes.iter().for_each(|(name, value)| given.set(name, value.clone()));
        let number = self.graph.nodes.len();
        let made: Vec<ValueId> = (0..types.len())
            .map(|i| {
                let name = format!("v{number}_{i}");
                self.graph.add_value(Value { name, ..Value::default() })
            })
            .collect();
        self.graph.nodes.push(Node {
            name: format!("/{number}/{op}"),
            op: op.to_string(),
            domain: String::new(),
            attributes: given,
            inputs,
            outputs: made.iter().map(|&v| Some(v)).collect(),
        });
        let is_sound = infer(&mut self.graph).is_ok()
            && made.iter().zip(types).all(|(&v, &of)| {
                let value = self.graph.value(v);
                let count: usize = value.shape.iter().flatten().product();
                value.data_type == Some(of) && (1..=4096).contains(&count)
            });
        if !is_sound {
            self.graph = before;
        }
        is_sound.then_some(made)
    }

    /// The newest value of the same shape as the last, some way back; else the last itself.
    pub fn other(&self, back: usize) -> ValueId {
        let shape = self.shape();
        let alike = self.made.iter().rev().filter(|&&v| self.graph.shape(v) == Some(&shape[..]));
        alike.copied().nth(back).unwrap_or(self.last())
    }
}

pub fn network(layers: &[Layer], shape: usize, seed: u64) -> Graph {
    let mut graph = Graph { name: "promise".to_string(), opset: 18, ..Graph::default() };
    let input = |graph: &mut Graph, name: &str| {
        let shape = Some(SHAPES[shape].to_vec());
        let value = Value { name: name.to_string(), data_type: Some(DataType::F32), shape, ..Value::default() };
        let id = graph.add_value(value);
        graph.inputs.push(id);
        id
    };
    let x = input(&mut graph, "x");
    let mut made = vec![x];
    if seed.is_multiple_of(4) {
        made.insert(0, input(&mut graph, "y"));
    }
    let mut net = Net { graph, draw: Draw(seed), made, others: Vec::new(), shared: Vec::new() };
    for &layer in layers {
        let before = net.made.len();
        // A single number is the end of a network.
        if net.shape().is_empty() {
            break;
        }
        if let Some((_, make)) = OPERATORS.iter().find(|(name, _)| *name == layer.op) {
            make(&mut net, layer);
        }
        if layer.is_output && net.made.len() > before {
            let output = net.last();
            net.graph.outputs.push(output);
        }
    }
    // All that nobody reads is an output.
    let readers = net.graph.consumers();
    for &value in net.made.iter().chain(&net.others) {
        let is_input = net.graph.inputs.contains(&value);
        if readers[value.0].is_empty() && !net.graph.outputs.contains(&value) && !is_input {
            net.graph.outputs.push(value);
        }
    }
    net.graph
}
