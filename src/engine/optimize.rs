//! Search for an observer and passes on an opened project, with precisions where flash, RAM or time is limited, and the edit
//! that stores its result.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::analysis::{Report, is_over};
use crate::chip::Method;
use crate::cost::{Change, Limits, Totals};
use crate::exec::Samples as _;
use crate::lint::Optimization;
use crate::optimize::{self, Breadth, Budget, Figure, Found, PASSES, Subject, Tried};
use crate::project::{HELD_OUT, Project, edit};
use crate::quant::{Quantized, Settings};
use crate::text::{self, Edit};
use crate::{Error, Result};

use super::content::KeyBuilder;
use super::cost::limits;
use super::precisions::Precisions;
use super::progress::Inside;
use super::{Opened, Progress, Stage};

/// Default time limit of a search.
const TIME: Duration = Duration::from_secs(30);

/// Changes that a search may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The observer and the passes, which cost next to nothing: those that are likely to be the best, within seconds.
    Passes,
    /// All of these, and precisions of layers where flash, RAM or time is limited.
    Precisions,
}

/// Result of a search over a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Optimized {
    /// Figure of the project's settings.
    pub before: Figure,
    /// Figure with `edit` applied; equal to `before` without one.
    pub after: Figure,
    /// All candidates, in the order in which they were measured.
    pub tried: Vec<Tried>,
    /// Set if the time limit was reached before all candidates were measured.
    pub is_cut_short: bool,
    /// Flash, RAM and time before, and with `edit` applied; `None` if the file has no form.
    pub cost: Option<Change>,
    /// Precisions of layers that `edit` sets.
    pub precisions: Precisions,
    /// The candidate with less error than `after` that breaks a limit on flash, RAM or time.
    pub refused: Option<Refused>,
    /// The candidate with less error than `after` that loses boxes which the settings as they are find.
    #[serde(default)]
    pub losing: Option<Figure>,
    /// Number of samples that the figures are of.
    pub samples: usize,
    /// Limits that the file exceeds whatever the precisions are, so that there is no edit.
    pub exceeded: Vec<String>,
    /// Edit of the project's text; `None` if nothing helped.
    pub edit: Option<Edit>,
}

/// Candidate that was not taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    /// Its error.
    pub nsr: f64,
    /// Limits that it breaks: "312 KiB of flash, over the limit of 300 KiB".
    pub breaks: Vec<String>,
}

impl Optimized {
    /// Returns `false` if the limits on flash, RAM and time left nothing to take.
    pub fn fits(&self) -> bool {
        self.exceeded.is_empty() && (self.edit.is_some() || self.refused.is_none())
    }
}

/// Search of observers and passes at given precisions, with the cost of its candidates.
struct Passes {
    found: Found,
    /// Candidate to take; `None` if none keeps the limits.
    best: Option<Tried>,
    terms: Terms,
    /// Cost of that candidate.
    cost: Option<Totals>,
    /// Costs of all candidates, where there are limits.
    costs: Vec<Counted>,
    /// Number of samples that the figures are of.
    samples: usize,
}

/// Limits for candidates.
#[derive(Clone, Copy)]
struct Terms {
    /// Cost of the project as it is.
    before: Option<Totals>,
    /// Set if it must keep the limits; otherwise it may exceed them as much as the project does.
    is_strict: bool,
}

impl Terms {
    /// Returns the limits that a file breaks.
    fn breaks(self, limits: &Limits, after: &Totals) -> Vec<String> {
        match self.before.filter(|_| !self.is_strict) {
            Some(before) => limits.broken(&Change { before, after: *after }),
            None => limits.exceeded(after),
        }
    }
}

/// Cost of a candidate, and the limits that it breaks.
struct Counted {
    totals: Option<Totals>,
    breaks: Vec<String>,
}

impl Passes {
    /// Returns the candidate with the least error that was not allowed, if it has less than the one to take.
    fn refused(&self, best: &Tried) -> Option<Refused> {
        let refused = self.found.tried.iter().zip(&self.costs).filter(|(tried, _)| !tried.is_allowed);
        let (tried, cost) = refused.min_by(|a, b| a.0.figure.nsr.total_cmp(&b.0.figure.nsr))?;
        let is_less = tried.figure.nsr < best.figure.nsr;
        is_less.then(|| Refused { nsr: tried.figure.nsr, breaks: cost.breaks.clone() })
    }

