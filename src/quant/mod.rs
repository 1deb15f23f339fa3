//! ESP-DL's quantization: targets, schemes, the plan (who shares whose scale), observers, passes.
//!
//! The reference is esp-ppq 1.3.12; the file that decides is named beside each rule.
//! Never: editors, files, rendering.

mod settings;

pub use settings::{Method, Scheme, Settings, Target};
