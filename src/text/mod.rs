//! Small tools for text: edits, lines and columns, units, similar names.
//!
//! Never: files, graphs.

mod edit;
mod lines;
mod nearest;
pub mod units;

pub use edit::{Edit, Span, apply, difference};
pub use lines::{Encoding, LineIndex, Position};
pub use nearest::{list, nearest, related};