    /// Returns the figure of the candidate with the least error that loses boxes, if it has less than the one to take.
    fn losing(&self, best: &Tried) -> Option<Figure> {
        let losing = self.found.tried.iter().filter(|tried| tried.is_allowed && tried.loses_boxes);
        let figure = losing.map(|tried| tried.figure).min_by(|a, b| a.nsr.total_cmp(&b.nsr))?;
        (figure.nsr < best.figure.nsr).then_some(figure)
    }
}

impl Opened {
    /// Measures observers and passes within a time limit. Every fourth sample, or the project's `held-out`, is held out
    /// for the comparison. Candidates that break a limit on flash, RAM or time are not taken, and neither are those that lose
    /// boxes of a detector.
    ///
    /// # Errors
    ///
    /// Fails if the project cannot be measured, or if the work is cancelled.
    pub fn optimize(&self, time: Duration, scope: Scope, progress: &dyn Progress) -> Result<Arc<Optimized>> {
        if self.project().config.model.quantization.is_some() {
            return Err(Error::new(
                "the scales of `model.quantization` are fixed: no observer and no pass can change them",
            )
            .at_key("model.quantization")
            .with_help("remove it, so that the scales come from samples"));
        }
        if self.model()?.simplified.graph.has_scales() {
            return Err(Error::new("the scales in the model were trained: no observer and no pass can change them")
                .at_key("model.path")
                .with_help("use the float model, so that the scales come from samples"));
        }
        let mut parts = KeyBuilder::new("optimized");
        let report = self.report_key(&self.known_settings()?, false)?;
        let config = &self.project().config;
        parts.text(&format!("{scope:?} {:?} {:?} {:?}", config.limits, config.export, self.machine()?));
        // The edit is one of this text.
        let key = parts.key(&report).text(&self.project().text).finish();
        if let Some(kept) = self.engine.kept(&self.engine.optimized, &key) {
            return Ok(kept);
        }
        let optimized = self.search(time, scope, progress)?;
        match optimized.is_cut_short {
            true => Ok(Arc::new(optimized)),
            false => Ok(self.engine.keep(&self.engine.optimized, key, optimized)),
        }
    }

    fn search(&self, time: Duration, scope: Scope, progress: &dyn Progress) -> Result<Optimized> {
        let mut project = self.project().clone();
        let held_out = project.config.held_out().unwrap_or(HELD_OUT);
        project.config.keep_apart(held_out);
        let split = self.engine.open(project);
        progress.begin(Stage::Load, 1);
        split.session()?;
        split.exact_plan()?;
        progress.tick()?;
        // With an observer that is left to measurements, it is the one of the project, not that of the smaller part of its samples.
        let settings = self.settled_plan(progress)?.settings.clone();
        let limits = limits(self.project());
        let breadth = match scope {
            Scope::Passes => self.every_observer(progress)?.map_or(Breadth::Whole, |all| Breadth::Likely(all.least())),
            Scope::Precisions => Breadth::Whole,
        };
        // As it is, the project is calibrated with all samples.
        let before = self.totals_of(&self.calibrated(progress)?.quantized)?;
        let passes = |settings: &Settings, terms: Terms, time: Duration| {
            split.passes(settings, terms, Budget { time, breadth }, progress)
        };
        let (as_it_is, within) = (Terms { before, is_strict: false }, Terms { before, is_strict: true });
        if scope == Scope::Precisions && before.is_some_and(|before| !limits.exceeded(&before).is_empty()) {
            let first = passes(&settings, as_it_is, Duration::ZERO)?;
            let precisions = split.narrowed(&settings, progress)?;
            let last = passes(&precisions.applied(&settings), within, time)?;
            return self.optimized(&first, &last, precisions, held_out, progress);
        }
        let first = passes(&settings, as_it_is, time)?;
        let precisions = match scope == Scope::Precisions && !limits.is_empty() {
            true => split.widest(&settings, &first.found.best, progress)?,
            false => Precisions::default(),
        };
        if !precisions.is_empty() {
            let last = passes(&precisions.applied(&settings), as_it_is, time)?;
            let is_less = last.found.best.figure.nsr < first.found.best.figure.nsr;
            if is_less && !first.found.judged.is_loss(&last.found.judged) {
                return self.optimized(&first, &last, precisions, held_out, progress);
            }
        }
        self.optimized(&first, &first, Precisions::default(), held_out, progress)
    }

