//! Vocabulary of targets: chips and their kernel families, precisions, rounding, bias widths, releases of ESP-DL.
//!
//! Never: graphs, files, tensors.

mod quant_type;
mod release;
mod target;

pub use quant_type::QuantType;
pub use release::Runtime;
pub use target::{Family, Method, Rounding, Scheme, Target};
