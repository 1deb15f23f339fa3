//! Execution of a graph over samples, in float or simulated, from any node on.
//!
//! A [`Program`] is a graph prepared once (weights packed, constants quantized) and shared by threads; each worker runs
//! whole samples, so results do not depend on the number of threads.
//!
//! Never: the choice of scales (`quant`), files, editors.

mod frontier;
mod places;
mod prepare;
mod program;
mod quantize;
mod samples;
mod simulation;
mod stepwise;

#[cfg(test)]
mod tests;

pub use frontier::Frontier;
pub use places::{cost_from, live_before, places, places_within};
pub use program::{OnValue, Program, Trace};
pub use quantize::fake_quantize;
pub use samples::{Samples, Tick};
pub use simulation::{FakeQuant, NodeSimulation, Simulation};
