//! From a quantized graph to what ESP-DL runs: axes, Transposes; the passes of esp-ppq's exporter, one a file.
//!
//! Never: how exponents were found, and the bytes of the file.

mod boundaries;
mod draft;
mod layout;
mod relu;
mod transposes;
mod weights;

pub use boundaries::insert_boundaries;
pub use draft::{Draft, DraftNode, DraftValue, Port};
pub use layout::lay_out;
pub use relu::fuse_relu;
pub use weights::pack_weights;

#[cfg(test)]
mod tests;
