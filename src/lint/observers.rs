//! A better observer in words, for findings, fixes and reports.

use crate::analysis::{Observers, Report};
use crate::chip::Method;
use crate::text::units::percent;

/// Advice to take another observer, from one measurement of all.
pub struct ObserverAdvice<'a> {
    report: &'a Report,
    observers: &'a Observers,
    /// Observer with the least measured error.
    pub better: Method,
}

impl ObserverAdvice<'_> {
    /// Returns `None` if no other observer is better than the one in use by more than the standard error; with `auto`, the
    /// best is in use.
    pub fn of<'a>(report: &'a Report, observers: &'a Observers) -> Option<ObserverAdvice<'a>> {
        let better = observers.better().filter(|&better| report.settings.method != Some(better))?;
        Some(ObserverAdvice { report, observers, better })
    }

    /// "output error 10.3% with kl, 0.17% with minmax"
    pub fn figures(&self) -> String {
        let set = self.observers.set;
        let [now, then] = [set, self.better].map(|method| percent(self.observers.error(method).mean));
        format!("{} {now} with {set}, {then} with {}", decisive_error(self.report), self.better)
    }

    /// "Set method to "minmax": output error 10.3% -> 0.17%, no flash"
    pub fn title(&self) -> String {
        let [now, then] = [self.observers.set, self.better].map(|method| percent(self.observers.error(method).mean));
        format!("Set method to \"{}\": {} {now} -> {then}, no flash", self.better, decisive_error(self.report))
    }
}

/// Name of the figure that decides: of the values before a Softmax or Sigmoid at the end, and the mean where there are
/// several outputs.
pub fn decisive_error(report: &Report) -> String {
    match report.outputs.as_slice() {
        [one] => one.before.as_ref().map_or("output error".to_string(), |b| format!("error before {}", b.op)),
        _ => "mean output error".to_string(),
    }
}
