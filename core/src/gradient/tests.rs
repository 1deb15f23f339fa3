//! Gradients of each rule against differences of the network's outputs.

use super::*;
use crate::graph::{Attribute, Attributes, Node, Value};
use crate::ops::{self, Call};

/// Input of a node.
enum Input {
    /// Values of this shape, between the bounds.
    Values(&'static [usize], [f32; 2]),
    Floats(&'static [usize], Vec<f32>),
    Ints(Vec<i64>),
    None,
}

use Input::{Floats, Ints, Values};

const AROUND_ZERO: [f32; 2] = [-1.5, 1.5];

/// Deterministic numbers that fill the range.
fn numbers(count: usize, [low, high]: [f32; 2], seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 24) as f32
    };
    (0..count).map(|_| low + (high - low) * next()).collect()
}

fn graph(op: &str, attributes: &[(&str, Attribute)], inputs: &[Input], outputs: usize) -> Graph {
    let mut graph = Graph { opset: 18, ..Graph::default() };
    let mut given = Attributes::default();
    attributes.iter().for_each(|(name, value)| given.set(name, value.clone()));
    let mut ids = Vec::new();
    for (port, input) in inputs.iter().enumerate() {
        let name = format!("in{port}");
        ids.push(match input {
            Input::None => None,
            Values(shape, _) => {
                let shape = Some(shape.to_vec());
                let id = graph.add_value(Value {
                    name,
                    data_type: Some(DataType::F32),
                    shape,
                    constant: None,
                    scales: Vec::new(),
                });
                graph.inputs.push(id);
                Some(id)
            }
            Floats(shape, values) => Some(graph.add_constant(name, Tensor::new(shape, values.clone()).unwrap())),
            Ints(values) => Some(graph.add_constant(name, Tensor::new(&[values.len()], values.clone()).unwrap())),
        });
    }
    let mut node = Node {
        name: op.to_string(),
        op: op.to_string(),
        domain: String::new(),
        attributes: given,
        inputs: ids,
        outputs: vec![None; outputs],
    };
    let facts = ops::input_facts(&graph, &node).unwrap();
    let made = (ops::find(op).unwrap().infer)(&Call::of(&graph, &node, &facts)).unwrap();
    node.outputs = made
        .into_iter()
        .take(outputs)
        .enumerate()
        .map(|(port, fact)| {
            let (data_type, shape) = (Some(fact.data_type), Some(fact.shape));
            Some(graph.add_value(Value {
                name: format!("out{port}"),
                data_type,
                shape,
                constant: None,
                scales: Vec::new(),
            }))
        })
        .collect();
    graph.outputs = node.outputs.iter().flatten().copied().collect();
    graph.nodes.push(node);
    graph
}

