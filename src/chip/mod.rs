//! Vocabulary of targets: chips and their kernel families, precisions, rounding, bias widths, releases of ESP-DL,
//! limits of its kernels.
//!
//! Never: graphs, files, tensors.

mod limit;
mod quant_type;
mod release;
mod target;

pub use limit::{AttributeView, Checked, Effect, Limit, NodeView, Unreadable};
pub use quant_type::QuantType;
pub use release::Runtime;
pub use target::{Family, Method, Rounding, Scheme, Target};
