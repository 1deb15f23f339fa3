//! Vocabulary of targets: chips and their kernel families, precisions, rounding, bias widths, releases of ESP-DL,
//! limits of its kernels.
//!
//! Never: graphs, files, tensors.

mod incompatibility;
mod limit;
mod node;
pub mod ppq;
mod quant_type;
mod release;
mod support;
mod target;

pub use incompatibility::Incompatibility;
pub use limit::{Checked, Effect, Limit, Unreadable};
pub use node::{AttributeView, NodeView};
pub use quant_type::QuantType;
pub use release::Runtime;
pub use support::{Axes, Buffer, Chip, Kernels, Scales, Support, Table};
pub use target::{Family, Method, Rounding, Scheme, Target};
