//! ESP-DL on the chip: which models it loads and runs, and the integers that it computes.
//!
//! The source of ESP-DL 3.3.9 decides. Never: the float model, calibration, where files lie.

pub mod fit;
pub mod limits;
pub mod run;
