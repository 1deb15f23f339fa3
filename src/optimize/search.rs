//! The search for the observer and the passes that lower the error, each candidate measured on samples kept apart.

use std::time::{Duration, Instant};

use crate::Result;
use crate::chip::Method;
use crate::exec::{Samples, Tick};
use crate::quant::{Observations, Plan, Quantized, Recipe, Settings, calibrate};

use super::judge::{Figure, Judge};
use super::{finish, prepare};

/// Candidates that are tried with passes that run on known scales.
const FINALISTS: usize = 3;

/// Candidates of a whole search: the settings as they are, observers, passes before calibration with two observers, and
/// passes on known scales with each finalist.
pub const CANDIDATES: usize = 1 + Method::ALL.len() + 3 * 2 + 3 * FINALISTS;

/// Limits of a search.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    pub time: Duration,
}

/// One measured candidate.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Tried {
    pub method: Option<Method>,
    pub recipe: Recipe,
    pub figure: Figure,
}

/// Result of a search.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Found {
    /// As the settings were.
    pub before: Figure,
    /// The best candidate; equal to `before` where nothing is better.
    pub best: Tried,
    /// All candidates, in the order in which they were measured.
    pub tried: Vec<Tried>,
    /// The time was up before all candidates had been measured.
    pub is_cut_short: bool,
}

/// The network to improve, and the samples on both sides of the split.
pub struct Subject<'a> {
    /// Plans the network with other settings.
    pub plan: &'a (dyn Fn(&Settings) -> Result<Plan> + Sync),
    pub settings: &'a Settings,
    /// For calibration and passes.
    pub samples: &'a dyn Samples,
    /// For the figures that decide.
    pub held_out: &'a dyn Samples,
    pub tick: Tick<'a>,
    /// Told of each candidate that has been measured, with the best so far.
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
    /// Whether the time was enough for all candidates.
    fn all(&mut self) -> Result<bool> {
        for method in Method::ALL {
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

    /// The observers that were best without passes.
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
