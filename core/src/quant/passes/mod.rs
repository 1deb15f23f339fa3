//! Passes, one per file: from a graph to a plan, and from observations to a quantized model.

mod alignment;
mod configure;
mod cut_bias;
mod fusion;
mod parameters;
mod passive;
mod simplify;
mod trained;

pub(super) use alignment::align;
pub(super) use configure::configure;
pub(super) use fusion::fuse;
pub(super) use parameters::parameters;
pub(super) use passive::passive_parameters;
pub(super) use simplify::simplify;
pub(super) use trained::{note_lost, trained};
