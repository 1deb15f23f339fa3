//! Progress as data: stage and number of finished units.

use crate::{Error, Result};

/// Stage of the work on a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Reading the model and planning: a single unit.
    Load,
    /// Observing activations: one unit per sample and pass.
    Calibrate,
    /// Measuring the cumulative error, with the whole model quantized.
    Graphwise,
    /// Estimating the error of each layer alone: one unit per sample.
    Estimates,
    /// Measuring the error of each layer alone: one unit per layer and sample.
    Layerwise,
    /// Measuring ranges and histograms of activations.
    Statistics,
    /// Measuring observers, one unit per sample.
    Observers,
    /// Running the finished file in the chip's integers: one unit per sample.
    Chip,
    /// Running labelled samples in float, simulated and in the chip's integers: one unit per sample.
    Accuracy,
    /// Measuring fixes: one unit per set of layers.
    Trials,
    /// Searching the smallest set of layers: one unit per set.
    Search,
    /// Searching: one unit per candidate.
    Optimize,
}

impl Stage {
    /// Returns the stage's name for the user.
    pub fn label(self) -> &'static str {
        match self {
            Stage::Load => "loading",
            Stage::Calibrate => "calibrating",
            Stage::Graphwise => "graphwise error",
            Stage::Estimates => "estimating layers",
            Stage::Layerwise => "layerwise error",
            Stage::Statistics => "statistics",
            Stage::Chip => "running on the chip's integers",
            Stage::Observers => "trying observers",
            Stage::Accuracy => "labelled samples",
            Stage::Trials => "trying fixes",
            Stage::Search => "searching the smallest set",
            Stage::Optimize => "optimizing",
        }
    }
}

/// Receiver of progress, called from several threads.
pub trait Progress: Sync {
    /// Begins a stage of `total` units.
    fn begin(&self, stage: Stage, total: usize);

    /// Finishes one unit. An error ([`crate::Error::cancelled`]) stops the work.
    fn tick(&self) -> Result<()>;

    /// Takes the error of the outputs before a search, and the least that it has found.
    fn best(&self, _before: f64, _after: f64) {}

    /// Checks for cancellation within a unit.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// Progress of work inside one unit of other work.
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

/// Progress of a part of a stage that has begun.
pub struct PartOf<'a>(pub &'a dyn Progress);

impl Progress for PartOf<'_> {
    fn begin(&self, _: Stage, _: usize) {}

    fn tick(&self) -> Result<()> {
        self.0.tick()
    }

    fn check(&self) -> Result<()> {
        self.0.check()
    }
}

/// Progress that stops work at its first unit, so that only cached results are returned.
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

/// Progress without an observer, which never cancels.
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: Stage, _: usize) {}

    fn tick(&self) -> Result<()> {
        Ok(())
    }
}
