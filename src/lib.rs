//! espq: quantizes ONNX models for Espressif chips by ESP-DL's rules, and measures the error.
//!
//! Modules are in the order of the data flow; a module imports only modules above it. `cli` and `lsp` use `engine`, and
//! no module below it.

pub mod note;

pub mod analysis;
pub mod chip;
pub mod cli;
pub mod cost;
pub mod detect;
pub mod engine;
pub mod espdl;
pub mod exec;
pub mod export;
pub mod file;
mod flatbuffer;
pub mod gradient;
pub mod graph;
pub mod lint;
pub mod lsp;
pub mod memory;
pub mod model;
pub mod ops;
pub mod optimize;
pub mod project;
pub mod proof;
pub mod quant;
pub mod render;
pub mod runtime;
pub mod samples;
pub mod simplify;
pub mod text;

pub use espq_kernels as kernels;
pub use kernels::{Error, Kind, Result, bail, error};
