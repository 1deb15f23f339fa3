//! Reports, findings and file contents as text, JSON, HTML and SARIF: one format per file.
//!
//! Never: measurements, decisions, files.

mod changes;
mod cost;
pub mod detection;
pub mod diagnostics;
pub mod findings;
pub mod frame;
mod html;
pub mod inspect;
mod json;
mod operators;
mod profile;
pub mod rules;
mod statistics;
mod table;
pub mod terminal;
mod text;

pub use changes::changes;
pub use html::{Page, html};
pub use json::json;
pub use operators::operators_page;
pub use profile::profile;
pub use text::{View, text};
