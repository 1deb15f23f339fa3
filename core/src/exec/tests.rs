//! Tests of programs with three nodes.

use super::*;
use crate::chip::Rounding;
use crate::graph::{Attribute, Attributes, DataType, Graph, Node, NodeId, Tensor, Value, ValueId};

/// x [1, 2] -> Gemm -> a -> Relu -> b -> Gemm -> y; and b is read a second time where `branch`.
fn chain(branch: bool) -> Graph {
    let mut graph = Graph { opset: 18, ..Graph::default() };
    let value = |graph: &mut Graph, name: &str| {
        let (data_type, shape) = (Some(DataType::F32), Some(vec![1, 2]));
        graph.add_value(Value { name: name.into(), data_type, shape, ..Value::default() })
    };
    let [x, a, b, y] = ["x", "a", "b", "y"].map(|name| value(&mut graph, name));
    let first = graph.add_constant("first.weight", Tensor::new(&[2, 2], vec![1.0f32, -2.0, 3.0, 0.3]).unwrap());
    let second = graph.add_constant("second.weight", Tensor::new(&[2, 2], vec![1.0f32, 1.0, 0.0, 1.0]).unwrap());
    let node = |name: &str, op: &str, inputs: &[ValueId], output: ValueId| Node {
        name: name.into(),
        op: op.into(),
        domain: String::new(),
        attributes: Attributes::default(),
        inputs: inputs.iter().copied().map(Some).collect(),
        outputs: vec![Some(output)],
    };
    graph.nodes = vec![
        node("first", "Gemm", &[x, first], a),
        node("relu", "Relu", &[a], b),
        node("second", "Gemm", &[b, second], y),
    ];
    graph.nodes[0].attributes.set("alpha", Attribute::Float(1.0));
    graph.inputs = vec![x];
    graph.outputs = if branch { vec![y, a] } else { vec![y] };
    graph
}

fn sample() -> Vec<Tensor> {
    vec![Tensor::new(&[1, 2], vec![1.0f32, 0.5]).unwrap()]
}

fn floats(tensor: &Tensor) -> Vec<f32> {
    tensor.slice::<f32>().unwrap().to_vec()
}

fn seen(program: &Program, wanted: &[bool]) -> Vec<(usize, Vec<f32>)> {
    let mut seen = Vec::new();
    program
        .run(&sample(), wanted, &mut |value, tensor| {
            seen.push((value.0, floats(tensor)));
            Ok(())
        })
        .unwrap();
    seen
}

fn quantize(exponent: i32) -> Option<FakeQuant> {
    Some(FakeQuant { exponents: vec![exponent], axis: None, bits: 8, rounding: Rounding::HalfEven })
}

#[test]
fn runs_in_float() {
    let outputs = Program::float(&chain(false)).unwrap().run(&sample(), &[], &mut |_, _| Ok(())).unwrap();
    // x = [1, 0.5]; a = [2.5, -1.85]; b = [2.5, 0]; y = [2.5, 2.5]
    assert_eq!(floats(&outputs[0]), [2.5, 2.5]);
}

#[test]
fn a_value_between_a_kernel_and_its_clamp_exists_only_if_wanted() {
    let program = Program::float(&chain(false)).unwrap();
    assert_eq!(seen(&program, &[false, true, true, false]), [(1, vec![2.5, -1.85]), (2, vec![2.5, 0.0])]);
    assert_eq!(seen(&program, &[false, false, true, false]), [(2, vec![2.5, 0.0])]);
}

#[test]
fn an_output_before_a_clamp_is_not_clamped() {
    let outputs = Program::float(&chain(true)).unwrap().run(&sample(), &[], &mut |_, _| Ok(())).unwrap();
    assert_eq!(floats(&outputs[0]), [2.5, 2.5]);
    assert_eq!(floats(&outputs[1]), [2.5, -1.85]);
}

#[test]
fn quantizes_inputs_constants_and_outputs() {
    let first = NodeSimulation {
        inputs: vec![quantize(-1), quantize(0)],
        outputs: vec![quantize(-1)],
        ..NodeSimulation::default()
    };
    let program = Program::simulated(&chain(false), &[Some(first), None, None]).unwrap();
    // Weights round to [1, -2, 3, 0]: a = [2.5, -2].
    assert_eq!(seen(&program, &[false, true, false, false]), [(1, vec![2.5, -2.0])]);
}

