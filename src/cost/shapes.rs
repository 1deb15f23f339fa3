//! Shapes and constants of a file by name.

use std::collections::HashMap;

use crate::espdl::{Graph, Node, Tensor, ValueInfo};

/// Lookup of a graph's values and constants.
pub struct Shapes<'g> {
    values: HashMap<&'g str, &'g ValueInfo>,
    constants: HashMap<&'g str, &'g Tensor>,
}

impl<'g> Shapes<'g> {
    pub fn of(graph: &'g Graph) -> Shapes<'g> {
        Shapes {
            values: graph.values.iter().map(|value| (value.name.as_str(), value)).collect(),
            constants: graph.initializers.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect(),
        }
    }

    pub fn constant(&self, name: &str) -> Option<&'g Tensor> {
        self.constants.get(name).copied()
    }

    /// Returns the constant at an input.
    pub fn parameter(&self, node: &Node, port: usize) -> Option<&'g Tensor> {
        self.constant(node.inputs.get(port)?)
    }

    /// Returns the stored shape of a value or a constant.
    pub fn shape(&self, name: &str) -> Option<Vec<usize>> {
        match self.constants.get(name) {
            Some(tensor) => Some(tensor.dims.clone()),
            None => self.values.get(name)?.sizes(),
        }
    }

    pub fn input(&self, node: &Node, port: usize) -> Option<Vec<usize>> {
        self.shape(node.inputs.get(port)?)
    }

    pub fn output(&self, node: &Node) -> Option<Vec<usize>> {
        self.shape(node.outputs.first()?)
    }

    /// Returns the bytes of a value that is not constant; 0 if its size is not known.
    pub fn value_bytes(&self, name: &str) -> usize {
        let value = if self.constants.contains_key(name) { None } else { self.values.get(name) };
        value.and_then(|value| value.bytes()).unwrap_or(0)
    }

    /// Returns the width of a node's first output in bits.
    pub fn width(&self, node: &Node) -> Option<usize> {
        let name = node.outputs.first()?;
        self.values.get(name.as_str())?.data_type.width().map(|bytes| 8 * bytes)
    }
}

/// Returns the number of elements; 0 if it exceeds memory.
pub fn elements(shape: &[usize]) -> usize {
    shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size)).unwrap_or(0)
}
