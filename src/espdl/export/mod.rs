//! From a quantized graph to what ESP-DL runs: axes, Transposes; the passes of esp-ppq's exporter, one a file.
//!
//! Never: how exponents were found, and the bytes of the file.

mod draft;
mod layout;
mod transposes;

pub use draft::{Draft, DraftNode, DraftValue, Port};
pub use layout::lay_out;

#[cfg(test)]
mod tests;
