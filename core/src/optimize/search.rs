//! The search for the observer and the passes that lower the error, each candidate measured on held-out samples.

use std::time::{Duration, Instant};

use crate::Result;
use crate::chip::Method;
use crate::detect::Detector;
use crate::exec::{Samples, Tick};
use crate::graph::{Graph, ValueId};
use crate::order;
use crate::parallel;
use crate::quant::{Observations, Plan, Quantized, Recipe, Settings, WIDEN, calibrate, observe};

use super::judge::{Figure, Judge, Judged, Leader};
use super::seen::Seen;
use super::{EQUALIZATION, SCALES, finish, prepare, prepared, with_scales};

/// Least and most candidates that are tried with passes on known scales.
const FEWEST: usize = 3;
const MOST: usize = 8;
/// Elements of all values over all samples, for all finalists together: a small network has more of them.
const ELEMENTS: usize = 400_000_000;
/// Sets of passes on known scales in the order of trial, each with the best finalists so far: all of them, a third or a quarter. Of
/// numbers of finalists and shares with as little error (seven networks on two chips, all candidates measured), these take the least time.
const SETS: [(&[&str], usize); 4] = [
    (&["round", "correct"], 1),
    (&["compensate", "round", "correct"], 3),
    (&["round"], 4),
    (&["compensate", "round"], 4),
];
/// Sets where only the fewest finalists are tried; a single one is tried with the first of them.
const FEWER_SETS: [(&[&str], usize); 2] = [(&["round", "correct"], 1), (&["compensate", "round", "correct"], 3)];
/// Multiple of the least error above which a candidate is no finalist, where only the fewest are tried, and is not tried with
/// another set.
const HOPELESS: f64 = 2.0;
/// Observers that are tried with passes before calibration.
const OBSERVERS: usize = 2;
/// Passes before calibration that are tried together: with esp-ppq's equalization, which alone is rarely the best, only where the
/// network is small.
const MOVED: [&[&str]; 4] = [&["align"], &["equalize"], &["equalize", "align"], &[EQUALIZATION, "equalize"]];
/// Number of these that are tried with every network.
const ALWAYS_MOVED: usize = 3;
/// The set that pays where channels share a scale: on the S3 and the portable kernels.
const LIKELY: [&[&str]; 1] = [&["equalize", "align"]];

/// Candidates of a whole search at most: the settings as they are, observers, passes before calibration with the best of them,
/// all of these with scales by the least error, and passes on known scales with the finalists. Wider scales of sums are
/// tried first, with scales by the least error, too.
pub fn most_candidates(graph: &Graph, samples: usize, breadth: Breadth) -> usize {
    let finalists = breadth.finalists(graph, samples);
    let moved = breadth.moved(finalists).len();
    let observed = breadth.methods().len() + moved * breadth.observers() + 1 + moved;
    let finalists = finalists.min(observed);
    let tried = sets(finalists).iter().map(|(_, share)| finalists.div_ceil(*share));
    1 + 2 + observed + tried.sum::<usize>()
}

fn sets(finalists: usize) -> &'static [(&'static [&'static str], usize)] {
    match finalists {
        ..=1 => &FEWER_SETS[..1],
        2..=FEWEST => &FEWER_SETS,
        _ => &SETS,
    }
}

fn finalists(graph: &Graph, samples: usize) -> usize {
    let elements: usize = (0..graph.values.len()).map(|value| graph.elements(ValueId(value))).sum();
    (ELEMENTS / elements.saturating_mul(samples).max(1)).clamp(FEWEST, MOST)
}

/// Candidates that a search measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breadth {
    /// All of them.
    Whole,
    /// The observer of the settings and this one, one set of passes before calibration, and passes on known scales with the best
    /// of these: for a linter, which has seconds.
    Likely(Method),
}

impl Breadth {
    /// Observers that are tried without passes.
    fn methods(&self) -> &[Method] {
        match self {
            Breadth::Whole => Method::ALL,
            Breadth::Likely(method) => std::slice::from_ref(method),
        }
    }

    fn finalists(self, graph: &Graph, samples: usize) -> usize {
        if self == Breadth::Whole { finalists(graph, samples) } else { 1 }
    }

    fn observers(self) -> usize {
        if self == Breadth::Whole { OBSERVERS } else { 1 }
    }

    fn moved(self, finalists: usize) -> &'static [&'static [&'static str]] {
        match self {
            Breadth::Whole if finalists > FEWEST => &MOVED,
            Breadth::Whole => &MOVED[..ALWAYS_MOVED],
            Breadth::Likely(_) => &LIKELY,
        }
    }
}

