//! Histograms of several values, into which samples count side by side.
//!
//! Never: ranges; who counts knows them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::graph::ValueId;

use super::observe::{Elements, Histogram};

/// One histogram for each value and number of bins.
#[derive(Default)]
pub(super) struct Histograms(BTreeMap<(ValueId, usize), Mutex<Histogram>>);

impl Histograms {
    /// Makes empty histograms from values, numbers of bins and greatest magnitudes, of which the first counts.
    pub fn new(wanted: impl Iterator<Item = (ValueId, usize, f64)>) -> Histograms {
        let mut histograms = BTreeMap::new();
        for (value, bins, most) in wanted {
            histograms.entry((value, bins)).or_insert_with(|| Mutex::new(Histogram::new(bins, most)));
        }
        Histograms(histograms)
    }

    /// Returns `true` if the value has a histogram.
    pub fn has(&self, value: ValueId) -> bool {
        self.of(value).next().is_some()
    }

    /// Counts elements in each histogram of their value. Counts are integers: they do not depend on the order of the samples.
    pub fn count(&self, value: ValueId, elements: Elements) {
        for histogram in self.of(value) {
            lock(histogram).add(elements);
        }
    }

    /// Returns a histogram.
    pub fn get(&self, value: ValueId, bins: usize) -> Option<MutexGuard<'_, Histogram>> {
        self.0.get(&(value, bins)).map(lock)
    }

    fn of(&self, value: ValueId) -> impl Iterator<Item = &Mutex<Histogram>> {
        self.0.range((value, 0)..=(value, usize::MAX)).map(|(_, histogram)| histogram)
    }
}

fn lock(histogram: &Mutex<Histogram>) -> MutexGuard<'_, Histogram> {
    histogram.lock().unwrap_or_else(PoisonError::into_inner)
}
