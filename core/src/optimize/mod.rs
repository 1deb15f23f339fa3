//! Optimization: passes that change constants of the quantized network, and the search for the best ones.
//!
//! A pass is one file, one line in [`PASSES`] and one key in `[optimize]`. The original network stays the reference.
//! Never: text, files, figures that were not measured.

mod align;
mod bias_correction;
mod blocks;
mod channel_split;
mod channels;
mod compensate;
mod correct;
mod equalize;
mod factor;
mod groups;
mod inputs;
mod judge;
mod layerwise_equalization;
mod moments;
mod observers;
mod pairs;
mod patches;
mod relus;
mod round;
mod scales;
mod search;
mod seen;
mod sets;
mod sweep;
mod weight_split;
mod weighted;
mod widen;

use std::collections::BTreeMap;

use crate::Result;
use crate::exec::{Samples, Tick};
use crate::graph::ValueId;
use crate::quant::{Edits, Observations, Plan, Quantized, WIDEN, calibrate};

pub use channel_split::channel_split;
pub use judge::{Figure, Judge, Judged};
pub use observers::observers;
pub use search::{Breadth, Budget, Found, Subject, Tried, most_candidates, search};
pub use weight_split::weight_split;

use seen::Seen;
use sweep::LayerPass;

/// Pass that changes constants.
pub struct Pass {
    /// Key in `[optimize]`.
    pub name: &'static str,
    /// Function of the pass, by the stage at which it runs.
    pub run: Run,
}

/// Stage at which a pass runs.
pub enum Run {
    /// Before calibration; the function of the float network is preserved.
    Equivalent(fn(&Work) -> Result<Equivalent>),
    /// Before calibration: decides how layers share scales.
    Sharing(fn(&mut Plan)),
    /// Exponents of values, in place of those that calibration observes.
    Scales(fn(&Work) -> Result<BTreeMap<ValueId, i32>>),
    /// After calibration, on known scales, block after block.
    Blocks(fn(&mut Quantized, &dyn Samples, Tick) -> Result<()>),
    /// After calibration, on known scales, layer after layer.
    Layer(LayerPass),
}

/// All passes, in the order in which they run.
pub static PASSES: &[Pass] = &[
    Pass { name: EQUALIZATION, run: Run::Equivalent(layerwise_equalization::layerwise_equalization) },
    Pass { name: "equalize", run: Run::Equivalent(equalize::equalize) },
    Pass { name: "align", run: Run::Equivalent(align::align) },
    Pass { name: WIDEN, run: Run::Sharing(widen::widen) },
    Pass { name: SCALES, run: Run::Scales(scales::scales) },
    Pass { name: BIAS_CORRECTION, run: Run::Blocks(bias_correction::bias_correction) },
    Pass { name: "compensate", run: Run::Layer(LayerPass { run: compensate::compensate, needs_float: true }) },
    Pass { name: "round", run: Run::Layer(LayerPass { run: round::round, needs_float: false }) },
    Pass { name: "correct", run: Run::Layer(LayerPass { run: correct::correct, needs_float: true }) },
];

const SCALES: &str = "scales";
const EQUALIZATION: &str = "layerwise-equalization";
const BIAS_CORRECTION: &str = "bias-correction";

/// Planned network, and its float values over the samples.
pub struct Work<'a> {
    /// Plan with the constants of the passes before this one.
    pub plan: &'a Plan,
    /// Values of the float network over the samples of calibration, without those held out.
    pub seen: &'a Seen,
}

/// Constants that preserve the function of the float network.
#[derive(Debug, Default)]
pub struct Equivalent {
    /// The constants.
    pub edits: Edits,
    /// Factor of each scaled value: one for all elements, or one for each channel.
    pub factors: BTreeMap<ValueId, Vec<f64>>,
}

/// Plans the network with the constants and scales of the passes that run before calibration.
pub fn prepare(plan: &Plan, samples: &dyn Samples, tick: Tick) -> Result<Plan> {
    let (plan, _) = relus::left_unbounded(plan)?;
    let plan = &plan;
    let needs_values = |pass: &Pass| matches!(pass.run, Run::Equivalent(_) | Run::Scales(_));
    let seen = match PASSES.iter().any(|pass| needs_values(pass) && plan.settings.recipe.has(pass.name)) {
        true => Seen::of(plan, samples, tick)?,
        false => Seen::default(),
    };
    Ok(prepared(plan, seen)?.0)
}

/// [`prepare`] with known values of the original network; returns those of the planned one, too.
fn prepared(plan: &Plan, mut seen: Seen) -> Result<(Plan, Seen)> {
    let (mut plan, mut edits) = relus::left_unbounded(plan)?;
    let notes = relus::note(&edits).into_iter();
    for pass in PASSES.iter().filter(|pass| plan.settings.recipe.has(pass.name)).collect::<Vec<_>>() {
        let work = Work { plan: &plan, seen: &seen };
        match pass.run {
            Run::Equivalent(run) => {
                let Equivalent { edits: found, factors } = run(&work)?;
                edits.extend(found);
                plan = plan.with_equivalent(&edits)?;
                factors.iter().for_each(|(&value, factors)| seen.scale(value, factors));
            }
            Run::Sharing(run) => run(&mut plan),
            Run::Scales(run) => plan.chosen = run(&work)?,
            Run::Blocks(_) | Run::Layer(_) => {}
        }
    }
    plan.notes.extend(notes);
    Ok((plan, seen))
}

/// The plan with the scales of the pass that chooses them.
fn with_scales(plan: &Plan, seen: &Seen) -> Result<Plan> {
    let mut plan = plan.clone();
    plan.chosen = scales::scales(&Work { plan: &plan, seen })?;
    plan.settings.recipe = plan.settings.recipe.with(SCALES);
    Ok(plan)
}

/// Changes constants on known scales, by the passes that run after calibration.
pub fn finish(quantized: &mut Quantized, samples: &dyn Samples, tick: Tick) -> Result<()> {
    let recipe = quantized.plan().settings.recipe.clone();
    let wanted = || PASSES.iter().filter(|pass| recipe.has(pass.name));
    for pass in wanted() {
        if let Run::Blocks(run) = pass.run {
            run(quantized, samples, tick)?;
        }
    }
    let passes: Vec<LayerPass> = wanted()
        .filter_map(|pass| match pass.run {
            Run::Layer(run) => Some(run),
            Run::Equivalent(_) | Run::Sharing(_) | Run::Scales(_) | Run::Blocks(_) => None,
        })
        .collect();
    match passes.is_empty() {
        true => Ok(()),
        false => sweep::sweep(quantized, samples, &passes, tick),
    }
}

/// Quantizes the network with all passes that its settings enable.
pub fn quantize(plan: &Plan, samples: &dyn Samples, known: &mut Observations, tick: Tick) -> Result<Quantized> {
    let plan = prepare(plan, samples, tick)?;
    let mut quantized = calibrate(plan, samples, known, tick)?;
    finish(&mut quantized, samples, tick)?;
    Ok(quantized)
}
