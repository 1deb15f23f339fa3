//! View of a node for the checks of limits, either in an ONNX graph or in an `.espdl` file.

use super::{Family, Runtime, Scheme, Unreadable};

/// Value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeView<'a> {
    /// One integer, such as `axis`; flags are 0 or 1.
    Int(i64),
    /// Text in UTF-8.
    Text(&'a str),
    /// List of integers, such as `kernel_shape`.
    Ints(&'a [i64]),
    /// List of texts in UTF-8, such as `activations`.
    Texts(&'a [String]),
    /// A type that no limit needs, or text that is not UTF-8.
    Other,
}

/// View of one node.
pub trait NodeView {
    /// ONNX operator type.
    fn op(&self) -> &str;

    /// Value of an attribute; `None` if it is left out, and its default applies.
    fn attribute(&self, name: &str) -> Option<AttributeView<'_>>;

    /// Version of ONNX's operator set; `None` in a file, whose nodes have the form that the runtime reads.
    fn opset(&self) -> Option<i64>;

    /// Number of inputs, including those that are left out.
    fn input_count(&self) -> usize;

    /// Name of an input; `None` if it is left out.
    fn input(&self, port: usize) -> Option<&str>;

    /// Returns `true` if the output exists and is not left out.
    fn has_output(&self, port: usize) -> bool;

    /// Shape of an input in ONNX's order of axes, whichever order is stored; `None` if it is not known. For operators
    /// that support any order, the stored one.
    fn shape(&self, port: usize) -> Option<Vec<usize>>;

    /// Shape of an output, in the order of [`NodeView::shape`].
    fn output_shape(&self, port: usize) -> Option<Vec<usize>>;

    /// Integers of a constant input; `None` if the input is not constant or not integer.
    fn constant(&self, port: usize) -> Option<Vec<i64>>;

    /// Elements of a constant float32 input; `None` if the input is not constant or has another type.
    fn floats(&self, port: usize) -> Option<Vec<f32>>;

    /// Returns `true` if an input is constant: no node makes it, and no sample feeds it.
    fn is_constant(&self, port: usize) -> bool;

    /// Precision of the node; `None` before it is planned.
    fn scheme(&self) -> Option<Scheme>;

    /// Exponents of an input's integers, one or one per channel; `None` for floats and before calibration.
    fn input_exponents(&self, port: usize) -> Option<Vec<i64>>;

    /// Exponents of an output's integers, like [`NodeView::input_exponents`].
    fn output_exponents(&self, port: usize) -> Option<Vec<i64>>;

    /// Kernel family of the target; `None` before one is chosen.
    fn family(&self) -> Option<Family>;

    /// Release of ESP-DL that runs the node.
    fn runtime(&self) -> Runtime;

    /// Integer of an attribute, or `default` if it is left out. Fails if it has another type.
    fn int(&self, name: &'static str, default: i64) -> Result<i64, Unreadable> {
        match self.attribute(name) {
            None => Ok(default),
            Some(AttributeView::Int(value)) => Ok(value),
            Some(_) => Err(Unreadable(name)),
        }
    }

    /// Text of an attribute, or `default` if it is left out. Fails if it has another type.
    fn text(&self, name: &'static str, default: &'static str) -> Result<&str, Unreadable> {
        match self.attribute(name) {
            None => Ok(default),
            Some(AttributeView::Text(value)) => Ok(value),
            Some(_) => Err(Unreadable(name)),
        }
    }

    /// Integers of an attribute; empty if it is left out.
    fn ints(&self, name: &'static str) -> Result<&[i64], Unreadable> {
        match self.attribute(name) {
            None => Ok(&[]),
            Some(AttributeView::Ints(value)) => Ok(value),
            Some(_) => Err(Unreadable(name)),
        }
    }

    /// Strings of an attribute; empty if it is left out.
    fn texts(&self, name: &'static str) -> Result<&[String], Unreadable> {
        match self.attribute(name) {
            None => Ok(&[]),
            Some(AttributeView::Texts(value)) => Ok(value),
            Some(_) => Err(Unreadable(name)),
        }
    }

    /// Returns `true` if the node has the form that the runtime reads: the exporter does not rewrite it.
    fn is_written(&self) -> bool {
        self.opset().is_none()
    }

    /// Returns `true` if the node is known to run on integers.
    fn is_integer(&self) -> bool {
        matches!(self.scheme(), Some(Scheme::Int8 | Scheme::Int16))
    }

    /// Number of axes of an input; `None` if its shape is not known.
    fn rank(&self, port: usize) -> Option<usize> {
        self.shape(port).map(|shape| shape.len())
    }

    /// Exponent of an input, the first if there are several.
    fn input_exponent(&self, port: usize) -> Option<i64> {
        self.input_exponents(port)?.first().copied()
    }

    /// Exponent of the first output.
    fn output_exponent(&self) -> Option<i64> {
        self.output_exponents(0)?.first().copied()
    }
}
