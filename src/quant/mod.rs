//! ESP-DL's quantization: targets, schemes, the plan (who shares whose scale), observers, passes.
//!
//! The reference is esp-ppq 1.3.12; the file that decides is named beside each rule.
//! Never: editors, files, rendering.

mod calibrate;
mod config;
mod edits;
mod emulate;
mod kernel;
mod links;
mod names;
mod observations;
pub mod observe;
mod passes;
mod plan;
mod quantized;
mod recorded;
mod settings;
mod simulate;
mod sums;
#[cfg(test)]
mod tests;

pub use calibrate::{calibrate, observe, recall};
pub use config::{Config, ConfigId, Configs, State};
pub use edits::Edits;
pub use names::{check as check_names, nearest as nearest_names};
pub use observations::{Observation, Observations};
pub use plan::{NodeConfig, Observed, Plan, plan};
pub use quantized::{Port, Quantized};
pub use recorded::{Recorded, RecordedLayer, RecordedPort};
pub use settings::{Recipe, Settings};

use quantized::finish;
