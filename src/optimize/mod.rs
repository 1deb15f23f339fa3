//! Optimization: passes that change constants of the quantized network, and the search for the best ones.
//!
//! A pass is one file, one line in [`PASSES`] and one key in `[optimize]`. The original network stays the reference.
//! Never: text, files, figures that were not measured.

mod align;
mod channels;
mod correct;
mod equalize;
mod groups;
mod judge;
mod patches;
mod round;
mod search;
mod sets;
mod sweep;
mod weighted;

use crate::Result;
use crate::exec::{Samples, Tick};
use crate::quant::{Edits, Observations, Plan, Quantized, Recipe, calibrate};

pub use judge::Figure;
pub use search::{Budget, CANDIDATES, Found, Subject, Tried, search};

use sweep::LayerPass;

/// Pass that changes constants.
pub struct Pass {
    /// Key in `[optimize]`.
    pub name: &'static str,
    pub is_wanted: fn(&Recipe) -> bool,
    pub run: Run,
}

/// Stage at which a pass runs.
pub enum Run {
    /// Before calibration; the function of the float network is preserved.
    Equivalent(fn(&Work) -> Result<Edits>),
    /// After calibration, on known scales, layer after layer.
    Layer(LayerPass),
}

/// All passes, in the order in which they run.
pub static PASSES: &[Pass] = &[
    Pass { name: "equalize", is_wanted: |recipe| recipe.equalize, run: Run::Equivalent(equalize::equalize) },
    Pass { name: "align", is_wanted: |recipe| recipe.align, run: Run::Equivalent(align::align) },
    Pass { name: "round", is_wanted: |recipe| recipe.round, run: Run::Layer(round::round) },
    Pass { name: "correct", is_wanted: |recipe| recipe.correct, run: Run::Layer(correct::correct) },
];

/// Planned network, and the samples for a pass.
pub struct Work<'a> {
    pub plan: &'a Plan,
    pub samples: &'a dyn Samples,
    pub tick: Tick<'a>,
}

/// Plans the network with the constants of the passes that run before calibration.
pub fn prepare(plan: &Plan, samples: &dyn Samples, tick: Tick) -> Result<Plan> {
    let (mut plan, mut edits) = (plan.clone(), Edits::default());
    for pass in PASSES.iter().filter(|pass| (pass.is_wanted)(&plan.settings.recipe)).collect::<Vec<_>>() {
        if let Run::Equivalent(run) = pass.run {
            edits.extend(run(&Work { plan: &plan, samples, tick })?);
            plan = plan.with_equivalent(&edits)?;
        }
    }
    Ok(plan)
}

/// Changes constants on known scales, by the passes that run after calibration.
pub fn finish(quantized: &mut Quantized, samples: &dyn Samples, tick: Tick) -> Result<()> {
    let wanted = PASSES.iter().filter(|pass| (pass.is_wanted)(&quantized.settings.recipe));
    let passes: Vec<LayerPass> = wanted
        .filter_map(|pass| match pass.run {
            Run::Layer(run) => Some(run),
            Run::Equivalent(_) => None,
        })
        .collect();
    if !passes.is_empty() {
        let edits = sweep::sweep(quantized, samples, &passes, tick)?;
        quantized.edit(&edits);
    }
    Ok(())
}

/// Quantizes the network with all passes that its settings enable.
pub fn quantize(plan: &Plan, samples: &dyn Samples, known: &mut Observations, tick: Tick) -> Result<Quantized> {
    let plan = prepare(plan, samples, tick)?;
    let mut quantized = calibrate(plan, samples, known, tick)?;
    finish(&mut quantized, samples, tick)?;
    Ok(quantized)
}