/// Moves the inputs in a random direction, and compares the change of the outputs with what the gradients say.
fn holds(op: &str, attributes: &[(&str, Attribute)], inputs: &[Input]) {
    let parts = if op == "Split" { 2 } else { 1 };
    let graph = graph(op, attributes, inputs, parts);
    let program = Program::float(&graph).unwrap();
    let ranges = inputs.iter().filter_map(|input| match input {
        Values(shape, range) => Some((*shape, *range)),
        _ => None,
    });
    let tensor = |shape: &[usize], values: Vec<f32>| Tensor::new(shape, values).unwrap();
    let count = |shape: &[usize]| shape.iter().product::<usize>();
    let base: Vec<(&[usize], Vec<f32>, Vec<f32>)> = ranges
        .enumerate()
        .map(|(i, (shape, range))| {
            let along = numbers(count(shape), [-1.0, 1.0], 77 + i as u64);
            (shape, numbers(count(shape), range, 5 + i as u64), along)
        })
        .collect();
    let moved = |step: f32| -> Vec<Tensor> {
        let of = |(shape, x, along): &(&[usize], Vec<f32>, Vec<f32>)| {
            tensor(shape, x.iter().zip(along).map(|(x, d)| x + step * d).collect())
        };
        program.run(&base.iter().map(of).collect::<Vec<_>>(), &[], &mut |_, _| Ok(())).unwrap()
    };
    let backward = Backward::new(&graph, &graph.outputs, &graph.inputs).unwrap();
    let seeds: Vec<Tensor> = backward
        .seeded()
        .iter()
        .enumerate()
        .map(|(i, &value)| {
            let shape = graph.shape(value).unwrap();
            tensor(shape, numbers(count(shape), [-1.0, 1.0], 900 + i as u64))
        })
        .collect();
    const STEP: f32 = 1.0 / 512.0;
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let change: f64 = moved(STEP)
        .iter()
        .zip(&moved(-STEP))
        .zip(&seeds)
        .map(|((above, below), seed)| {
            let difference: Vec<f32> =
                above.slice::<f32>().unwrap().iter().zip(below.slice::<f32>().unwrap()).map(|(a, b)| a - b).collect();
            dot(&difference, seed.slice().unwrap()) / f64::from(2.0 * STEP)
        })
        .sum();
    let tensors: Vec<Tensor> = base.iter().map(|(shape, x, _)| tensor(shape, x.clone())).collect();
    let begin = program.begin(&tensors).unwrap();
    let trace = program.trace(begin, NodeId(graph.nodes.len()), &graph.mask(backward.saved())).unwrap();
    let (mut said, mut seen) = (0.0, 0);
    let mut add = |value: ValueId, gradient: &Tensor| {
        let at = graph.inputs.iter().position(|&input| input == value).unwrap();
        assert_eq!(gradient.shape(), base[at].0, "{op}");
        said += dot(gradient.slice().unwrap(), &base[at].2);
        seen += 1;
        Ok(())
    };
    let mut run = backward.begin(seeds, &mut add).unwrap();
    backward.proceed(&mut run, NodeId(0), &trace, &mut add).unwrap();
    assert_eq!(seen, graph.inputs.len(), "{op}: an input has no gradient");
    assert!((said - change).abs() <= 0.01 * change.abs() + 0.002, "{op}: {said} instead of {change}");
}

fn ints(list: &[i64]) -> Attribute {
    Attribute::Ints(list.to_vec())
}

#[test]
fn elementwise_operators_have_their_derivative() {
    for op in [
        "Abs",
        "Asinh",
        "Atan",
        "Celu",
        "Cos",
        "Cosh",
        "Elu",
        "Erf",
        "Exp",
        "Gelu",
        "HardSigmoid",
        "HardSwish",
        "LeakyRelu",
        "Mish",
        "Neg",
        "Relu",
        "Selu",
        "Sigmoid",
        "Sin",
        "Sinh",
        "Softplus",
        "Softsign",
        "Swish",
        "Tanh",
        "ThresholdedRelu",
    ] {
        holds(op, &[], &[Values(&[2, 9], AROUND_ZERO)]);
    }
    for op in ["Log", "Reciprocal", "Sqrt", "Acosh"] {
        holds(op, &[], &[Values(&[2, 9], [1.2, 3.0])]);
    }
    for op in ["Acos", "Asin", "Atanh", "Tan"] {
        holds(op, &[], &[Values(&[2, 9], [-0.7, 0.7])]);
    }
    holds("Clip", &[], &[Values(&[2, 9], AROUND_ZERO), Floats(&[], vec![-0.5]), Floats(&[], vec![0.75])]);
    holds("PRelu", &[], &[Values(&[1, 3, 4], AROUND_ZERO), Floats(&[3, 1], vec![0.1, 0.3, -0.5])]);
    holds("Pow", &[], &[Values(&[2, 9], [0.5, 2.0]), Floats(&[], vec![3.0])]);
}

#[test]
fn operands_are_summed_over_repeated_axes() {
    for op in ["Add", "Sub", "Mul", "Max", "Min", "Sum", "Mean"] {
        holds(op, &[], &[Values(&[2, 3, 4], AROUND_ZERO), Values(&[3, 1], AROUND_ZERO)]);
        holds(op, &[], &[Values(&[4], AROUND_ZERO), Values(&[2, 3, 4], AROUND_ZERO)]);
    }
    holds("Div", &[], &[Values(&[2, 3, 4], AROUND_ZERO), Values(&[3, 1], [1.0, 2.0])]);
    holds("Mul", &[], &[Values(&[2, 3], AROUND_ZERO), Floats(&[3], vec![1.0, -2.0, 0.5])]);
}

