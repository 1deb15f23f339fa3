//! Search for sets of int16 layers: the smallest one that is sufficient, and sets of which none is better in all.

use std::collections::BTreeMap;

use crate::Result;
use crate::analysis::{
    Report, Searched, Sets, SufficientSet, by_worth, completed, is_over, smallest_sufficient_set, usual_sets,
};
use crate::chip::Scheme;
use crate::lint::Trial;
use crate::order;
use crate::parallel;
use crate::quant::Wide;

use super::cancel::possible;
use super::cost::limits;
use super::measure::Measurement;
use super::progress::{Inside, Stage};
use super::trials::{flash, judged, worst};

/// Sets of candidates, by index, as far as a search knows them.
#[derive(Default)]
pub(super) struct Tried {
    /// Guessed errors of the worst output.
    errors: BTreeMap<Vec<usize>, f64>,
    /// Cost of each candidate alone, `None` if it breaks a limit; empty until it is asked for.
    alone: Vec<Option<f64>>,
}

/// Result of the search for the smallest set.
#[derive(Default)]
pub(super) struct Smallest {
    /// Set within the limits on flash, RAM and time.
    pub taken: Option<Trial>,
    /// Set that breaks one of them, if no other is sufficient.
    pub refused: Option<Trial>,
    /// Sets whose error was guessed.
    pub tried: Tried,
}

/// Candidates for 16 bits, as the search sees them.
pub(super) struct Candidates<'a> {
    measurement: &'a Measurement<'a>,
    report: &'a Report,
    /// Names with the error of each alone.
    narrow: &'a [(&'a str, f64)],
    /// Errors are those of guessed scales, where these are known.
    is_guess: bool,
    /// Error of the worst output as it is.
    pub before: f64,
    /// The least so far.
    least: f64,
    tried: Tried,
}

impl<'a> Candidates<'a> {
    pub fn of(measurement: &'a Measurement<'a>, report: &'a Report, narrow: &'a [(&'a str, f64)]) -> Candidates<'a> {
        let before = worst(report.outputs.iter().filter(|output| output.is_judged()).map(|output| output.error.nsr));
        let least = if before.is_nan() { f64::INFINITY } else { before };
        Candidates { measurement, report, narrow, is_guess: true, before, least, tried: Tried::default() }
    }

    /// Returns the errors of the candidates alone.
    pub fn gains(&self) -> Vec<f64> {
        self.narrow.iter().map(|(_, nsr)| *nsr).collect()
    }

    /// Predicts the scales of all values at 16 bits, from which errors are guessed.
    fn predict(&self) -> Result<()> {
        let Measurement { session, progress, .. } = self.measurement;
        let names: Vec<&str> = self.narrow.iter().map(|(name, _)| *name).collect();
        let widened = self.measurement.widened(&names, Scheme::Int16);
        let plan = self.measurement.plan_with(&widened, Scheme::Int16);
        possible(plan.and_then(|plan| session.predict(&plan, *progress)))?;
        Ok(())
    }

    /// Measures a set with its own calibration.
    pub fn trial(&self, set: &[usize]) -> Result<Trial> {
        self.measurement.trial(self.report, &self.names(set), Scheme::Int16)
    }

    fn names(&self, set: &[usize]) -> Vec<&'a str> {
        set.iter().filter_map(|&at| self.narrow.get(at).map(|(name, _)| *name)).collect()
    }
}

impl Sets for Candidates<'_> {
    fn before(&self) -> f64 {
        self.before
    }

    fn error(&mut self, set: &[usize]) -> Result<f64> {
        if let Some(known) = self.tried.errors.get(set).filter(|_| self.is_guess) {
            return Ok(*known);
        }
        let outcome = match self.is_guess {
            true => self.measurement.guess(self.report, &self.names(set)),
            false => self.trial(set).map(|trial| trial.after),
        };
        // A set that cannot have int16 is not sufficient.
        let error = possible(outcome)?.unwrap_or(f64::NAN);
        if self.is_guess {
            self.tried.errors.insert(set.to_vec(), error);
        }
        // Comparisons with a set that is not possible are false.
        if error < self.least {
            self.least = error;
            self.measurement.progress.best(self.before, error);
        }
        self.measurement.progress.tick().map(|()| error)
    }

    fn cost(&mut self, set: &[usize]) -> Result<Option<f64>> {
        let price = |set: &[usize]| Ok(possible(self.measurement.likely_price(&self.names(set)))?.flatten());
        let &[one] = set else { return price(set) };
        if self.tried.alone.is_empty() {
            self.tried.alone = parallel::try_map(self.narrow.len(), |layer| price(&[layer]))?;
        }
        Ok(self.tried.alone.get(one).copied().flatten())
    }
}

impl Measurement<'_> {
    /// Searches the smallest set that brings all outputs under their limit, and breaks no limit on flash, RAM and time: by
    /// guessed scales, and with calibrated ones where these do not confirm the result.
    pub(super) fn smallest(&self, report: &Report, narrow: &[(&str, f64)]) -> Result<Smallest> {
        let limit = self.opened.project().config.output_limit();
        let mut sets = Candidates::of(self, report, narrow);
        let gains = sets.gains();
        self.progress.begin(Stage::Search, usual_sets(narrow.len()));
        sets.predict()?;
        let guessed = smallest_sufficient_set(&gains, limit, &mut sets)?;
        sets.is_guess = false;
        let set = guessed.taken.as_ref().map(|set| set.layers.clone());
        let found = measured(&sets, guessed)?;
        if found.taken.iter().chain(&found.refused).any(|trial| trial.after <= limit) {
            return Ok(Smallest { tried: sets.tried, ..found });
        }
        // Where all layers are not sufficient, a part of them hardly is.
        let all: Vec<usize> = (0..narrow.len()).collect();
        if is_over(sets.error(&all)?, limit) {
            let measured = set.zip(found.taken).map(|(set, trial)| (set, trial.after));
            sets.tried.errors.extend(measured);
            return Ok(Smallest { tried: sets.tried, ..Smallest::default() });
        }
        if let Some(set) = set
            && let Some(found) = completed(&set, &gains, limit, &mut sets)?
        {
            let taken = Some(sets.trial(&found.layers)?);
            return Ok(Smallest { taken, refused: None, tried: sets.tried });
        }
        self.progress.begin(Stage::Search, usual_sets(narrow.len()));
        let searched = smallest_sufficient_set(&gains, limit, &mut sets)?;
        let found = measured(&sets, searched)?;
        Ok(Smallest { tried: sets.tried, ..found })
    }

