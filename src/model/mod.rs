//! Model files and their readers.
//!
//! Never: quantization, rewrites of the graph, targets.

pub mod onnx;
