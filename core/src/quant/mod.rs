//! ESP-DL's quantization: targets, schemes, the plan (sharing of scales), observers, passes.
//!
//! The reference is esp-ppq 1.3.12; its relevant file is named at each rule.
//! Never: editors, files, rendering.

mod accumulation;
mod calibrate;
mod config;
mod edits;
mod emulate;
mod frontiers;
mod histograms;
mod imported_scales;
mod kernel;
mod layer_names;
mod narrowed;
mod observations;
pub mod observe;
mod passes;
mod plan;
mod predict;
mod quantized;
mod recall;
mod settings;
mod simulate;
#[cfg(test)]
mod tests;
mod trained_schemes;

pub use calibrate::{Keep, calibrate, observe, resume};
pub use config::{ConfigId, Configs, PortConfig, State};
pub use edits::Edits;
pub use emulate::lut as lookup_table;
pub use frontiers::Frontiers;
pub use imported_scales::{ImportedLayer, ImportedPort, ImportedScales};
pub use narrowed::{Narrowed, WIDEN};
pub use observations::{Observation, Observations};
pub use plan::{NodeConfig, Observed, Plan, plan};
pub use predict::{FloatRuns, predict};
pub use quantized::{Port, Quantized};
pub use recall::{Wide, recall};
pub use settings::{BiasCorrection, ChannelSplit, LayerwiseEqualization, Real, Recipe, Settings, WeightSplit};
pub use trained_schemes::{Overridden, overridden, with_trained};

use quantized::finish;
