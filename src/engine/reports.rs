//! Reports of an opened project: with all layers measured, with those that a finding may be about, or with estimates.

use std::sync::Arc;
use std::time::Instant;

use crate::Result;
use crate::analysis::{Accuracy, Observers, OnChip, OutputError, Report, Seconds};
use crate::project;
use crate::quant::Settings;

use super::content::{Key, KeyBuilder};
use super::measure::{Layerwise, Measurement, timed};
use super::opened::{Opened, settings_of};
use super::{Progress, Stage};

impl Opened {
    /// Returns `true` if figures of the plan are in memory or in the store.
    pub(super) fn is_measured(&self) -> bool {
        self.kept_judged().is_ok_and(|report| report.is_some())
    }

    /// Returns a report that findings can be made of: the whole one if it is kept.
    fn kept_judged(&self) -> Result<Option<Arc<Report>>> {
        let key = self.report_key(&self.known_settings()?, false)?;
        Ok(self.kept_report(&key).or_else(|| self.kept_report(&self.judged_key(&key))))
    }

    /// Limits decide which layers are measured.
    fn judged_key(&self, report: &Key) -> Key {
        let limits = format!("{:?}", self.named().config.limits);
        KeyBuilder::new("judged").key(report).text(&limits).finish()
    }

    /// Returns both error tables for findings: layers that are certain to keep their limit are estimated.
    pub fn judged(&self, progress: &dyn Progress) -> Result<Arc<Report>> {
        self.judged.get(|| {
            if let Some(report) = self.kept_judged()? {
                return Ok(report);
            }
            let key = self.judged_key(&self.report_key(&self.known_settings()?, false)?);
            self.measure(key, false, Layerwise::NearLimit, progress)
        })
    }

    /// Returns the errors of the outputs: those of a kept report, else measured without the layers alone.
    pub(super) fn output_errors(&self, progress: &dyn Progress) -> Result<Vec<OutputError>> {
        if let Some(report) = self.kept_judged()? {
            return Ok(report.outputs.clone());
        }
        let (session, plan) = (self.session()?, self.settled_plan(progress)?);
        let calibrated = self.calibrated(progress)?;
        let outputs = Measurement::of(self, &session, &plan, progress).outputs(&calibrated)?;
        self.engine.save(&session);
        Ok(outputs)
    }

    /// Returns both error tables with all layers estimated, calibrated for this text; `None` if more is known.
    pub fn estimated(&self, progress: &dyn Progress) -> Result<Option<Report>> {
        if self.is_measured() {
            return Ok(None);
        }
        let (session, plan) = (self.session()?, self.settled_plan(progress)?);
        let calibrated = self.calibrated(progress)?;
        let measurement = Measurement::of(self, &session, &plan, progress);
        measurement.report(&calibrated, false, Layerwise::None, Seconds::default()).map(Some)
    }

    /// Measures the layers that are only estimated, the worst first; `part` gets the report as it grows.
    pub fn completed(&self, progress: &dyn Progress, part: &mut dyn FnMut(Arc<Report>)) -> Result<Arc<Report>> {
        let report = self.judged(progress)?;
        if report.layers.iter().any(|layer| layer.estimate.is_some()) {
            let (session, plan) = (self.session()?, self.settled_plan(progress)?);
            let measurement = Measurement::of(self, &session, &plan, progress);
            measurement.complete(&*self.calibrated(progress)?, &report, part)?;
        }
        self.measured(progress)
    }

    fn measure(&self, key: Key, statistics: bool, alone: Layerwise, progress: &dyn Progress) -> Result<Arc<Report>> {
        let (session, plan) = (self.session()?, self.settled_plan(progress)?);
        let mut seconds = Seconds::default();
        let calibrated = timed(&mut seconds.calibrate, || self.calibrated(progress))?;
        let measurement = Measurement::of(self, &session, &plan, progress);
        let report = measurement.report(&calibrated, statistics, alone, seconds)?;
        self.engine.save(&session);
        Ok(self.engine.keep(&self.engine.reports, key, report))
    }

    /// Returns both error tables without unknown layers, from memory or the store if nothing has changed.
    pub fn measured(&self, progress: &dyn Progress) -> Result<Arc<Report>> {
        self.measured.get(|| {
            let key = self.report_key(&self.known_settings()?, false)?;
            match self.kept_report(&key) {
                Some(report) => Ok(report),
                None => self.measure(key, false, Layerwise::All, progress),
            }
        })
    }

    /// Returns both error tables, the errors by observer, the result of the file on the chip and the accuracy on labelled
    /// samples, with statistics of tensors if requested: these need two more runs per sample.
    pub fn report(&self, statistics: bool, progress: &dyn Progress) -> Result<Report> {
        let mut report = self.tables(statistics, progress)?;
        let start = Instant::now();
        report.on_chip = Some(OnChip::clone(&*self.proved(progress)?));
        report.seconds.chip = start.elapsed().as_secs_f64();
        let accuracy = timed(&mut report.seconds.accuracy, || self.accuracy(progress))?;
        if accuracy.is_some() {
            let notes = self.labelled_notes()?;
            report.notes.extend(notes.into_iter().filter(|note| !report.notes.contains(note)).collect::<Vec<_>>());
        }
        report.accuracy = accuracy.map(|accuracy| Accuracy::clone(&accuracy));
        Ok(report)
    }

    fn tables(&self, statistics: bool, progress: &dyn Progress) -> Result<Report> {
        progress.begin(Stage::Load, 1);
        let start = Instant::now();
        // As written, without reading the model: a report under this key has no name that selects another layer.
        let written = self.report_key(&settings_of(self.project())?, statistics)?;
        let key = match self.kept_report(&written) {
            Some(_) => written,
            None => self.report_key(&self.settings()?, statistics)?,
        };
        let report = match self.kept_report(&key) {
            Some(report) => {
                let seconds = Seconds { load: start.elapsed().as_secs_f64(), ..Seconds::default() };
                Report { seconds, ..Report::clone(&report) }
            }
            None => {
                self.session()?;
                self.exact_plan()?;
                let load = start.elapsed().as_secs_f64();
                progress.tick()?;
                let report = match statistics {
                    true => self.measure(key, true, Layerwise::All, progress)?,
                    false => self.measured(progress)?,
                };
                let report = Report::clone(&*report);
                Report { seconds: Seconds { load, ..report.seconds }, ..report }
            }
        };
        let mut seconds = report.seconds;
        let observers = timed(&mut seconds.observers, || self.observers(&report, progress))?;
        let observers = observers.map(|observers| Observers::clone(&observers));
        Ok(Report { seconds, observers, ..report })
    }

    /// Returns a report with the same content, with this project's name for the model.
    fn kept_report(&self, key: &Key) -> Option<Arc<Report>> {
        let kept = self.engine.kept(&self.engine.reports, key)?;
        let model = self.model_name();
        Some(if kept.model == model { kept } else { Arc::new(Report { model, ..Report::clone(&kept) }) })
    }

    /// Returns the key of a report: everything that determines it, including the samples.
    pub(super) fn report_key(&self, settings: &Settings, statistics: bool) -> Result<Key> {
        let samples = &self.contents.samples.as_ref().map_err(Clone::clone)?.key;
        let mut parts = KeyBuilder::new("report");
        self.quantization(&mut parts, settings)?;
        let config = &self.project().config;
        parts.key(samples).number(config.held_out().unwrap_or(0));
        parts.text(&config.identity(project::Stage::Analysis)).number(statistics.into());
        Ok(parts.finish())
    }
}
