//! espq: quantizes ONNX models for Espressif chips by ESP-DL's rules, and measures the error.
//!
//! Modules are in the order of the data flow; a module imports only modules above it, those of the crate `espq-core`
//! included. `cli` and `lsp` use `engine`, and no module below it.

pub mod cli;
pub mod cost;
pub mod engine;
pub mod espdl;
pub mod export;
mod flatbuffer;
pub mod lint;
pub mod lsp;
pub mod memory;
pub mod model;
pub mod project;
pub mod proof;
pub mod render;
pub mod runtime;
pub mod simplify;

pub use espq_core::{
    Error, Kind, Result, analysis, bail, chip, detect, error, exec, file, gradient, graph, kernels, note, ops,
    optimize, order, parallel, quant, samples, text,
};
