//! View of a node of an `.espdl` file for limits.

use std::collections::HashMap;

use crate::chip::{AttributeView, Axes, Family, NodeView, QuantType, Runtime, Scheme};
use crate::espdl::{Attribute, DataType, Node, Tensor, ValueInfo};
use crate::ops;

/// Node with the constants and values of its file, by name.
pub struct FileNode<'a> {
    /// Node as the file stores it.
    pub node: &'a Node,
    /// Initializers of the file by name.
    pub tensors: &'a HashMap<&'a str, &'a Tensor>,
    /// Shapes and types of the file's values by name.
    pub values: &'a HashMap<&'a str, &'a ValueInfo>,
    /// Kernel family of the checked target.
    pub family: Family,
    /// Release of ESP-DL that loads the file.
    pub runtime: Runtime,
}

impl FileNode<'_> {
    fn tensor(&self, port: usize) -> Option<&Tensor> {
        self.tensors.get(self.input(port)?).copied()
    }

    fn has_channels_last(&self) -> bool {
        ops::on_chip(self.op()).is_some_and(|chip| chip.axes == Axes::ChannelsLast)
    }

    /// Returns the sizes of a value that is not constant, in ONNX's order.
    fn sizes(&self, value: &str) -> Option<Vec<usize>> {
        let mut sizes = self.values.get(value)?.sizes()?;
        if self.has_channels_last() && sizes.len() > 2 {
            // Order N, spatial axes, C becomes N, C, spatial axes.
            sizes[1..].rotate_right(1);
        }
        Some(sizes)
    }

    /// Returns the shape of filters, which are stored as spatial axes, channels, filters; if grouped, as spatial axes,
    /// filters, channels per group.
    fn filters(&self, dims: &[usize]) -> Option<Vec<usize>> {
        let (places, last) = dims.split_last_chunk::<2>().map(|(places, last)| (places, *last))?;
        let [channels, filters] = last;
        let is_grouped = self.int("group", 1).is_ok_and(|group| group > 1);
        let front = if is_grouped { [channels, filters] } else { [filters, channels] };
        Some([&front, places].concat())
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

    fn shape(&self, port: usize) -> Option<Vec<usize>> {
        match self.tensor(port) {
            Some(tensor) if port > 0 && self.has_channels_last() => self.filters(&tensor.dims),
            Some(tensor) => Some(tensor.dims.clone()),
            None => self.sizes(self.input(port)?),
        }
    }

    fn output_shape(&self, port: usize) -> Option<Vec<usize>> {
        self.sizes(self.node.outputs.get(port)?)
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

    fn scheme(&self) -> Option<Scheme> {
        Some(QuantType::from_name(self.node.text("quant_type")?)?.scheme())
    }

    fn input_exponents(&self, port: usize) -> Option<Vec<i64>> {
        match self.tensor(port) {
            Some(tensor) => integers(tensor.data_type, &tensor.exponents),
            None => self.values.get(self.input(port)?).and_then(|value| integers(value.data_type, &value.exponents)),
        }
    }

    fn output_exponents(&self, port: usize) -> Option<Vec<i64>> {
        let value = self.values.get(self.node.outputs.get(port)?.as_str())?;
        integers(value.data_type, &value.exponents)
    }

    fn family(&self) -> Option<Family> {
        Some(self.family)
    }

    fn runtime(&self) -> Runtime {
        self.runtime
    }
}

/// Returns exponents of integers; the file has an exponent of 0 for floats, too.
fn integers(data_type: DataType, exponents: &[i64]) -> Option<Vec<i64>> {
    (data_type != DataType::Float).then(|| exponents.to_vec())
}
