//! The model in memory: tensors, facts, nodes, values, and the rewrites that simplify them.
//!
//! Never: file formats, targets, quantization.

mod attributes;
mod model;
mod tensor;

pub use attributes::{Attribute, Attributes};
pub use model::{Graph, Node, NodeId, Value, ValueId};
pub use tensor::{DataType, Element, Tensor};
