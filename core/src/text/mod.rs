//! Small tools for text: edits, lines and columns, units, similar names.
//!
//! Never: files, graphs.

mod edit;
mod lines;
mod nearest;
pub mod units;
mod visible;

pub use edit::{Edit, Span, apply, difference};
pub use lines::{Encoding, LineIndex, Position};
pub use nearest::{list, nearest, related};
pub use visible::{is_hidden, visible, visible_json, visible_lines};