/// Limits of a search.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Candidates to measure.
    pub breadth: Breadth,
    /// Time after which no further candidate is begun.
    pub time: Duration,
}

/// One measured candidate.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Tried {
    /// Observer of all layers; `None` for the settings as they are.
    pub method: Option<Method>,
    /// Passes of the candidate.
    pub recipe: Recipe,
    /// Error on the held-out samples.
    pub figure: Figure,
    /// Set if the caller allows the candidate.
    pub is_allowed: bool,
    /// Set if it loses boxes that the settings as they are find, beyond the uncertainty: such a candidate is not the best.
    #[serde(default)]
    pub loses_boxes: bool,
}

/// Result of a search.
#[derive(Debug, Clone)]
pub struct Found {
    /// Figure of the project's settings.
    pub before: Figure,
    /// Best candidate; equal to `before` if none is better.
    pub best: Tried,
    /// Figures of the best candidate, by sample and by box.
    pub judged: Judged,
    /// Network of the best candidate.
    pub quantized: Option<Quantized>,
    /// All candidates, in the order in which they were measured.
    pub tried: Vec<Tried>,
    /// Set if the time limit was reached before all candidates were measured.
    pub is_cut_short: bool,
}

/// Network to improve, and both parts of the samples.
pub struct Subject<'a> {
    /// Plans the network with other settings.
    pub plan: &'a (dyn Fn(&Settings) -> Result<Plan> + Sync),
    /// Settings of the project, measured first.
    pub settings: &'a Settings,
    /// Samples for calibration and passes.
    pub samples: &'a dyn Samples,
    /// Held-out samples for the comparison.
    pub held_out: &'a dyn Samples,
    /// Decoder of the outputs, if the network is a detector.
    pub detector: Option<&'a Detector>,
    /// Returns `true` if a candidate may be taken; called once for each, first for the settings as they are.
    pub allows: &'a (dyn Fn(&Quantized) -> Result<bool> + Sync),
    /// Called within a candidate; an error stops the search.
    pub tick: Tick<'a>,
    /// Callback for each measured candidate, with the best so far.
    pub told: &'a (dyn Fn(&Tried, &Tried) -> Result<()> + Sync),
}

/// A measured candidate that passes on known scales can start from.
struct Candidate {
    tried: Tried,
    judged: Judged,
    quantized: Quantized,
}

/// The best candidate so far.
struct Best {
    tried: Tried,
    judged: Judged,
    quantized: Quantized,
    leader: Leader,
}

struct Search<'a> {
    subject: &'a Subject<'a>,
    judge: Judge<'a>,
    /// Values of the original network.
    seen: Seen,
    known: Observations,
    tried: Vec<Tried>,
    /// The settings as they are.
    given: Option<Judged>,
    best: Option<Best>,
    finalists: usize,
    breadth: Breadth,
    until: Instant,
    /// Passes of every candidate but the settings as they are.
    always: Recipe,
}

/// Measures observers first, then passes before calibration, then those on known scales with the best of the others.
pub fn search(subject: &Subject, budget: Budget) -> Result<Found> {
    let until = Instant::now() + budget.time;
    let plan = (subject.plan)(subject.settings)?;
    let judge = Judge::new(&plan, subject.held_out, subject.detector, subject.tick)?;
    let seen = Seen::of(&plan, subject.samples, subject.tick)?;
    let mut search = Search {
        subject,
        judge,
        seen,
        known: Observations::default(),
        tried: Vec::new(),
        given: None,
        best: None,
        finalists: budget.breadth.finalists(&plan.graph, subject.samples.len()),
        breadth: budget.breadth,
        until,
        always: Recipe::default(),
    };
    let given = search.given(&plan)?;
    let judged = given.judged.clone();
    let before = judged.figure;
    let is_complete = search.widened(&given)? && search.all(given)?;
    let recipe = subject.settings.recipe.clone();
    let unchanged = Tried { method: None, recipe, figure: before, is_allowed: true, loses_boxes: false };
    let (best, judged, quantized) = match search.best {
        Some(best) => (best.tried, best.judged, Some(best.quantized)),
        None => (unchanged, judged, None),
    };
    Ok(Found { before, best, judged, quantized, tried: search.tried, is_cut_short: !is_complete })
}

