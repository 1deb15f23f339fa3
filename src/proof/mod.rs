//! The finished file held against the chip before it is written: what ESP-DL refuses of it, and what the chip's integer
//! arithmetic makes of samples, beside the simulation.
//!
//! Never: how exponents are found, how a node is rewritten, what a limit is.

mod finished;
mod run;
mod stored;

pub use finished::{Finished, finish};
pub use run::{Subject, run};
