//! The model in memory: tensors, facts, nodes, values, and the rewrites that simplify them.
//!
//! Never: file formats, targets, quantization.

mod attributes;
mod edit;
mod model;
pub mod simplify;
mod tensor;

pub use attributes::{Attribute, Attributes};
pub use model::{Graph, Node, NodeId, Value, ValueId};
pub use simplify::{Simplified, simplify};
pub use tensor::{DataType, Element, Tensor};
