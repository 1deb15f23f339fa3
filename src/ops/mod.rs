//! One operator a file: attributes, shape inference, float kernel, quantization role.
//!
//! A file here knows its operator and the kernels it calls, and no other operator.
//! Adding one is a new file and a line in [`OPERATORS`].

mod average_pool;
mod conv;
mod conv_transpose;
mod gemm;
mod global_average_pool;
mod global_max_pool;
mod matmul;
mod max_pool;
mod operands;
mod relu;
mod spatial;

use crate::Result;
use crate::graph::{Attributes, DataType, Tensor};

/// What is known of a value before a model runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    pub data_type: DataType,
    pub shape: Vec<usize>,
    /// Known where the value is constant: shapes, axes, weights.
    pub constant: Option<Tensor>,
}

impl Fact {
    pub fn new(data_type: DataType, shape: impl Into<Vec<usize>>) -> Fact {
        Fact { data_type, shape: shape.into(), constant: None }
    }

    pub fn of(constant: Tensor) -> Fact {
        Fact { data_type: constant.data_type(), shape: constant.shape().to_vec(), constant: Some(constant) }
    }
}

/// One use of an operator: all that its file may look at.
pub struct Call<'a> {
    pub attributes: &'a Attributes,
    /// Version of the ONNX operator set that the model imports.
    pub opset: i64,
    /// By port; `None` for an optional input that is left out.
    pub inputs: &'a [Option<Fact>],
    /// How many output ports the node has.
    pub outputs: usize,
}

/// A prepared operator: attributes read, constant weights packed. Shared by threads.
pub trait Kernel: Send + Sync {
    /// One output a port, in order. Inputs are handed over: whoever holds the last
    /// reference may write in place. Shapes are those of the `Call` it was prepared for.
    /// Constant inputs are passed too.
    fn run(&self, inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>>;

    /// Whether [`Kernel::run_clamped`] is there: the kernel takes a following Relu or Clip into
    /// its last pass over the output. The same prepared kernel serves both ways.
    fn can_clamp(&self) -> bool {
        false
    }

    /// `run`, with every element of the first output clamped to `[low, high]`.
    fn run_clamped(&self, _inputs: Vec<Option<Tensor>>, _low: f32, _high: f32) -> Result<Vec<Tensor>> {
        crate::bail!("this kernel does not take in a clamp")
    }
}

/// How ESP-DL's quantizer treats an operator; the sets are esp-ppq's (`core/common.py`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Conv, Gemm, ...: has a row in the error tables, activations are fused into it.
    Computing,
    /// Moves values without changing them: input and output share a scale.
    Passive,
    /// Quantized, with scales of its own.
    Plain,
    /// Stays in float.
    Float,
}

/// One line of the operator table.
pub struct Operator {
    /// ONNX operator type.
    pub name: &'static str,
    pub role: Role,
    /// Facts of the outputs from those of the inputs. `constant` may be filled where the
    /// result follows from shapes alone (Shape, Size); folding is `graph::simplify`'s.
    pub infer: fn(&Call) -> Result<Vec<Fact>>,
    pub prepare: fn(&Call) -> Result<Box<dyn Kernel>>,
}

/// Every operator that espq runs, by name.
pub static OPERATORS: &[&Operator] = &[
    &average_pool::OPERATOR,
    &conv::OPERATOR,
    &conv_transpose::OPERATOR,
    &gemm::OPERATOR,
    &global_average_pool::OPERATOR,
    &global_max_pool::OPERATOR,
    &matmul::OPERATOR,
    &max_pool::OPERATOR,
    &relu::OPERATOR,
];

/// The operator of an ONNX type, if espq has it.
pub fn find(name: &str) -> Option<&'static Operator> {
    OPERATORS.iter().find(|o| o.name == name).copied()
}
