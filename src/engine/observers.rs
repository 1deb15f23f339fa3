//! The observer with the least measured error: chosen if the text leaves it open, advised if the text names another.

use std::sync::Arc;

use crate::Result;
use crate::analysis::{Observers, Report};
use crate::quant::Plan;

use super::content::{Key, KeyBuilder};
use super::{Opened, Progress};

/// A smaller error needs no other observer.
const LEAST: f64 = 0.001;

impl Opened {
    /// The plan with its observer, which is measured where the text leaves it open.
    pub(super) fn settled_plan(&self, progress: &dyn Progress) -> Result<Arc<Plan>> {
        let plan = self.plan()?;
        match self.project().config.chooses_observer() {
            false => Ok(plan),
            true => {
                let observers = self.every_observer(progress)?;
                Ok(observers.map_or(plan.clone(), |observers| Arc::new(plan.with_method(observers.best))))
            }
        }
    }

    /// Errors by observer, where one is chosen or another may be better. `None` where nothing is observed, or passes were
    /// found with the observer that is set; and where the error of `report` is too small to care.
    pub fn observers(&self, report: &Report, progress: &dyn Progress) -> Result<Option<Arc<Observers>>> {
        let is_chosen = self.project().config.chooses_observer();
        let is_small = report.outputs.iter().all(|output| output.decisive().mean < LEAST);
        let has_passes = !report.settings.recipe.is_empty();
        match !is_chosen && (is_small || has_passes) {
            true => Ok(None),
            false => self.every_observer(progress),
        }
    }

    /// Measures every observer, unless memory or the store has the figures.
    pub(super) fn every_observer(&self, progress: &dyn Progress) -> Result<Option<Arc<Observers>>> {
        self.observers.get(|| {
            let plan = self.plan()?;
            if plan.observed().is_empty() {
                return Ok(None);
            }
            let key = self.observers_key()?;
            if let Some(observers) = self.engine.kept(&self.engine.observers, &key) {
                return Ok(Some(observers));
            }
            let session = self.session()?;
            let observers = session.observers(&plan, session.count(self.project()), progress)?;
            self.engine.save(&session);
            Ok(Some(self.engine.keep(&self.engine.observers, key, observers)))
        })
    }

    /// Everything that decides a report, under another name.
    fn observers_key(&self) -> Result<Key> {
        Ok(KeyBuilder::new("observers").key(&self.report_key(&self.known_settings()?, false)?).finish())
    }
}
