//! Precisions of layers under limits on flash, RAM and time.

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::analysis::{Report, Seconds, Sets as _, is_over, most_within_limits};
use crate::chip::Scheme;
use crate::cost::Change;
use crate::lint::candidates;
use crate::optimize::Tried;
use crate::quant::{Keep, Recipe, Settings};

use super::Progress;
use super::cost::limits;
use super::measure::{Layerwise, Measurement};
use super::opened::Opened;
use super::progress::Inside;
use super::smallest::Candidates;

/// Precisions that a search has chosen.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Precisions {
    /// Precision of the whole model, if it changes.
    pub whole: Option<Scheme>,
    /// Precisions of single layers.
    pub layers: Vec<(String, Scheme)>,
}

impl Precisions {
    /// Returns `true` if nothing changes.
    pub fn is_empty(&self) -> bool {
        *self == Precisions::default()
    }

    /// Returns settings with these precisions.
    pub fn applied(&self, settings: &Settings) -> Settings {
        let mut settings = settings.clone();
        settings.scheme = self.whole.unwrap_or(settings.scheme);
        settings.layer_schemes.extend(self.layers.iter().cloned());
        settings
    }
}

/// Most lines of `[precision]` whose cost is counted.
const LINES: usize = 64;

impl Opened {
    /// Returns what each line of `[precision]` changes: the file without it, and the file with it. Scales without it are guessed.
    pub fn precision_costs(&self, progress: &dyn Progress) -> Result<Vec<(String, Change)>> {
        let (session, plan) = (self.session()?, self.settled_plan(progress)?);
        let measurement = Measurement::of(self, &session, &plan, progress);
        let mut costs = Vec::new();
        for line in self.named().config.precision.iter().take(LINES) {
            let layer = &line.layer.value;
            let mut settings = plan.settings.clone();
            if settings.layer_schemes.remove(layer).is_none_or(|scheme| scheme == settings.scheme) {
                continue;
            }
            let without = measurement.change(&self.plan_of(&settings)?, false)?;
            costs.extend(without.map(|change| (layer.clone(), change.reversed())));
            progress.check()?;
        }
        Ok(costs)
    }

    /// Returns `true` if the file of these settings keeps the limits.
    fn keeps_limits(&self, settings: &Settings, progress: &dyn Progress) -> Result<bool> {
        let plain = Settings { recipe: Recipe::default(), ..settings.clone() };
        let calibrated = self.session()?.calibrate(&self.plan_of(&plain)?, Keep::Nothing, &Inside(progress))?;
        let totals = self.totals_of(&calibrated.quantized)?;
        Ok(totals.is_none_or(|totals| limits(self.project()).exceeded(&totals).is_empty()))
    }

    /// Chooses precisions for a file that exceeds a limit: int8, but for the layers that gain most, as far as the limits are
    /// kept.
    pub(super) fn narrowed(&self, settings: &Settings, progress: &dyn Progress) -> Result<Precisions> {
        let mut narrow =
            Precisions { whole: (settings.scheme == Scheme::Int16).then_some(Scheme::Int8), layers: vec![] };
        let wide = settings.layer_schemes.iter().filter(|(_, scheme)| **scheme == Scheme::Int16);
        narrow.layers = wide.map(|(layer, _)| (layer.clone(), Scheme::Int8)).collect();
        let base = narrow.applied(settings);
        if !self.keeps_limits(&base, progress)? {
            return Ok(narrow);
        }
        let wide = self.wide_layers(&base, progress)?;
        narrow.layers.retain(|(layer, _)| !wide.contains(layer));
        // A layer whose precision the whole model had needs a line now.
        let lines = wide.into_iter().map(|layer| (layer, Scheme::Int16));
        let is_new = |(layer, _): &(String, Scheme)| {
            narrow.whole.is_some() || settings.layer_schemes.get(layer) != Some(&Scheme::Int16)
        };
        narrow.layers.extend(lines.filter(is_new));
        Ok(narrow)
    }

    /// Chooses layers for 16 bits, as the limits allow, if the outputs exceed theirs with the best observer and passes.
    pub(super) fn widest(&self, settings: &Settings, best: &Tried, progress: &dyn Progress) -> Result<Precisions> {
        let mut optimized = Settings { recipe: best.recipe.clone(), ..settings.clone() };
        optimized.method = best.method.or(settings.method);
        let session = self.session()?;
        let count = session.count(self.project());
        let outputs = session.effect(&self.plan_of(&optimized)?, None, count, &Inside(progress))?.outputs;
        let limit = self.project().config.output_limit();
        if !outputs.iter().any(|output| is_over(output.nsr, limit)) {
            return Ok(Precisions::default());
        }
        let layers = self.wide_layers(settings, progress)?;
        Ok(Precisions { whole: None, layers: layers.into_iter().map(|layer| (layer, Scheme::Int16)).collect() })
    }

    /// Returns layers for 16 bits within the limits on flash, RAM and time: the smallest set that brings the outputs under
    /// their limit; if there is none, the layers that gain most for their cost.
    fn wide_layers(&self, settings: &Settings, progress: &dyn Progress) -> Result<Vec<String>> {
        let plain = Settings { recipe: Recipe::default(), ..settings.clone() };
        let (session, plan) = (self.session()?, self.plan_of(&plain)?);
        let measurement = Measurement::of(self, &session, &plan, progress);
        let calibrated = session.calibrate(&plan, Keep::Nothing, &Inside(progress))?;
        let report = measurement.report(&calibrated, false, Layerwise::None, Seconds::default())?;
        let limit = self.project().config.output_limit();
        if !report.outputs.iter().any(|output| output.is_over(limit)) {
            return Ok(Vec::new());
        }
        let narrow = candidates(&report);
        if let Some(trial) = measurement.smallest(&report, &narrow)?.taken {
            return Ok(trial.layers);
        }
        most_gaining(&measurement, &report, &narrow)
    }
}

/// Returns as many layers as keep the limits, if they lower the error.
fn most_gaining(measurement: &Measurement, report: &Report, narrow: &[(&str, f64)]) -> Result<Vec<String>> {
    let mut sets = Candidates::of(measurement, report, narrow);
    let layers = most_within_limits(&sets.gains(), &mut sets)?;
    if layers.is_empty() {
        return Ok(Vec::new());
    }
    let before = sets.before;
    match sets.error(&layers)? < before {
        true => Ok(sets.trial(&layers)?.layers),
        false => Ok(Vec::new()),
    }
}