    /// Searches observers and passes with these settings.
    fn passes(&self, settings: &Settings, terms: Terms, budget: Budget, progress: &dyn Progress) -> Result<Passes> {
        let session = self.session()?;
        let most =
            optimize::most_candidates(&session.model.simplified.graph, session.calibration.len(), budget.breadth);
        progress.begin(Stage::Optimize, most);
        let inside = Inside(progress);
        let costs: Mutex<Vec<Counted>> = Mutex::default();
        let has_limits = !limits(self.project()).is_empty();
        let allows = |quantized: &Quantized| {
            if !has_limits {
                return Ok(true);
            }
            let counted = self.counted(quantized, terms)?;
            let is_allowed = counted.breaks.is_empty();
            costs.lock().unwrap_or_else(PoisonError::into_inner).push(counted);
            Ok(is_allowed)
        };
        let subject = Subject {
            plan: &|settings| self.plan_of(settings),
            settings,
            samples: &session.calibration,
            held_out: &session.analysis,
            detector: session.model.detector.as_ref(),
            allows: &allows,
            tick: &|| inside.tick(),
            told: &|_, _| progress.tick(),
        };
        let found = optimize::search(&subject, budget)?;
        let costs = costs.into_inner().unwrap_or_else(PoisonError::into_inner);
        let allowed = found.tried.iter().filter(|tried| tried.is_allowed);
        let best = match terms.is_strict {
            // The limits come first, then the boxes.
            true => allowed
                .min_by(|a, b| a.loses_boxes.cmp(&b.loses_boxes).then(a.figure.nsr.total_cmp(&b.figure.nsr)))
                .cloned(),
            false => Some(found.best.clone()),
        };
        let cost = match &found.quantized {
            Some(quantized) if !has_limits => self.totals_of(quantized)?,
            _ => {
                let at = found.tried.iter().position(|tried| Some(tried) == best.as_ref());
                at.and_then(|at| costs.get(at)?.totals)
            }
        };
        Ok(Passes { found, best, cost, terms, costs, samples: session.analysis.len() })
    }

    /// Counts a candidate's file.
    fn counted(&self, quantized: &Quantized, terms: Terms) -> Result<Counted> {
        let totals = self.totals_of(quantized)?;
        let breaks = totals.map(|totals| terms.breaks(&limits(self.project()), &totals)).unwrap_or_default();
        Ok(Counted { totals, breaks })
    }

    /// Makes the result of a search: `first` with the settings as they are, `last` with the precisions that were chosen.
    fn optimized(
        &self,
        first: &Passes,
        last: &Passes,
        precisions: Precisions,
        held_out: usize,
        progress: &dyn Progress,
    ) -> Result<Optimized> {
        let Some(best) = &last.best else {
            let exceeded = last.costs.first().map(|cost| cost.breaks.clone()).unwrap_or_default();
            return Ok(Optimized { exceeded, ..self.unchanged(first) });
        };
        let passes = (best.figure != last.found.before).then(|| edit_of(self.project(), best, held_out)).flatten();
        // With precisions only, the project is calibrated with all samples again.
        let after = if passes.is_some() { last.cost } else { None };
        let edit = self.with_precisions(passes, &precisions);
        let unchanged = Optimized {
            refused: last.refused(best),
            losing: last.losing(best),
            tried: last.found.tried.clone(),
            is_cut_short: last.found.is_cut_short,
            ..self.unchanged(first)
        };
        let Some(edit) = edit else { return Ok(unchanged) };
        let after = match after {
            Some(after) => Some(after),
            None => self.cost_with(&edit, progress)?,
        };
        let breaks = after.map(|after| last.terms.breaks(&limits(self.project()), &after)).unwrap_or_default();
        if !breaks.is_empty() {
            let refused = Some(Refused { nsr: best.figure.nsr, breaks });
            return Ok(Optimized { refused, ..unchanged });
        }
        let cost = first.terms.before.zip(after).map(|(before, after)| Change { before, after });
        Ok(Optimized { after: best.figure, cost, precisions, edit: Some(edit), ..unchanged })
    }

