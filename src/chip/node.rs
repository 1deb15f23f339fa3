//! View of a node that a limit checks, whether it stands in an ONNX graph or in an `.espdl` file.

use super::{Family, Runtime, Scheme, Unreadable};

/// An attribute's value.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeView<'a> {
    Int(i64),
    Text(&'a str),
    Ints(&'a [i64]),
    Texts(&'a [String]),
    /// A type that no limit asks for, or text that is not UTF-8.
    Other,
}

/// One node.
pub trait NodeView {
    /// ONNX operator type.
    fn op(&self) -> &str;

    fn attribute(&self, name: &str) -> Option<AttributeView<'_>>;

    /// Version of ONNX's operator set; `None` in a file, whose nodes have the form that the runtime reads.
    fn opset(&self) -> Option<i64>;

    /// Number of inputs, those that are left out included.
    fn input_count(&self) -> usize;

    /// The name of an input that is not left out.
    fn input(&self, port: usize) -> Option<&str>;

    /// The output is there and not left out.
    fn has_output(&self, port: usize) -> bool;

    /// Shape of an input in ONNX's order of axes, whatever order is stored; `None` where it is not known. What takes any
    /// order has the stored one.
    fn shape(&self, port: usize) -> Option<Vec<usize>>;

    /// Shape of an output, as [`NodeView::shape`] has it.
    fn output_shape(&self, port: usize) -> Option<Vec<usize>>;

    /// Integers of a constant input; `None` where the input is not constant or holds no integers.
    fn constant(&self, port: usize) -> Option<Vec<i64>>;

    /// Elements of a constant float32 input; `None` where the input is not constant or holds something else.
    fn floats(&self, port: usize) -> Option<Vec<f32>>;

    fn is_constant(&self, port: usize) -> bool;

    /// Precision of the node; `None` before it is planned.
    fn scheme(&self) -> Option<Scheme>;

    /// Exponents of an input's integers, one or one a channel; `None` before they are calibrated, and of floats.
    fn input_exponents(&self, port: usize) -> Option<Vec<i64>>;

    /// Exponents of an output's integers, as [`NodeView::input_exponents`] has them.
    fn output_exponents(&self, port: usize) -> Option<Vec<i64>>;

    /// Kernels of the target; `None` before one is chosen.
    fn family(&self) -> Option<Family>;

    /// Release of ESP-DL that runs the node.
    fn runtime(&self) -> Runtime;

    fn int(&self, name: &'static str, default: i64) -> Result<i64, Unreadable> {
        match self.attribute(name) {
            None => Ok(default),
            Some(AttributeView::Int(value)) => Ok(value),
            Some(_) => Err(Unreadable(name)),
        }
    }

    fn text(&self, name: &'static str, default: &'static str) -> Result<&str, Unreadable> {
        match self.attribute(name) {
            None => Ok(default),
            Some(AttributeView::Text(value)) => Ok(value),
            Some(_) => Err(Unreadable(name)),
        }
    }

    /// Empty where the attribute is left out.
    fn ints(&self, name: &'static str) -> Result<&[i64], Unreadable> {
        match self.attribute(name) {
            None => Ok(&[]),
            Some(AttributeView::Ints(value)) => Ok(value),
            Some(_) => Err(Unreadable(name)),
        }
    }

    /// Empty where the attribute is left out.
    fn texts(&self, name: &'static str) -> Result<&[String], Unreadable> {
        match self.attribute(name) {
            None => Ok(&[]),
            Some(AttributeView::Texts(value)) => Ok(value),
            Some(_) => Err(Unreadable(name)),
        }
    }

    /// The node has the form that the runtime reads: the exporter rewrites no more of it.
    fn is_written(&self) -> bool {
        self.opset().is_none()
    }

    /// The node is known to work on integers.
    fn is_integer(&self) -> bool {
        matches!(self.scheme(), Some(Scheme::Int8 | Scheme::Int16))
    }

    fn rank(&self, port: usize) -> Option<usize> {
        self.shape(port).map(|shape| shape.len())
    }

    /// The exponent of an input, the first where there are several.
    fn input_exponent(&self, port: usize) -> Option<i64> {
        self.input_exponents(port)?.first().copied()
    }

    /// The exponent of the first output.
    fn output_exponent(&self) -> Option<i64> {
        self.output_exponents(0)?.first().copied()
    }
}
