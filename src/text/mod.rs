//! Small tools for text.
//!
//! Never: files, graphs.

mod nearest;

pub use nearest::{list, nearest};
