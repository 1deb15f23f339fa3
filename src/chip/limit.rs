//! Limits of ESP-DL's kernels: forms of an operator that they lack, and the view of a node that a limit checks.

use super::Scheme;

/// Consequence on the chip of a form that the kernels lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The loader stops, or makes no module.
    NotLoaded,
    /// The kernel stops, or reads or writes memory that is not its own.
    Crashes,
    /// The kernel runs and computes something else.
    SilentlyWrong,
}

/// A fault that a limit found in a node; `Ok(None)` where there is none, or where a shape is not known yet.
pub type Checked = Result<Option<String>, Unreadable>;

/// One form of some operators that ESP-DL's kernels lack.
pub struct Limit {
    pub name: &'static str,
    pub operators: &'static [&'static str],
    pub effect: Effect,
    pub check: fn(&dyn NodeView) -> Checked,
    /// The form to write instead.
    pub help: &'static str,
    /// File of ESP-DL's source that decides, and the function where it is not the module's only one.
    pub source: &'static str,
}

impl Limit {
    /// Describes the fault of a node; an attribute that cannot be read is a fault, never a pass.
    pub fn violation(&self, node: &dyn NodeView) -> Option<String> {
        if !self.operators.contains(&node.op()) {
            return None;
        }
        match (self.check)(node) {
            Ok(found) => found,
            Err(Unreadable(name)) => {
                Some(format!("attribute `{name}` of {} has another type than the operator defines", node.op()))
            }
        }
    }
}

/// The name of an attribute whose type is not the operator's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable(pub &'static str);

/// An attribute's value, whether it stands in a graph or in a file.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeView<'a> {
    Int(i64),
    Text(&'a str),
    Ints(&'a [i64]),
    Texts(&'a [String]),
    /// A type that no limit asks for, or text that is not UTF-8.
    Other,
}

/// One node, of an ONNX graph or of an `.espdl` file.
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

    /// Shape of an input in ONNX's order of axes, whatever order is stored; `None` where it is not known.
    fn shape(&self, port: usize) -> Option<Vec<usize>>;

    /// Shape of an output in ONNX's order of axes; `None` where it is not known.
    fn output_shape(&self, port: usize) -> Option<Vec<usize>>;

    /// Precision of the node; `None` before it is planned.
    fn scheme(&self) -> Option<Scheme>;

    /// Integers of a constant input; `None` where the input is not constant or holds no integers.
    fn constant(&self, port: usize) -> Option<Vec<i64>>;

    /// Elements of a constant float32 input; `None` where the input is not constant or holds something else.
    fn floats(&self, port: usize) -> Option<Vec<f32>>;

    fn is_constant(&self, port: usize) -> bool;

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

    fn rank(&self, port: usize) -> Option<usize> {
        self.shape(port).map(|shape| shape.len())
    }
}