#[test]
fn windows_are_transposed() {
    let weights = |shape: &'static [usize]| Floats(shape, numbers(shape.iter().product(), AROUND_ZERO, 3));
    for (strides, pads) in [([1, 1], [1, 1, 1, 1]), ([2, 2], [0, 1, 1, 0]), ([3, 2], [2, 0, 1, 1])] {
        let window = [("strides", ints(&strides)), ("pads", ints(&pads))];
        holds("Conv", &window, &[Values(&[1, 4, 9, 8], AROUND_ZERO), weights(&[5, 4, 3, 3])]);
        let depthwise = [window.as_slice(), &[("group", Attribute::Int(4))]].concat();
        holds("Conv", &depthwise, &[Values(&[1, 4, 9, 8], AROUND_ZERO), weights(&[4, 1, 3, 3])]);
        let pool = [window.as_slice(), &[("kernel_shape", ints(&[3, 3]))]].concat();
        holds("AveragePool", &pool, &[Values(&[1, 2, 9, 8], AROUND_ZERO)]);
        // Far apart, so that no step changes which one is the largest.
        holds("MaxPool", &pool, &[Values(&[1, 2, 9, 8], [-100.0, 100.0])]);
    }
    let grouped = [("group", Attribute::Int(2)), ("dilations", ints(&[2]))];
    holds("Conv", &grouped, &[Values(&[2, 4, 11], AROUND_ZERO), weights(&[6, 2, 3])]);
    let same = [("auto_pad", Attribute::Text("SAME_UPPER".into())), ("strides", ints(&[2, 2]))];
    holds("Conv", &same, &[Values(&[1, 2, 8, 7], AROUND_ZERO), weights(&[3, 2, 3, 3])]);
    let counted =
        [("kernel_shape", ints(&[2, 2])), ("pads", ints(&[1, 1, 0, 0])), ("count_include_pad", Attribute::Int(1))];
    holds("AveragePool", &counted, &[Values(&[1, 2, 4, 4], AROUND_ZERO)]);
}

#[test]
fn products_are_turned() {
    for (a, b, flags) in
        [([2, 3], [3, 4], [0, 0]), ([3, 2], [3, 4], [1, 0]), ([2, 3], [4, 3], [0, 1]), ([3, 2], [4, 3], [1, 1])]
    {
        let leak = |shape: [usize; 2]| -> &'static [usize] { Box::leak(Box::new(shape)) };
        let attributes = [
            ("transA", Attribute::Int(flags[0])),
            ("transB", Attribute::Int(flags[1])),
            ("alpha", Attribute::Float(0.5)),
        ];
        holds(
            "Gemm",
            &attributes,
            &[Values(leak(a), AROUND_ZERO), Values(leak(b), AROUND_ZERO), Values(&[4], AROUND_ZERO)],
        );
    }
    holds("MatMul", &[], &[Values(&[2, 3, 4], AROUND_ZERO), Values(&[2, 4, 5], AROUND_ZERO)]);
    holds("MatMul", &[], &[Values(&[2, 3, 4], AROUND_ZERO), Floats(&[4, 2], numbers(8, AROUND_ZERO, 4))]);
}

#[test]
fn normalizations_and_softmaxes_have_their_derivative() {
    let list = |count: usize, seed| numbers(count, [0.5, 1.5], seed);
    let x = || Values(&[1, 3, 2, 5], AROUND_ZERO);
    let statistics =
        || [Floats(&[3], list(3, 1)), Floats(&[3], list(3, 2)), Floats(&[3], list(3, 3)), Floats(&[3], list(3, 4))];
    let [scale, bias, mean, variance] = statistics();
    holds("BatchNormalization", &[], &[x(), scale, bias, mean, variance]);
    holds("LayerNormalization", &[], &[x(), Floats(&[5], list(5, 1)), Floats(&[5], list(5, 2))]);
    holds("LayerNormalization", &[("axis", Attribute::Int(2))], &[x(), Floats(&[2, 5], list(10, 1))]);
    holds("RMSNormalization", &[], &[x(), Floats(&[5], list(5, 1))]);
    holds("InstanceNormalization", &[], &[x(), Floats(&[3], list(3, 1)), Floats(&[3], list(3, 2))]);
    for axis in [1, 3] {
        holds("Softmax", &[("axis", Attribute::Int(axis))], &[x()]);
        holds("LogSoftmax", &[("axis", Attribute::Int(axis))], &[x()]);
    }
}