impl Search<'_> {
    /// The settings as they are.
    fn given(&mut self, plan: &Plan) -> Result<Candidate> {
        let Subject { samples, settings, tick, .. } = *self.subject;
        let plan = prepare(plan, samples, tick)?;
        if settings.recipe.is_empty() {
            // The others are tried next: all are seen in the same passes over the samples.
            let own = settings.method_of("");
            let others = self.breadth.methods().iter().copied().filter(|&method| method != own);
            let methods: Vec<Method> = std::iter::once(own).chain(others).collect();
            observe(plan.clone(), &methods, samples, &mut self.known, tick)?;
        }
        let mut quantized = calibrate(plan, samples, &mut self.known, tick)?;
        finish(&mut quantized, samples, tick)?;
        self.measure(quantized, settings.method_of(""), settings.recipe.clone())
    }

    /// Measures the widest input's scale where inputs are cut off by that of their layer's output, and keeps it in all that
    /// follows if it is better; `false` where the time was up before.
    fn widened(&mut self, given: &Candidate) -> Result<bool> {
        let (Some(method), Subject { settings, .. }) = (given.tried.method, self.subject) else { return Ok(true) };
        if settings.recipe.has(WIDEN) {
            self.always = Recipe::of([WIDEN]);
            return Ok(true);
        }
        if given.quantized.narrowed().is_empty() {
            return Ok(true);
        }
        let tried = self.moved(Recipe::of([WIDEN]), &[method], None)?;
        if tried.iter().any(|candidate| is_gain(&candidate.judged, &given.judged)) {
            self.always = Recipe::of([WIDEN]);
        }
        Ok(!self.is_over())
    }

    /// Measures all candidates; `false` where the time was up before.
    fn all(&mut self, given: Candidate) -> Result<bool> {
        let breadth = self.breadth;
        let mut plain = self.moved(Recipe::default(), breadth.methods(), Some(&given.tried))?;
        if given.tried.recipe.is_empty() {
            plain.push(given);
        }
        by_error(&mut plain);
        let observed = plain.iter().filter(|c| !c.tried.recipe.has(SCALES));
        let observers: Vec<Method> = observed.filter_map(|c| c.tried.method).take(self.breadth.observers()).collect();
        // The best of each set comes before the second of any: passes on known scales can turn the order of sets around, and change little
        // between candidates of one set.
        let mut ranked: Vec<(usize, Candidate)> = plain.into_iter().enumerate().collect();
        for passes in self.breadth.moved(self.finalists) {
            let mut set = self.moved(Recipe::of(passes.iter().copied()), &observers, None)?;
            by_error(&mut set);
            ranked.extend(set.into_iter().enumerate());
            let nsr = |candidate: &Candidate| candidate.judged.figure.nsr;
            order::sort_by(&mut ranked, |a, b| a.0.cmp(&b.0).then(nsr(&a.1).total_cmp(&nsr(&b.1))));
            ranked.truncate(self.finalists);
        }
        let mut candidates: Vec<Candidate> = ranked.into_iter().map(|(_, candidate)| candidate).collect();
        by_error(&mut candidates);
        if self.finalists == FEWEST {
            let least = candidates.first().map_or(f64::NAN, |best| best.judged.figure.nsr);
            candidates.retain(|candidate| candidate.judged.figure.nsr <= HOPELESS * least);
        }
        let candidates: Vec<&Candidate> = candidates.iter().collect();
        let mut finalists: Vec<(&Candidate, f64)> =
            candidates.into_iter().map(|candidate| (candidate, f64::INFINITY)).collect();
        for (passes, share) in sets(self.finalists) {
            order::sort_by(&mut finalists, |a, b| a.1.total_cmp(&b.1));
            finalists.truncate(self.finalists.div_ceil(*share));
            let least = finalists.first().map_or(f64::NAN, |(_, error)| *error);
            finalists.retain(|(_, error)| *error <= HOPELESS * least);
            let best: Vec<&Candidate> = finalists.iter().map(|(candidate, _)| *candidate).collect();
            for ((_, least), error) in finalists.iter_mut().zip(self.finished(&best, passes)?) {
                *least = error.map_or(*least, |error| error.min(*least));
            }
        }
        Ok(!self.is_over())
    }

    /// One set of passes before calibration with several observers, which are seen in the same passes over the samples. Returns
    /// the allowed candidates.
    fn moved(&mut self, recipe: Recipe, methods: &[Method], given: Option<&Tried>) -> Result<Vec<Candidate>> {
        let Subject { samples, tick, settings, .. } = *self.subject;
        if self.is_over() {
            return Ok(Vec::new());
        }
        let recipe = Recipe::of(recipe.names().chain(self.always.names()));
        let settings = Settings { recipe: recipe.clone(), ..settings.clone() };
        let (plan, seen) = prepared(&(self.subject.plan)(&settings)?, self.seen.clone())?;
        let is_given = |method| given.is_some_and(|given| given.recipe == recipe && given.method == Some(method));
        let methods: Vec<Method> = methods.iter().copied().filter(|&method| !is_given(method)).collect();
        observe(plan.clone(), &methods, samples, &mut self.known, tick)?;
        let mut candidates = Vec::new();
        for method in methods {
            let quantized = calibrate(plan.with_method(method), samples, &mut self.known, tick)?;
            candidates.push(self.measure(quantized, method, recipe.clone())?);
            if self.is_over() {
                candidates.retain(|candidate| candidate.tried.is_allowed);
                return Ok(candidates);
            }
        }
        let first = candidates.first().map(|candidate| &candidate.tried).or(given);
        if let Some(method) = first.and_then(|tried| tried.method) {
            let plan = with_scales(&plan, &seen)?;
            let recipe = plan.settings.recipe.clone();
            let quantized = calibrate(plan.with_method(method), samples, &mut self.known, tick)?;
            candidates.push(self.measure(quantized, method, recipe)?);
        }
        candidates.retain(|candidate| candidate.tried.is_allowed);
        Ok(candidates)
    }

    /// The errors of candidates with passes on their scales; `None` where the time is up. Those of a small network, which alone
    /// leave processors idle, are made side by side.
    fn finished(&mut self, candidates: &[&Candidate], passes: &[&str]) -> Result<Vec<Option<f64>>> {
        let Subject { samples, tick, .. } = *self.subject;
        let is_small = self.finalists > FEWEST;
        let mut errors = Vec::new();
        for candidates in candidates.chunks(if is_small { candidates.len() } else { 1 }.max(1)) {
            let (judge, until) = (&self.judge, self.until);
            let made = parallel::try_map(candidates.len(), |index| {
                let candidate = &candidates[index];
                let (Some(method), true) = (candidate.tried.method, Instant::now() < until) else { return Ok(None) };
                let recipe = Recipe::of(candidate.tried.recipe.names().chain(passes.iter().copied()));
                let mut quantized = candidate.quantized.with_recipe(recipe.clone());
                finish(&mut quantized, samples, tick)?;
                let judged = judge.judge(&quantized, tick)?;
                Ok(Some((quantized, method, recipe, judged)))
            })?;
            for made in made {
                let taken =
                    made.map(|(quantized, method, recipe, judged)| self.take(quantized, method, recipe, judged));
                errors.push(taken.transpose()?.map(|candidate| candidate.judged.figure.nsr));
            }
        }
        Ok(errors)
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Measures a candidate, and takes it.
    fn measure(&mut self, quantized: Quantized, method: Method, recipe: Recipe) -> Result<Candidate> {
        let judged = self.judge.judge(&quantized, self.subject.tick)?;
        self.take(quantized, method, recipe, judged)
    }

    /// Takes a measured candidate. It is the best where it is allowed, its error is the least, and less than that of the settings
    /// as they are by more than the standard error, and where it loses no boxes. Of errors within their standard error, the
    /// one that keeps more boxes counts as less.
    fn take(&mut self, quantized: Quantized, method: Method, recipe: Recipe, judged: Judged) -> Result<Candidate> {
        let is_allowed = (self.subject.allows)(&quantized)?;
        let given = self.given.get_or_insert_with(|| judged.clone());
        let loses_boxes = given.is_loss(&judged);
        let tried = Tried { method: Some(method), recipe, figure: judged.figure, is_allowed, loses_boxes };
        self.tried.push(tried.clone());
        let is_gain = is_allowed && is_gain(&judged, given);
        let leader = match &mut self.best {
            None => Some(Leader::new(&judged)),
            Some(best) => (is_gain && best.leader.yields_to(&judged)).then(|| best.leader.clone()),
        };
        if let Some(leader) = leader {
            let (tried, judged, quantized) = (tried.clone(), judged.clone(), quantized.clone());
            self.best = Some(Best { tried, judged, quantized, leader });
        }
        if let Some(best) = &self.best {
            (self.subject.told)(&tried, &best.tried)?;
        }
        Ok(Candidate { tried, judged, quantized })
    }
}

/// Returns `true` for less error, beyond its standard error, that costs no boxes.
fn is_gain(judged: &Judged, given: &Judged) -> bool {
    let is_number = !given.figure.nsr.is_finite() && judged.figure.nsr.is_finite();
    (given.less(judged).is_gain() || is_number) && !given.is_loss(judged)
}

/// The best first. Two observers that choose the same scales are one candidate.
fn by_error(candidates: &mut Vec<Candidate>) {
    order::sort_by(candidates, |a, b| a.judged.figure.nsr.total_cmp(&b.judged.figure.nsr));
    candidates.dedup_by(|a, b| a.judged == b.judged && a.tried.recipe == b.tried.recipe);
}
