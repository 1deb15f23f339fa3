//! Limits on flash, RAM and time, and what a change does to them.

use serde::{Deserialize, Serialize};

use crate::text::units::{kilobytes, milliseconds, size};

use super::Totals;

/// Limits on the three figures of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Limits {
    /// Most bytes of the file.
    pub flash_bytes: Option<usize>,
    /// Most bytes of RAM.
    pub ram_bytes: Option<usize>,
    /// Most microseconds of one run, as estimated.
    pub microseconds: Option<f64>,
}

/// The figures of a file before and after a change.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Figures of the project as it is.
    pub before: Totals,
    /// Figures with the change.
    pub after: Totals,
}

impl Limits {
    /// Returns `true` if nothing is limited.
    pub fn is_empty(&self) -> bool {
        *self == Limits::default()
    }

    /// Describes each limit that a file exceeds: "312 KiB of flash, over the limit of 300 KiB".
    pub fn exceeded(&self, totals: &Totals) -> Vec<String> {
        // A file within nothing exceeds each limit more.
        let nothing = Totals { time: totals.time.map(|_| super::Interval::default()), ..Totals::default() };
        self.broken(&Change { before: nothing, after: *totals })
    }

    /// Describes each limit that a change breaks: its file exceeds it, and by more than the file before.
    pub fn broken(&self, change: &Change) -> Vec<String> {
        let Change { before, after } = change;
        let bytes = |limit: Option<usize>, before: usize, after: usize, of: &str| {
            let limit = limit.filter(|&limit| after > limit.max(before))?;
            Some(format!("{} of {of}, over the limit of {}", size(after), size(limit)))
        };
        let time = || {
            let (limit, after) = (self.microseconds?, after.time?);
            let before = before.time.map_or(0.0, |time| time.estimate);
            let words = || format!("{}, over the limit of {} ms", after.milliseconds(), limit / 1000.0);
            (after.estimate > limit.max(before)).then(words)
        };
        let flash = bytes(self.flash_bytes, before.flash_bytes, after.flash_bytes, "flash");
        let ram = bytes(self.ram_bytes, before.ram_bytes, after.ram_bytes, "RAM");
        [flash, ram, time()].into_iter().flatten().collect()
    }

    /// Returns what a change costs, for comparing changes: microseconds if time is limited and known, else bytes of flash.
    pub fn price(&self, change: &Change) -> f64 {
        match change.microseconds().filter(|_| self.microseconds.is_some()) {
            Some(microseconds) => microseconds,
            None => change.flash_bytes() as f64,
        }
    }
}

impl Change {
    /// Returns the change back.
    pub fn reversed(self) -> Change {
        Change { before: self.after, after: self.before }
    }

    /// Returns the additional bytes of the file.
    pub fn flash_bytes(&self) -> i64 {
        let bytes = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        bytes(self.after.flash_bytes) - bytes(self.before.flash_bytes)
    }

    /// Returns the additional microseconds of one run; `None` where time is not known.
    pub fn microseconds(&self) -> Option<f64> {
        Some(self.after.time?.estimate - self.before.time?.estimate)
    }

    /// Describes both: "flash 312.0 KiB -> 300.1 KiB, RAM 96.0 KiB, 26.3 ms (22.9 to 30.3) -> 20.1 ms (17.5 to 23.1)".
    pub fn words(&self) -> String {
        let words = |before: String, after: String| match before == after {
            true => before,
            false => format!("{before} -> {after}"),
        };
        let bytes = |before: usize, after: usize| words(size(before), size(after));
        let flash = bytes(self.before.flash_bytes, self.after.flash_bytes);
        let ram = bytes(self.before.ram_bytes, self.after.ram_bytes);
        let time = self.before.time.zip(self.after.time);
        let time = time.map(|(before, after)| words(before.milliseconds(), after.milliseconds()));
        let time = time.map(|time| format!(", {time} a run")).unwrap_or_default();
        format!("flash {flash}, RAM {ram}{time}")
    }

    /// Describes the difference: "+13 KB flash, +2.1 ms"; "no flash" if both round to nothing.
    pub fn difference(&self) -> String {
        /// Largest differences that are shown as nothing.
        const NO_BYTES: i64 = 51;
        const NO_MICROSECONDS: f64 = 5.0;
        let time = self.microseconds().filter(|time| time.abs() >= NO_MICROSECONDS);
        let flash = Some(self.flash_bytes()).filter(|bytes| bytes.abs() > NO_BYTES).unwrap_or(0);
        match (flash, time) {
            (0, None) => "no flash".to_string(),
            (flash, None) => format!("{} flash", kilobytes(flash)),
            (flash, Some(time)) => format!("{} flash, {}", kilobytes(flash), milliseconds(time)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::Interval;

    fn totals(flash_bytes: usize, ms: f64) -> Totals {
        Totals { flash_bytes, ram_bytes: 0, time: Some(Interval::within(1000.0 * ms, 1.15)) }
    }

    #[test]
    fn a_limit_is_broken_by_a_file_over_it() {
        let limits = Limits { flash_bytes: Some(2048), microseconds: Some(10_000.0), ram_bytes: None };
        assert_eq!(limits.exceeded(&totals(2048, 10.0)), [""; 0]);
        let over = ["3.0 KiB of flash, over the limit of 2.0 KiB", "12.0 ms (10.4 to 13.8), over the limit of 10 ms"];
        assert_eq!(limits.exceeded(&totals(3072, 12.0)), over);
    }

    #[test]
    fn a_file_over_its_limit_may_change_but_not_become_worse() {
        let limits = Limits { flash_bytes: Some(2048), ..Limits::default() };
        let change = |after| Change { before: totals(4096, 1.0), after };
        assert_eq!(limits.broken(&change(totals(4096, 9.0))), [""; 0]);
        assert_eq!(limits.broken(&change(totals(3072, 1.0))), [""; 0]);
        assert_eq!(limits.broken(&change(totals(5120, 1.0))), ["5.0 KiB of flash, over the limit of 2.0 KiB"]);
    }

    #[test]
    fn changes_are_compared_by_time_if_it_is_limited_and_known() {
        let change = Change { before: totals(1000, 1.0), after: totals(1300, 3.0) };
        assert_eq!(Limits::default().price(&change), 300.0);
        let limits = Limits { microseconds: Some(1.0), ..Limits::default() };
        assert_eq!(limits.price(&change), 2000.0);
        let untimed = |totals| Totals { time: None, ..totals };
        assert_eq!(limits.price(&Change { before: untimed(change.before), after: untimed(change.after) }), 300.0);
        assert_eq!(change.difference(), "+0.3 KB flash, +2.0 ms");
        assert_eq!(Change { before: change.before, after: change.before }.difference(), "no flash");
    }
}
