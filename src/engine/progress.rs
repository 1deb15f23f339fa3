//! Progress as data: which stage, how far.

use crate::{Error, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Load,
    Calibrate,
    Graphwise,
    Layerwise,
    Statistics,
    /// Of the network with each observer.
    Observers,
    /// Of fixes: one unit a set of layers.
    Trials,
    /// One unit a candidate.
    Optimize,
}

impl Stage {
    /// What the user reads while it runs.
    pub fn label(self) -> &'static str {
        match self {
            Stage::Load => "loading",
            Stage::Calibrate => "calibrating",
            Stage::Graphwise => "graphwise error",
            Stage::Layerwise => "layerwise error",
            Stage::Statistics => "statistics",
            Stage::Observers => "trying observers",
            Stage::Trials => "trying fixes",
            Stage::Optimize => "optimizing",
        }
    }
}

/// Told how work goes on; called from several threads.
pub trait Progress: Sync {
    /// A stage of `total` units begins.
    fn begin(&self, stage: Stage, total: usize);

    /// One unit is done. An error ([`crate::Error::cancelled`]) stops the work.
    fn tick(&self) -> Result<()>;

    /// The same for work inside a unit: nothing is done, but it may be stopped.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// Work inside one unit of other work.
pub struct Inside<'a>(pub &'a dyn Progress);

impl Progress for Inside<'_> {
    fn begin(&self, _: Stage, _: usize) {}

    fn tick(&self) -> Result<()> {
        self.0.check()
    }

    fn check(&self) -> Result<()> {
        self.0.check()
    }
}

/// Stops work at its first unit: what was measured before is answered, nothing is measured.
pub struct OnlyKnown;

impl Progress for OnlyKnown {
    fn begin(&self, _: Stage, _: usize) {}

    fn tick(&self) -> Result<()> {
        Err(Error::cancelled())
    }

    fn check(&self) -> Result<()> {
        Err(Error::cancelled())
    }
}

/// Nobody looks, nobody cancels.
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: Stage, _: usize) {}

    fn tick(&self) -> Result<()> {
        Ok(())
    }
}
