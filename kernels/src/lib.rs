//! Inner loops over slices and strides; the only module with `unsafe` blocks, except for the allocator.
//!
//! Every kernel runs on the thread that calls it: parallelism is over samples, in the callers, so results cannot depend
//! on the number of threads. Products are summed one by one (no Winograd, no Fourier transforms): if all partial sums
//! are representable, results are exact. The error type of all modules is here, too, since this crate is below them.
//!
//! Never: graphs, tensors, operators.

#![allow(unsafe_code)]

pub mod activation;
pub mod balance;
pub mod batched;
pub mod buffer;
mod channelwise;
pub mod choose;
pub mod conv;
pub mod dense;
mod depthwise;
mod direct;
pub mod error;
pub mod errors;
pub mod histogram;
pub mod integer;
pub mod lanes;
pub mod logarithm;
pub mod loops;
pub mod matmul;
pub mod pool;
pub mod real;
pub mod rounding;
pub mod selection;
pub mod simd;
mod spread;
pub mod steps;
mod tile;
pub mod transposed;
mod vector;
pub mod window;

pub use error::{Error, Kind, Result};

#[cfg(test)]
mod naive;
