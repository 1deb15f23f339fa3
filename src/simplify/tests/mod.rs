//! Tests on small graphs, written as `name: Op(inputs) -> outputs`.

mod errors;
mod names;
mod onnxsim;
mod ppq_format;

use super::{Simplified, simplify};
use crate::graph::{Attribute, DataType, Graph, Node, Tensor, Value, ValueId};
use crate::model::{Dialect, Imported, Record};

struct Net(Graph);

/// Net of float inputs (`x 1 3 8 8`) and nodes; all unused results of the last node are outputs.
fn net(inputs: &[&str]) -> Net {
    let mut net = Net(Graph { opset: 18, ..Graph::default() });
    for input in inputs {
        let mut words = input.split(' ');
        let name = words.next().unwrap();
        let shape = Some(words.map(|d| d.parse().unwrap()).collect());
        let id =
            net.0.add_value(Value { name: name.into(), data_type: Some(DataType::F32), shape, ..Value::default() });
        net.0.inputs.push(id);
    }
    net
}

impl Net {
    fn constant(mut self, name: &str, tensor: Tensor) -> Net {
        self.0.add_constant(name, tensor);
        self
    }

    fn ints(self, name: &str, values: &[i64]) -> Net {
        self.constant(name, Tensor::new(&[values.len()], values.to_vec()).unwrap())
    }

    /// Adds a constant 0.5, 1.0, 1.5, ... of a shape.
    fn floats(self, name: &str, shape: &[usize]) -> Net {
        let values = (1..=shape.iter().product()).map(|i| i as f32 * 0.5).collect();
        self.constant(name, Tensor::new(shape, values).unwrap())
    }

    fn opset(mut self, opset: i64) -> Net {
        self.0.opset = opset;
        self
    }

    fn node(self, text: &str) -> Net {
        self.node_with(text, &[])
    }

    fn node_with(mut self, text: &str, attributes: &[(&str, Attribute)]) -> Net {
        let (name, rest) = text.split_once(": ").unwrap();
        let (op, rest) = rest.split_once('(').unwrap();
        let (inputs, outputs) = rest.split_once(") -> ").unwrap();
        let inputs = inputs.split(", ").map(|v| self.id(v)).collect();
        let outputs = outputs.split(", ").map(|v| self.id(v)).collect();
        let attributes = attributes.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
        self.0.nodes.push(Node {
            name: name.into(),
            op: op.into(),
            domain: String::new(),
            attributes: crate::graph::Attributes(attributes),
            inputs,
            outputs,
        });
        self
    }

    fn id(&mut self, name: &str) -> Option<ValueId> {
        if name.is_empty() {
            return None;
        }
        let known = self.0.values.iter().position(|v| v.name == name).map(ValueId);
        let new = || Value { name: name.into(), ..Value::default() };
        Some(known.unwrap_or_else(|| self.0.add_value(new())))
    }

    fn outputs(mut self, names: &[&str]) -> Net {
        self.0.outputs = names.iter().map(|name| self.id(name).unwrap()).collect();
        self
    }

    fn simplified(self) -> Simplified {
        simplify(Imported::of(self.0)).unwrap()
    }

    /// Returns the layers after simplification, without constants.
    fn layers(self) -> Vec<String> {
        layers(&self.simplified().graph)
    }

    fn error(self) -> String {
        simplify(Imported::of(self.0)).unwrap_err().to_string()
    }
}

fn layers(graph: &Graph) -> Vec<String> {
    let name = |id: &Option<ValueId>| id.map_or("", |id| &graph.value(id).name).to_owned();
    let show = |node: &Node| {
        let varies = |id: &&Option<ValueId>| id.is_none_or(|id| graph.value(id).constant.is_none());
        let inputs: Vec<String> = node.inputs.iter().filter(varies).map(name).collect();
        let outputs: Vec<String> = node.outputs.iter().map(name).collect();
        format!("{}: {}({}) -> {}", node.name, node.op, inputs.join(", "), outputs.join(", "))
    };
    graph.nodes.iter().map(show).collect()
}

fn floats(graph: &Graph, layer: &str, port: usize) -> Vec<f32> {
    let node = graph.nodes.iter().find(|node| node.name == layer).unwrap();
    let tensor = graph.constant(node, port).unwrap();
    tensor.slice::<f32>().unwrap().to_vec()
}

fn ints(graph: &Graph, layer: &str, port: usize) -> Vec<i64> {
    let node = graph.nodes.iter().find(|node| node.name == layer).unwrap();
    graph.constant(node, port).unwrap().to_i64s().unwrap()
}

fn attribute(graph: &Graph, layer: &str, name: &str) -> Option<Attribute> {
    graph.nodes.iter().find(|node| node.name == layer).unwrap().attributes.get(name).cloned()
}

/// Adds gamma, beta, mean and variance of two channels.
fn with_norm(net: Net) -> Net {
    let two = |a: f32, b: f32| Tensor::new(&[2], vec![a, b]).unwrap();
    net.constant("gamma", two(2.0, 3.0))
        .constant("beta", two(0.5, -0.5))
        .constant("mean", two(1.0, -1.0))
        .constant("variance", two(4.0, 0.25))
}

#[test]
fn only_onnx_is_rewritten_as_onnxsim_does() {
    let net = || net(&["x 1 4"]).node("copied: Identity(x) -> y").node("act: Relu(y) -> z").outputs(&["z"]).0;
    let simplified = |dialect| layers(&simplify(Imported { dialect, ..Imported::of(net()) }).unwrap().graph);
    assert_eq!(simplified(Dialect::Onnx), ["act: Relu(x) -> z"]);
    assert_eq!(simplified(Dialect::Translated), ["copied: Identity(x) -> y", "act: Relu(y) -> z"]);
}
