//! Flash and RAM that a network uses on the chip.
//!
//! Never: measuring error.

mod flash;
pub mod memory;

pub use flash::constants as constant_bytes;