#[test]
fn wide_sums_are_exact_beyond_float32() {
    let mut graph = chain(false);
    graph.values[4].constant = Some(Tensor::new(&[2, 2], vec![16_777_216.0f32, 0.0, 2.0, 0.0]).unwrap());
    let half_up = FakeQuant { exponents: vec![1], axis: None, bits: 32, rounding: Rounding::HalfUp };
    let first = |wide| {
        let node = NodeSimulation { wide, outputs: vec![Some(half_up.clone())], ..NodeSimulation::default() };
        let program = Program::simulated(&graph, &[Some(node), None, None]).unwrap();
        seen(&program, &[false, true, false, false])[0].1[0]
    };
    // The sum is 2^24 + 1, which float32 cannot represent; half of it rounds up.
    assert_eq!(first(true), 16_777_218.0);
    assert_eq!(first(false), 16_777_216.0);
}

#[test]
fn running_from_a_node_equals_running_the_whole_with_that_node_simulated() {
    for branch in [false, true] {
        let graph = chain(branch);
        let float = Program::float(&graph).unwrap();
        let trace = float.trace(float.begin(&sample()).unwrap(), NodeId(3), &[true; 6]).unwrap();
        for n in 0..3 {
            let simulated =
                NodeSimulation { inputs: vec![None, quantize(-1)], outputs: vec![quantize(0)], ..Default::default() };
            let mut alone = vec![None; 3];
            alone[n] = Some(simulated);
            let changed = Program::simulated(&graph, &alone).unwrap();
            let whole = changed.run(&sample(), &[], &mut |_, _| Ok(())).unwrap();
            assert_eq!(float.run_from(&changed, NodeId(n), &trace).unwrap(), whole, "node {n}");
        }
    }
}

#[test]
fn a_run_resumed_before_a_node_equals_one_from_a_trace_of_all_values() {
    for branch in [false, true] {
        let graph = chain(branch);
        let float = Program::float(&graph).unwrap();
        let begin = || float.begin(&sample()).unwrap();
        for n in 0..3 {
            let mut alone = vec![None; 3];
            alone[n] = Some(NodeSimulation { outputs: vec![quantize(0)], ..Default::default() });
            let changed = Program::simulated(&graph, &alone).unwrap();
            let whole = float.trace(begin(), NodeId(3), &[true; 6]).unwrap();
            let expected = float.run_from(&changed, NodeId(n), &whole).unwrap();
            let mut run = begin();
            float.proceed(&mut run, NodeId(n), &[true; 6], &mut |_, _| Ok(())).unwrap();
            // The values in front of the node are in the frontier, as far as they are still read.
            let behind = float.trace(run.clone(), NodeId(3), &[true; 6]).unwrap();
            assert_eq!(float.run_from(&changed, NodeId(n), &behind).unwrap(), expected, "node {n}");
            float.proceed_as(&changed, &mut run).unwrap();
            float.proceed(&mut run, NodeId(3), &[], &mut |_, _| Ok(())).unwrap();
            assert_eq!(float.outputs(&run).unwrap(), expected, "node {n}");
        }
    }
}

#[test]
fn observing_a_value_stops_after_it_and_shows_the_same_value_as_a_run() {
    let mut graph = chain(false);
    let shown = |graph: &Graph, value: usize, observe: bool| {
        let (program, mut seen) = (Program::float(graph).unwrap(), Vec::new());
        let wanted: Vec<bool> = (0..graph.values.len()).map(|v| v == value).collect();
        let mut show = |id: ValueId, tensor: &Tensor| {
            seen.push((id, tensor.clone()));
            Ok(())
        };
        match observe {
            true => program.observe(&sample(), &wanted, &mut show).unwrap(),
            false => drop(program.run(&sample(), &wanted, &mut show).unwrap()),
        }
        seen
    };
    for value in 0..graph.values.len() {
        assert_eq!(shown(&graph, value, true), shown(&graph, value, false), "value {value}");
    }
    // Nodes after the value must not run: this one would fail.
    let behind = graph.nodes.len() - 1;
    let nowhere =
        Value { name: "nowhere".into(), data_type: Some(DataType::F32), shape: Some(vec![1, 2]), ..Value::default() };
    graph.nodes[behind].inputs[0] = Some(graph.add_value(nowhere));
    let before = graph.nodes[behind - 1].outputs[0].unwrap();
    assert_eq!(shown(&graph, before.0, true).len(), 1);
}

#[test]
fn a_failing_node_is_named() {
    let mut graph = chain(false);
    graph.nodes[1].op = "Blorp".into();
    let error = Program::float(&graph).err().unwrap();
    assert_eq!(error.layer(), Some("relu"));
    assert_eq!(error.what(), "the operator Blorp is not supported by espq");
}

#[test]
fn packed_weights_are_in_memory_once() {
    let program = Program::float(&chain(false)).unwrap();
    let holds = |source: &prepare::Source| matches!(source, prepare::Source::Constant(_));
    let layers = program.steps.iter().filter(|step| step.inputs.len() > 1);
    assert_eq!(layers.count(), 2);
    assert!(program.steps.iter().flat_map(|step| step.inputs.get(1)).all(|weights| !holds(weights)));
}
