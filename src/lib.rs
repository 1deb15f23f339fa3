//! espq: quantizes ONNX models for Espressif chips by ESP-DL's rules, and says what that costs.
//!
//! The rooms, in the order in which data passes through them; imports run this way and never back.
//! `cli` and `lsp` ask `engine` and nothing below it.

pub mod error;

pub mod analysis;
pub mod chip;
pub mod cli;
pub mod cost;
pub mod engine;
pub mod espdl;
pub mod exec;
pub mod export;
pub mod graph;
pub mod kernels;
pub mod lint;
pub mod lsp;
pub mod memory;
pub mod model;
pub mod ops;
pub mod optimize;
pub mod project;
pub mod quant;
pub mod render;
pub mod runtime;
pub mod samples;
pub mod simplify;
pub mod text;

pub use error::{Error, Kind, Result};
