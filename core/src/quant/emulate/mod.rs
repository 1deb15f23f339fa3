//! Kernels that emulate the chip's integers step by step, for operators where quantizing the ports of a float kernel
//! would give other results: 16-bit lookup tables, and recurrent cells with quantized inner values.

mod lut;
mod recurrent;

pub use lut::lut;
pub(super) use recurrent::{Hidden, gru, lstm};

#[cfg(test)]
mod tests;
