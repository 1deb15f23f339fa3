//! Checks of the finished file before it is written: support by ESP-DL, and the results of the chip's integer arithmetic on
//! samples, compared with the simulation.
//!
//! Never: the choice of exponents, rewrites of nodes, definitions of limits.

mod finished;
mod joined;
mod run;
mod stored;

pub use finished::{Finished, finish};
pub use run::{OnSamples, Subject, run};
