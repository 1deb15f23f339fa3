//! The search for the observer and the passes that lower the error, each candidate measured on held-out samples.

use std::time::{Duration, Instant};

use crate::Result;
use crate::chip::Method;
use crate::exec::{Samples, Tick};
use crate::quant::{Observations, Plan, Quantized, Recipe, Settings, calibrate};

use super::judge::{Figure, Judge};
use super::{finish, prepare};

/// Number of candidates that are tried with passes on known scales.
const FINALISTS: usize = 3;

/// Number of candidates of a whole search: the project's settings, observers, passes before calibration with two of
/// them, and passes on known scales with each finalist.
pub const CANDIDATES: usize = Method::ALL.len() + 3 * 2 + 3 * FINALISTS;

/// Limits of a search.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    pub time: Duration,
}

/// Measured candidate.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Tried {
    pub method: Option<Method>,
    pub recipe: Recipe,
    pub figure: Figure,
}

/// Result of a search.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Found {
    /// Figure of the project's settings.
    pub before: Figure,
    /// Best candidate; equal to `before` if none is better.
    pub best: Tried,
    /// All candidates, in the order in which they were measured.
    pub tried: Vec<Tried>,
    /// Set if the time limit was reached before all candidates were measured.
    pub is_cut_short: bool,
}

/// Network to improve, and both parts of the samples.
pub struct Subject<'a> {
    /// Plans the network with other settings.
    pub plan: &'a (dyn Fn(&Settings) -> Result<Plan> + Sync),
    pub settings: &'a Settings,
    /// Samples for calibration and passes.
    pub samples: &'a dyn Samples,
    /// Held-out samples for the comparison.
    pub held_out: &'a dyn Samples,
    pub tick: Tick<'a>,
    /// Callback for each measured candidate, with the best so far.
    pub told: &'a (dyn Fn(&Tried, &Tried) -> Result<()> + Sync),
}

struct Search<'a> {
    subject: &'a Subject<'a>,
    judge: Judge<'a>,
    known: Observations,
    tried: Vec<Tried>,
    until: Instant,
}

/// Measures observers first, then passes before calibration, then those on known scales with the best of the others.
pub fn search(subject: &Subject, budget: Budget) -> Result<Found> {
    let until = Instant::now() + budget.time;
    let plan = (subject.plan)(subject.settings)?;
    let judge = Judge::new(&plan, subject.held_out, subject.tick)?;
    let mut search = Search { subject, judge, known: Observations::default(), tried: Vec::new(), until };
    let before = search.measure(subject.settings.method, subject.settings.recipe)?;
    let is_complete = search.all()?;
    let best = search.best(|_| true).cloned().unwrap_or(Tried {
        method: subject.settings.method,
        recipe: subject.settings.recipe,
        figure: before,
    });
    Ok(Found { before, best, tried: search.tried, is_cut_short: !is_complete })
}

impl<'a> Search<'a> {
    /// Measures all candidates; `false` if the time limit was reached.
    fn all(&mut self) -> Result<bool> {
        let plain = Recipe::default();
        let default = Settings { method: None, ..self.subject.settings.clone() }.method_of("");
        let given = (self.subject.settings.method.unwrap_or(default), self.subject.settings.recipe);
        if given.1 == plain
            && let Some(first) = self.tried.first_mut()
        {
            // The project's settings name their observer, so that it is not measured again.
            first.method = Some(given.0);
        }
        for method in Method::ALL.iter().filter(|method| (**method, plain) != given) {
            if !self.try_one(Some(*method), Recipe::default())? {
                return Ok(false);
            }
        }
        for (equalize, align) in [(false, true), (true, false), (true, true)] {
            for method in self.methods(2) {
                let recipe = Recipe { equalize, align, ..Recipe::default() };
                if !self.try_one(Some(method), recipe)? {
                    return Ok(false);
                }
            }
        }
        for (method, recipe) in self.finalists() {
            for (round, correct) in [(true, true), (true, false), (false, true)] {
                if !self.try_one(method, Recipe { round, correct, ..recipe })? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Returns the observers that were best without passes.
    fn methods(&self, count: usize) -> Vec<Method> {
        let mut plain: Vec<&Tried> =
            self.tried.iter().filter(|t| t.recipe == Recipe::default() && t.method.is_some()).collect();
        plain.sort_by(|a, b| a.figure.nsr.total_cmp(&b.figure.nsr));
        plain.iter().filter_map(|t| t.method).take(count).collect()
    }

    fn finalists(&self) -> Vec<(Option<Method>, Recipe)> {
        let mut all: Vec<&Tried> = self.tried.iter().filter(|t| t.method.is_some()).collect();
        all.sort_by(|a, b| a.figure.nsr.total_cmp(&b.figure.nsr));
        // Two observers that choose the same scales are one candidate.
        all.dedup_by(|a, b| a.figure == b.figure && a.recipe == b.recipe);
        all.iter().take(FINALISTS).map(|t| (t.method, t.recipe)).collect()
    }

    fn best(&self, wanted: impl Fn(&Tried) -> bool) -> Option<&Tried> {
        let better = |a: &&Tried, b: &&Tried| a.figure.nsr.total_cmp(&b.figure.nsr);
        self.tried.iter().filter(|t| wanted(t) && !t.figure.nsr.is_nan()).min_by(better)
    }

    fn try_one(&mut self, method: Option<Method>, recipe: Recipe) -> Result<bool> {
        if Instant::now() >= self.until {
            return Ok(false);
        }
        self.measure(method, recipe)?;
        Ok(true)
    }

    fn measure(&mut self, method: Option<Method>, recipe: Recipe) -> Result<Figure> {
        let quantized = self.quantize(method, recipe)?;
        let figure = self.judge.figure(&quantized, self.subject.tick)?;
        let tried = Tried { method, recipe, figure };
        self.tried.push(tried.clone());
        if let Some(best) = self.best(|_| true) {
            (self.subject.told)(&tried, best)?;
        }
        Ok(figure)
    }

    fn quantize(&mut self, method: Option<Method>, recipe: Recipe) -> Result<Quantized> {
        let Subject { samples, tick, .. } = *self.subject;
        let settings = Settings { method, recipe, ..self.subject.settings.clone() };
        let plan = prepare(&(self.subject.plan)(&settings)?, samples, tick)?;
        let mut quantized = calibrate(plan, samples, &mut self.known, tick)?;
        finish(&mut quantized, samples, tick)?;
        Ok(quantized)
    }
}
