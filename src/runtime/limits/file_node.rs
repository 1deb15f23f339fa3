//! A node of an `.espdl` file, as limits see it.

use std::collections::HashMap;

use crate::chip::{AttributeView, NodeView, QuantType, Scheme};
use crate::espdl::{Attribute, DataType, Node, Tensor, ValueInfo};

/// Operators whose values lie with the channels last, in a file.
const CHANNELS_LAST: [&str; 9] = [
    "AveragePool",
    "Conv",
    "ConvTranspose",
    "DepthToSpace",
    "GlobalAveragePool",
    "InsertZeros",
    "MaxPool",
    "Resize",
    "SpaceToDepth",
];

pub struct FileNode<'a> {
    pub node: &'a Node,
    pub tensors: &'a HashMap<&'a str, &'a Tensor>,
    pub values: &'a HashMap<&'a str, &'a ValueInfo>,
}

impl FileNode<'_> {
    fn tensor(&self, port: usize) -> Option<&Tensor> {
        self.tensors.get(self.input(port)?).copied()
    }

    /// Sizes of a value that is no constant, in ONNX's order.
    fn sizes(&self, value: &str) -> Option<Vec<usize>> {
        let mut sizes = self.values.get(value)?.sizes()?;
        if CHANNELS_LAST.contains(&self.op()) && sizes.len() > 2 {
            // N, places, C becomes N, C, places.
            sizes[1..].rotate_right(1);
        }
        Some(sizes)
    }
}

impl NodeView for FileNode<'_> {
    fn op(&self) -> &str {
        &self.node.op
    }

    fn attribute(&self, name: &str) -> Option<AttributeView<'_>> {
        Some(match self.node.attribute(name)? {
            Attribute::Int(value) => AttributeView::Int(*value),
            Attribute::Text(bytes) => std::str::from_utf8(bytes).map_or(AttributeView::Other, AttributeView::Text),
            Attribute::Ints(list) => AttributeView::Ints(list),
            Attribute::Texts(list) => AttributeView::Texts(list),
            Attribute::Float(_) | Attribute::Floats(_) | Attribute::Tensor(_) => AttributeView::Other,
        })
    }

    fn opset(&self) -> Option<i64> {
        None
    }

    fn input_count(&self) -> usize {
        self.node.inputs.len()
    }

    fn input(&self, port: usize) -> Option<&str> {
        self.node.inputs.get(port).map(String::as_str).filter(|name| !name.is_empty())
    }

    fn has_output(&self, port: usize) -> bool {
        self.node.outputs.get(port).is_some_and(|name| !name.is_empty())
    }

    /// Packed filters have no shape that ONNX knows: `None`.
    fn shape(&self, port: usize) -> Option<Vec<usize>> {
        let channels_last = CHANNELS_LAST.contains(&self.op());
        if let Some(tensor) = self.tensor(port) {
            return (!channels_last || port == 0).then(|| tensor.dims.clone());
        }
        self.sizes(self.input(port)?)
    }

    fn output_shape(&self, port: usize) -> Option<Vec<usize>> {
        self.sizes(self.node.outputs.get(port)?)
    }

    fn scheme(&self) -> Option<Scheme> {
        Some(match QuantType::from_name(self.node.text("quant_type")?)? {
            QuantType::S8 => Scheme::Int8,
            QuantType::S16 => Scheme::Int16,
            QuantType::W8A16 => Scheme::W8A16,
            QuantType::F32 => Scheme::Float,
        })
    }

    fn constant(&self, port: usize) -> Option<Vec<i64>> {
        let tensor = self.tensor(port)?;
        match tensor.data_type {
            DataType::Int32 => {
                Some(tensor.bytes.as_chunks::<4>().0.iter().map(|b| i32::from_le_bytes(*b).into()).collect())
            }
            DataType::Int64 => Some(tensor.bytes.as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b)).collect()),
            _ => None,
        }
    }

    fn floats(&self, port: usize) -> Option<Vec<f32>> {
        let tensor = self.tensor(port).filter(|tensor| tensor.data_type == DataType::Float)?;
        Some(tensor.bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
    }

    fn is_constant(&self, port: usize) -> bool {
        self.tensor(port).is_some()
    }
}