    /// Returns the error of the worst output with these layers at int16, without calibration where scales can be guessed
    /// from predictions and earlier observations.
    fn guess(&self, report: &Report, layers: &[&str]) -> Result<f64> {
        let plan = self.plan_with(&self.widened(layers, Scheme::Int16), Scheme::Int16)?;
        match self.session.recall(&plan, Wide::Predicted, self.progress)? {
            None => Ok(self.trial(report, layers, Scheme::Int16)?.after),
            Some(calibrated) => {
                let (count, progress) = (self.count, Inside(self.progress));
                let figures = self.session.graphwise(&calibrated, &[], count, &progress)?;
                Ok(worst(judged(report, &figures.outputs).map(|(_, after)| after)))
            }
        }
    }

    /// Returns the sets of a search of which none has both less error and less cost than another, with their guessed errors where
    /// they are not among the `measured` ones.
    pub(super) fn trade_offs(
        &self,
        report: &Report,
        narrow: &[(&str, f64)],
        tried: Tried,
        measured: Vec<&Trial>,
    ) -> Result<Vec<Trial>> {
        /// Sets that a reader can compare.
        const SHOWN: usize = 4;
        let tried = self.with_halves(report, narrow, tried)?;
        let mut sets: Vec<(f64, f64, Vec<&str>)> = Vec::new();
        for (set, error) in tried.errors.into_iter().filter(|(_, error)| error.is_finite()) {
            let layers: Vec<&str> = set.iter().filter_map(|&at| narrow.get(at).map(|(name, _)| *name)).collect();
            sets.extend(self.likely_price(&layers)?.map(|price| (price, error, layers)));
        }
        order::sort_by(&mut sets, |a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        keep_falling(&mut sets, |(_, error, _)| *error);
        while sets.len() > SHOWN {
            // The one that gains least over the one before it says least.
            let gain = |at: &usize| sets[*at].1 / sets[*at - 1].1;
            let Some(least) = (1..sets.len() - 1).max_by(|a, b| gain(a).total_cmp(&gain(b))) else { break };
            sets.remove(least);
        }
        let mut found: Vec<Trial> = Vec::new();
        for (_, error, layers) in sets {
            let changed = self.widened(&layers, Scheme::Int16);
            let trial = match measured.iter().find(|trial| trial.layers == changed) {
                Some(trial) => Some(Trial::clone(trial)),
                None => possible(self.guessed_trial(report, &layers, error))?,
            };
            found.extend(trial.filter(Trial::is_offered));
        }
        // The whole file decides, not only its weights.
        let limits = limits(self.opened.project());
        let price = |trial: &Trial| trial.cost.map_or(trial.flash as f64, |cost| limits.price(&cost));
        order::sort_by(&mut found, |a, b| price(a).total_cmp(&price(b)).then(a.after.total_cmp(&b.after)));
        keep_falling(&mut found, |trial| trial.after);
        Ok(found)
    }

    /// Adds the halves of the smallest set that was tried, by what the layers gain for their cost: a search begins with sets that may be
    /// sufficient, and cheaper ones are worth a look, too.
    fn with_halves(&self, report: &Report, narrow: &[(&str, f64)], tried: Tried) -> Result<Tried> {
        let smallest = tried.errors.keys().min_by_key(|set| set.len()).filter(|set| set.len() > 1);
        let Some(smallest) = smallest.cloned() else { return Ok(tried) };
        let mut sets = Candidates { tried, ..Candidates::of(self, report, narrow) };
        let mut order = by_worth(&sets.gains(), &mut sets)?;
        order.retain(|layer| smallest.contains(layer));
        while order.len() > 1 {
            order.truncate(order.len() / 2);
            sets.error(&order)?;
        }
        Ok(sets.tried)
    }

    /// Returns the cost of these layers at int16; `None` if they break a limit. Without limits, only weights are counted.
    fn likely_price(&self, layers: &[&str]) -> Result<Option<f64>> {
        let plan = self.plan_with(&self.widened(layers, Scheme::Int16), Scheme::Int16)?;
        match limits(self.opened.project()).is_empty() {
            true => Ok(Some(flash(&plan, self.plan)? as f64)),
            false => self.price(&plan),
        }
    }
}

/// Measures the sets that a search has found.
fn measured(sets: &Candidates, searched: Searched) -> Result<Smallest> {
    let trial = |set: Option<SufficientSet>| set.map(|set| sets.trial(&set.layers)).transpose();
    Ok(Smallest { taken: trial(searched.taken)?, refused: trial(searched.refused)?, tried: Tried::default() })
}

/// Keeps the entries with less error than all before them.
fn keep_falling<T>(entries: &mut Vec<T>, error: impl Fn(&T) -> f64) {
    let mut least = f64::INFINITY;
    entries.retain(|entry| {
        let is_less = error(entry) < least;
        least = least.min(error(entry));
        is_less
    });
}
