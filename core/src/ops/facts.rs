//! Properties of values that are known before a model runs, and the use of an operator that they make up.

use crate::graph::{Attributes, DataType, Graph, Node, Tensor, Value};
use crate::{Error, Result};

/// Properties of a value that are known before a model runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// Type of the elements.
    pub data_type: DataType,
    /// Lengths of the axes; empty for a single number.
    pub shape: Vec<usize>,
    /// Elements of a constant value: shape, axes, weights.
    pub constant: Option<Tensor>,
}

impl Fact {
    /// Makes the fact of a value that is computed.
    pub fn new(data_type: DataType, shape: impl Into<Vec<usize>>) -> Fact {
        Fact { data_type, shape: shape.into(), constant: None }
    }

    /// Makes the fact of a constant.
    pub fn of(constant: Tensor) -> Fact {
        Fact { data_type: constant.data_type(), shape: constant.shape().to_vec(), constant: Some(constant) }
    }

    /// Returns the fact of a graph's value; `None` if its type or shape is not known.
    fn of_value(value: &Value) -> Option<Fact> {
        match &value.constant {
            Some(constant) => Some(Fact::of(constant.clone())),
            None => Some(Fact::new(value.data_type?, value.shape.clone()?)),
        }
    }
}

/// Returns the facts of a node's inputs by port, `None` for one that is left out. Fails if the type or shape
/// of one is not known.
pub fn input_facts(graph: &Graph, node: &Node) -> Result<Vec<Option<Fact>>> {
    let unknown = |value: &Value| Error::new(format!("the shape of its input '{}' is not known", value.name));
    let fact = |value| Fact::of_value(value).ok_or_else(|| unknown(value));
    node.inputs.iter().map(|id| id.map(|id| fact(graph.value(id))).transpose()).collect()
}

/// Use of an operator: everything that its file may read.
pub struct Call<'a> {
    /// Attributes of the node; defaults of ONNX are not filled in.
    pub attributes: &'a Attributes,
    /// Version of the ONNX operator set that the model imports.
    pub opset: i64,
    /// Inputs by port; `None` for an optional input that is left out.
    pub inputs: &'a [Option<Fact>],
    /// Number of output ports of the node.
    pub outputs: usize,
}

impl<'a> Call<'a> {
    /// Returns a node's use of its operator.
    pub fn of(graph: &Graph, node: &'a Node, inputs: &'a [Option<Fact>]) -> Call<'a> {
        Call { attributes: &node.attributes, opset: graph.opset, inputs, outputs: node.outputs.len() }
    }
}
