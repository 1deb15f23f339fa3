//! ESP-DL on the chip: the models that it supports, and the integers that it computes.
//!
//! The reference is the source of ESP-DL 3.3.9. Never: the float model, calibration, locations of files.

pub mod compatibility;
pub mod limits;
pub mod planner;
pub mod run;
