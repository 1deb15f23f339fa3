//! Reports as text and as JSON, one form a file.

pub mod findings;
pub mod inspect;
mod json;
mod statistics;
mod table;
mod text;

pub use json::json;
pub use text::{View, text};
