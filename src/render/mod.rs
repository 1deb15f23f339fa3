//! Reports, findings and file contents as text, JSON and SARIF: one format per file.
//!
//! Never: measurements, decisions, files.

pub mod diagnostics;
pub mod findings;
pub mod inspect;
mod json;
mod operators;
pub mod rules;
mod statistics;
mod table;
pub mod terminal;
mod text;

pub use json::json;
pub use operators::operators_page;
pub use text::{View, text};