    /// Counts the file of the project with an edit.
    fn cost_with(&self, edit: &Edit, progress: &dyn Progress) -> Result<Option<Totals>> {
        let text = text::apply(&self.project().text, &Some(edit.clone()));
        let opened = self.open_aside(Project::parse(&self.project().file, text));
        opened.totals_of(&opened.calibrated(&Inside(progress))?.quantized)
    }

    /// Makes the result that leaves the project as it is.
    fn unchanged(&self, first: &Passes) -> Optimized {
        Optimized {
            before: first.found.before,
            after: first.found.before,
            tried: first.found.tried.clone(),
            is_cut_short: false,
            cost: first.terms.before.map(|before| Change { before, after: before }),
            precisions: Precisions::default(),
            refused: None,
            losing: None,
            samples: first.samples,
            exceeded: Vec::new(),
            edit: None,
        }
    }

    /// Adds precisions to an edit of the project's text.
    fn with_precisions(&self, passes: Option<Edit>, precisions: &Precisions) -> Option<Edit> {
        if precisions.is_empty() {
            return passes;
        }
        let before = &self.project().text;
        let mut text = text::apply(before, &passes);
        if let Some(whole) = precisions.whole {
            text = text::apply(&text, &edit::set_keys(&text, &[("model", "precision", format!("\"{whole}\""))]));
        }
        let changed = Project::parse(&self.project().file, text);
        let model = self.model().ok()?;
        let named = changed.with_layers(|name| model.simplified.names.layer(name).map(str::to_string));
        let layers: Vec<_> = precisions.layers.iter().map(|(layer, scheme)| (layer.as_str(), *scheme)).collect();
        let edit = edit::set_precision(named.as_ref().unwrap_or(&changed), &layers);
        text::difference(before, &text::apply(&changed.text, &edit))
    }

    /// Returns the gain of a search for a project without passes whose outputs exceed their limit; `None` if nothing helps.
    pub(super) fn optimization(&self, report: &Report, progress: &dyn Progress) -> Result<Option<Optimization>> {
        let limit = self.project().config.output_limit();
        let is_wanted = report.settings.recipe.is_empty()
            && self.project().config.model.quantization.is_none()
            && !self.model()?.simplified.graph.has_scales()
            && report.outputs.iter().any(|output| is_over(output.error.nsr, limit));
        if !is_wanted {
            return Ok(None);
        }
        let Optimized { before, after, cost, edit, .. } = &*self.optimize(TIME, Scope::Passes, progress)?;
        let (edit, boxes) = (edit.clone(), before.boxes.zip(after.boxes));
        Ok(edit.map(|edit| Optimization { before: before.nsr, after: after.nsr, boxes, cost: *cost, edit }))
    }
}

/// Makes the edit of the observer, the passes and the split.
fn edit_of(project: &Project, best: &Tried, held_out: usize) -> Option<Edit> {
    let method = best.method.map(|method: Method| ("calibration", "method", format!("\"{}\"", method.name())));
    // A pass that stays on keeps its options.
    let given = project.config.settings().map(|settings| settings.recipe).unwrap_or_default();
    let changed = PASSES.iter().filter(|pass| best.recipe.has(pass.name) != given.has(pass.name));
    let passes = changed.map(|pass| ("optimize", pass.name, best.recipe.has(pass.name).to_string()));
    // Samples of analysis are apart as they are.
    let split = project.config.analysis.data.is_none().then(|| ("optimize", "held-out", held_out.to_string()));
    let values: Vec<(&str, &str, String)> = method.into_iter().chain(passes).chain(split).collect();
    edit::set_keys(&project.text, &values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::Recipe;

    #[test]
    fn a_pass_that_stays_on_keeps_its_options() {
        let text = "[model]\npath = \"m.onnx\"\ntarget = \"esp32p4\"\n\n[optimize]\nround = true\nequalize = true\n\
                    layerwise-equalization = { iterations = 3 } # mine\nheld-out = 4\n";
        let project = Project::parse("espq.toml", text);
        let figure = Figure { nsr: 0.0, standard_error: 0.0, agreement: 1.0, boxes: None };
        let recipe = Recipe::of(["layerwise-equalization", "equalize", "correct"]);
        let best = Tried { method: None, recipe, figure, is_allowed: true, loses_boxes: false };
        let edited = text::apply(text, &edit_of(&project, &best, 4));
        assert_eq!(edited, text.replace("round = true", "round = false") + "correct = true\n");
    }
}
