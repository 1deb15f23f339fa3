//! Vocabulary of targets: chips and their kernel families, precisions, rounding, bias widths, releases of ESP-DL,
//! limits of its kernels.
//!
//! Never: graphs, files, tensors.

mod incompatibility;
mod limit;
mod node;
mod order;
pub mod ppq;
mod quant_type;
mod release;
mod storage;
mod support;
mod target;

pub use crate::kernels::rounding::Rounding;
pub use incompatibility::Incompatibility;
pub use limit::{Checked, Effect, Limit, Unreadable};
pub use node::{AttributeView, NodeView};
pub use order::NodeOrder;
pub use quant_type::QuantType;
pub use release::Runtime;
pub use storage::Storage;
pub use support::{Axes, Buffer, Chip, Kernels, Scales, Support, Table};
pub use target::{Family, Method, Scheme, Target};