#[test]
fn reductions_are_spread() {
    for op in ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceSumSquare"] {
        holds(op, &[], &[Values(&[2, 3, 4], AROUND_ZERO), Ints(vec![1, -1])]);
        holds(op, &[("keepdims", Attribute::Int(0))], &[Values(&[2, 3, 4], AROUND_ZERO), Ints(vec![0])]);
        holds(op, &[], &[Values(&[2, 3, 4], AROUND_ZERO)]);
    }
    for op in ["GlobalAveragePool", "GlobalMaxPool"] {
        holds(op, &[], &[Values(&[2, 3, 4, 2], AROUND_ZERO)]);
    }
}

#[test]
fn moved_elements_take_their_gradient_back() {
    let x = || Values(&[2, 4, 6], AROUND_ZERO);
    holds("Reshape", &[], &[x(), Ints(vec![8, 6])]);
    holds("Flatten", &[], &[x()]);
    holds("Transpose", &[("perm", ints(&[2, 0, 1]))], &[x()]);
    holds("Concat", &[("axis", Attribute::Int(1))], &[x(), Values(&[2, 3, 6], AROUND_ZERO)]);
    holds("Split", &[("axis", Attribute::Int(-1))], &[x(), Ints(vec![2, 4])]);
    holds("Slice", &[], &[x(), Ints(vec![1]), Ints(vec![6]), Ints(vec![2]), Ints(vec![2])]);
    holds("Gather", &[("axis", Attribute::Int(1))], &[x(), Ints(vec![3, 0, 3])]);
    holds(
        "Expand",
        &[],
        &[Values(&[2, 1, 6], AROUND_ZERO), Ints(vec![3, 1, 4, 1])].map(|input| match input {
            Ints(_) => Ints(vec![2, 4, 6]),
            other => other,
        }),
    );
    holds("Tile", &[], &[x(), Ints(vec![1, 2, 1])]);
    holds("Pad", &[], &[x(), Ints(vec![0, 1, 2, 0, 0, 1]), Floats(&[], vec![7.0])]);
    holds("Pad", &[("mode", Attribute::Text("reflect".into()))], &[x(), Ints(vec![0, 1, 2, 0, 0, 1]), Input::None]);
    holds("DepthToSpace", &[("blocksize", Attribute::Int(2))], &[Values(&[1, 8, 2, 3], AROUND_ZERO)]);
    holds("SpaceToDepth", &[("blocksize", Attribute::Int(2))], &[Values(&[1, 2, 4, 6], AROUND_ZERO)]);
    let scales = || Floats(&[4], vec![1.0, 1.0, 2.0, 1.5]);
    let image = || Values(&[1, 2, 3, 4], AROUND_ZERO);
    holds("Resize", &[], &[image(), Input::None, scales()]);
    holds("Resize", &[("mode", Attribute::Text("linear".into()))], &[image(), Input::None, scales()]);
}

#[test]
fn gradients_behind_an_operator_without_a_rule_are_not_known() {
    let graph = graph("CumSum", &[], &[Values(&[2, 3], AROUND_ZERO), Ints(vec![1])], 1);
    let backward = Backward::new(&graph, &graph.outputs, &graph.inputs).unwrap();
    assert!(!backward.knows(graph.inputs[0]));
}

#[test]
fn a_second_output_that_is_read_has_no_rule() {
    let inputs = [Values(&[2, 3], AROUND_ZERO), Floats(&[3], vec![1.0; 3])];
    let graph = graph("LayerNormalization", &[], &inputs, 3);
    let knows =
        |end: usize| Backward::new(&graph, &graph.outputs[end..=end], &graph.inputs).unwrap().knows(graph.inputs[0]);
    assert_eq!([knows(0), knows(1)], [true, false]);
}
