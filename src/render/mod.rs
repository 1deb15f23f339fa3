//! Reports, findings and file contents as text, JSON, HTML and SARIF: one format per file.
//!
//! Never: measurements, decisions, files.

mod accuracy;
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

pub use accuracy::{accuracy, scored};
pub use changes::changes;
pub use html::{Page, html};
pub use json::{ShownAccuracy, json};
pub use operators::operators_page;
pub use profile::profile;
pub use text::{View, text};
