//! The road from a project to results, stage by stage, with progress and cancellation.
//!
//! `cli` and `lsp` ask this room and nothing below it. Never: rendering.

mod progress;

pub use progress::{Progress, Silent, Stage};
