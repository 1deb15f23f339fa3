//! Estimate with its bounds.

use serde::{Deserialize, Serialize};

/// Time in microseconds with its bounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower bound.
    pub low: f64,
    /// Most likely value.
    pub estimate: f64,
    /// Upper bound.
    pub high: f64,
}

impl Interval {
    /// Returns an estimate that is known within a factor.
    pub fn within(estimate: f64, factor: f64) -> Interval {
        Interval { low: estimate / factor, estimate, high: estimate * factor }
    }

    /// "26.3 ms (22.4 to 30.2)"
    pub fn milliseconds(&self) -> String {
        format!("{} ms ({} to {})", short(self.estimate), short(self.low), short(self.high))
    }

    /// "26.3"
    pub fn estimated(&self) -> String {
        short(self.estimate)
    }

    /// "22.4..30.2"
    pub fn range(&self) -> String {
        format!("{}..{}", short(self.low), short(self.high))
    }
}

/// Formats microseconds as milliseconds with three significant digits: "0.0123", "1.24", "1310".
fn short(microseconds: f64) -> String {
    let ms = microseconds / 1000.0;
    let places = match ms {
        m if m >= 100.0 => 0,
        m if m >= 10.0 => 1,
        m if m >= 1.0 => 2,
        m if m >= 0.1 => 3,
        _ => 4,
    };
    format!("{ms:.places$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_has_three_digits() {
        assert_eq!(Interval::within(26_340.0, 1.15).milliseconds(), "26.3 ms (22.9 to 30.3)");
        assert_eq!(Interval { low: 1.0, estimate: 12.0, high: 1_310_000.0 }.range(), "0.0010..1310");
    }
}
