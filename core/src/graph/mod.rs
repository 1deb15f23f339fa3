//! The model in memory: tensors, facts, nodes and values.
//!
//! Never: file formats, targets, the choice of scales: those that a file gives stay with their values.

pub mod attributes;
pub mod axes;
pub mod edit;
pub mod model;
mod scale;
pub mod stored;
pub mod tensor;

pub use attributes::{Attribute, Attributes};
pub use model::{Graph, Node, NodeId, Value, ValueId};
pub use scale::TrainedScale;
pub use tensor::{DataType, Element, Tensor};
