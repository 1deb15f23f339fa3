//! Search for an observer and passes on an opened project, and the edit that stores its result.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::analysis::{Report, is_over};
use crate::chip::Method;
use crate::exec::Samples as _;
use crate::lint::Optimization;
use crate::optimize::{self, Budget, Figure, PASSES, Subject, Tried};
use crate::project::{HELD_OUT, Project, edit};
use crate::text::Edit;
use crate::{Error, Result};

use super::content::KeyBuilder;
use super::progress::Inside;
use super::{Opened, Progress, Stage};

/// Default time limit of a search.
const TIME: Duration = Duration::from_secs(30);

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
    pub fn optimize(&self, time: Duration, progress: &dyn Progress) -> Result<Arc<Optimized>> {
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
        // The edit is one of this text.
        let key = parts.key(&report).text(&self.project().text).finish();
        if let Some(kept) = self.engine.kept(&self.engine.optimized, &key) {
            return Ok(kept);
        }
        let optimized = self.search(time, progress)?;
        match optimized.is_cut_short {
            true => Ok(Arc::new(optimized)),
            false => Ok(self.engine.keep(&self.engine.optimized, key, optimized)),
        }
    }

    fn search(&self, time: Duration, progress: &dyn Progress) -> Result<Optimized> {
        let mut project = self.project().clone();
        let held_out = project.config.held_out().unwrap_or(HELD_OUT);
        project.config.keep_apart(held_out);
        let split = self.engine.open(project);
        progress.begin(Stage::Load, 1);
        let session = split.session()?;
        split.exact_plan()?;
        progress.tick()?;
        let settings = split.settled_plan(progress)?.settings.clone();
        let most = optimize::most_candidates(&session.model.simplified.graph, session.calibration.len());
        progress.begin(Stage::Optimize, most);
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
        let is_better = found.best.figure != found.before;
        let edit = is_better.then(|| edit_of(self.project(), &found.best, held_out)).flatten();
        let after = if edit.is_some() { found.best.figure } else { found.before };
        Ok(Optimized { before: found.before, after, tried: found.tried, is_cut_short: found.is_cut_short, edit })
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
        let Optimized { before, after, edit, .. } = &*self.optimize(TIME, progress)?;
        let edit = edit.clone();
        Ok(edit.map(|edit| Optimization { before: before.nsr, after: after.nsr, edit }))
    }
}

/// Makes the edit of the observer, the passes and the split.
fn edit_of(project: &Project, best: &Tried, held_out: usize) -> Option<Edit> {
    let method = best.method.map(|method: Method| ("calibration", "method", format!("\"{}\"", method.name())));
    let was_on = |name: &str| project.config.span_of(&format!("optimize.{name}")).is_some();
    let passes = PASSES.iter().map(|pass| (pass.name, best.recipe.has(pass.name)));
    let passes = passes.filter(|(name, on)| *on || was_on(name));
    let passes = passes.map(|(name, on)| ("optimize", name, on.to_string()));
    // Samples of analysis are apart as they are.
    let split = project.config.analysis.data.is_none().then(|| ("optimize", "held-out", held_out.to_string()));
    let values: Vec<(&str, &str, String)> = method.into_iter().chain(passes).chain(split).collect();
    edit::set_keys(&project.text, &values)
}
