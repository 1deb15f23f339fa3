//! The road from a project to results, stage by stage, with progress and cancellation.
//!
//! `cli` and `lsp` ask this room and nothing below it. Never: rendering.

mod analyze;
mod export;
mod progress;

pub use analyze::{Request, analyze};
pub use export::{Exported, export};
pub use progress::{Progress, Silent, Stage};
