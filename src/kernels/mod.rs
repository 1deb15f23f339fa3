//! Inner loops over slices and strides; the only room with `unsafe`.
//!
//! Never: graphs, tensors, operators.

pub mod rounding;
