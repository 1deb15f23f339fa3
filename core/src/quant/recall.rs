//! Likely scales after a change of precision, before calibration: the most recent observations, and for ports without
//! one, observations of the float network.

use crate::Result;
use crate::exec::{Samples, Tick};

use super::calibrate::{asked, check, settle};
use super::observations::{Fingerprints, Observation, Observations};
use super::plan::{Observed, Plan};
use super::predict::{self, Effort, FloatRuns, Whole};
use super::{Quantized, finish};

/// Least number of samples to resume from which a scale is guessed, unless there are fewer.
const FEWEST: usize = 4;

/// Effort of a guess that is shown until calibration has ended.
const WHOLE: Effort = Effort { samples: usize::MAX, bits: u32::MAX };

/// Source of scales of 16 bits that a histogram would choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wide {
    /// Earlier observations, and where there are none, the float network.
    Observed,
    /// Predictions by [`super::predict()`], and else as observed.
    Predicted,
}

/// Guesses every scale. Differs from calibration where the change moves a scale downstream of its layer, and where the
/// samples of `resumed` are not those of calibration. Returns `None` if more than half of the ports were never observed.
pub fn recall(
    mut plan: Plan,
    samples: &dyn Samples,
    known: &mut Observations,
    resumed: Option<&dyn FloatRuns>,
    wide: Wide,
    tick: Tick,
) -> Result<Option<Quantized>> {
    let ports = plan.observed();
    check(&plan, samples, &ports)?;
    let first = Fingerprints::new(&plan, &plan.calibration()?);
    let latest = |port: &Observed, known: &Observations| known.recall(&asked(&plan, port));
    let bits = |port: &Observed| plan.configs[port.config].bits;
    let recalled = |port: &Observed| {
        let predicted = known.predicted(&asked(&plan, port));
        if wide == Wide::Predicted && predicted.is_some() {
            return predicted;
        }
        let key = first.key(&first, port.value.0, port.method, bits(port));
        known.get(&key).or_else(|| latest(port, known))
    };
    let mut found: Vec<Option<Observation>> = ports.iter().map(recalled).collect();
    let missing = ports.iter().zip(&found).filter(|(_, observation)| observation.is_none());
    let missing: Vec<Observed> = missing.map(|(port, _)| *port).collect();
    if 2 * missing.len() > ports.len() {
        return Ok(None);
    }
    if !missing.is_empty() {
        let observed = match resumed.filter(|resumed| resumed.samples() >= samples.len().min(FEWEST)) {
            Some(resumed) => predict::observe_float(&plan, &missing, resumed, &WHOLE, known, tick)?,
            None => predict::observe_float(&plan, &missing, &Whole::new(&plan, samples)?, &WHOLE, known, tick)?,
        };
        for (port, observation) in observed {
            known.keep_newest(&asked(&plan, &port), observation);
        }
    }
    for (port, observation) in ports.iter().zip(&mut found).filter(|(_, observation)| observation.is_none()) {
        *observation = latest(port, known);
    }
    for (port, observation) in ports.iter().zip(found) {
        if let Some(observation) = observation {
            settle(&mut plan, port, observation);
        }
    }
    Ok(Some(finish(plan)))
}
