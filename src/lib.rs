//! espq: quantizes ONNX models for Espressif chips by ESP-DL's rules, and says what that costs.
//!
//! The rooms, in the order in which data passes through them; imports run this way and never back.
//! `cli` and `lsp` ask `engine` and nothing below it.

pub mod error;

pub mod analysis;
pub mod cli;
pub mod engine;
pub mod espdl;
pub mod exec;
pub mod graph;
pub mod kernels;
pub mod lint;
pub mod lsp;
pub mod onnx;
pub mod ops;
pub mod project;
pub mod quant;

pub use error::{Error, Kind, Result};
