//! Search for an observer and passes on an opened project, and the edit that stores its result.

use std::time::Duration;

use crate::Result;
use crate::chip::Method;
use crate::optimize::{self, Budget, Figure, Subject, Tried};
use crate::project::{HELD_OUT, Project, edit};
use crate::quant::Recipe;
use crate::text::Edit;

use super::progress::Inside;
use super::{Opened, Progress, Stage};

/// Result of a search over a project.
pub struct Optimized {
    pub before: Figure,
    pub after: Figure,
    pub tried: Vec<Tried>,
    /// Set if the time limit was reached before all candidates were measured.
    pub is_cut_short: bool,
    /// Edit of the project's text; `None` if nothing helped.
    pub edit: Option<Edit>,
}

impl Opened {
    /// Measures observers and passes within a time limit. Every fourth sample, or the project's `held-out`, is held out
    /// for the comparison.
    ///
    /// # Errors
    ///
    /// Fails if the project cannot be measured, or if the work is cancelled.
    pub fn optimize(&self, time: Duration, progress: &dyn Progress) -> Result<Optimized> {
        let mut project = self.project().clone();
        let held_out = project.config.held_out().unwrap_or(HELD_OUT);
        project.config.keep_apart(held_out);
        let split = self.engine.open(project);
        progress.begin(Stage::Load, 1);
        let session = split.session()?;
        let settings = split.exact_plan()?.settings.clone();
        progress.tick()?;
        progress.begin(Stage::Optimize, optimize::CANDIDATES);
        let inside = Inside(progress);
        let subject = Subject {
            plan: &|settings| split.plan_of(settings),
            settings: &settings,
            samples: &session.calibration,
            held_out: &session.analysis,
            tick: &|| inside.tick(),
            told: &|_, _| progress.tick(),
        };
        let found = optimize::search(&subject, Budget { time })?;
        let is_better = found.best.figure.nsr < found.before.nsr;
        let edit = is_better.then(|| edit_of(self.project(), &found.best, held_out)).flatten();
        let after = if edit.is_some() { found.best.figure } else { found.before };
        Ok(Optimized { before: found.before, after, tried: found.tried, is_cut_short: found.is_cut_short, edit })
    }
}

/// Makes the edit of the observer, the passes and the split.
fn edit_of(project: &Project, best: &Tried, held_out: usize) -> Option<Edit> {
    let Recipe { equalize, align, round, correct } = best.recipe;
    let method = best.method.map(|method: Method| ("calibration", "method", format!("\"{}\"", method.name())));
    let flags = [("equalize", equalize), ("align", align), ("round", round), ("correct", correct)];
    let was_on = |name: &str| project.config.span_of(&format!("optimize.{name}")).is_some();
    let passes = flags.into_iter().filter(|(name, on)| *on || was_on(name));
    let passes = passes.map(|(name, on)| ("optimize", name, on.to_string()));
    let split = [("optimize", "held-out", held_out.to_string())];
    let values: Vec<(&str, &str, String)> = method.into_iter().chain(passes).chain(split).collect();
    edit::set_keys(&project.text, &values)
}
