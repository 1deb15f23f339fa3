//! Reports as text and as JSON, one form a file.

pub mod diagnostics;
pub mod findings;
pub mod inspect;
mod json;
mod statistics;
mod table;
pub mod terminal;
mod text;

pub use json::json;
pub use text::{View, text};
