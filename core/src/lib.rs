//! The arithmetic of espq: networks, operators, quantization and its error.
//!
//! A crate of its own, because it runs for each element of each sample: it is optimized for speed, and what is built on
//! it for size. Modules are in the order of the data flow; a module imports only modules above it.
//!
//! Never: formats of models and of exported files, `espq.toml`, findings, presentation.

pub mod note;
pub mod order;
pub mod parallel;

pub mod analysis;
pub mod chip;
pub mod detect;
pub mod exec;
pub mod file;
pub mod gradient;
pub mod graph;
pub mod ops;
pub mod optimize;
pub mod quant;
pub mod samples;
pub mod text;

pub use espq_kernels as kernels;
pub use kernels::{Error, Kind, Result, bail, error};
