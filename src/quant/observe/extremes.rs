//! The range of a tensor, and the scale that covers it.

use crate::kernels::histogram::min_max;

/// No scale is smaller (`OBSERVER_MIN_SCALE` in esp-ppq's `core/common.py`).
const SCALE_FLOOR: f64 = 1e-8;

/// Least and greatest element.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extremes {
    pub min: f32,
    pub max: f32,
}

impl Extremes {
    /// Of no elements.
    pub const EMPTY: Extremes = Extremes { min: f32::INFINITY, max: f32::NEG_INFINITY };
    pub const ZERO: Extremes = Extremes { min: 0.0, max: 0.0 };

    /// NaN counts as neither end; see [`Extremes::finite`].
    pub fn of(values: &[f32]) -> Extremes {
        let mut extremes = Extremes::EMPTY;
        extremes.include(values);
        extremes
    }

    /// `None` where an element is infinite or not a number.
    pub fn finite(values: &[f32]) -> Option<Extremes> {
        match min_max(values) {
            Some((min, max)) if min.is_finite() && max.is_finite() => Some(Extremes { min, max }),
            Some(_) => None,
            None => Some(Extremes::EMPTY),
        }
    }

    pub fn include(&mut self, values: &[f32]) {
        for &v in values {
            self.min = self.min.min(v);
            self.max = self.max.max(v);
        }
    }

    pub fn union(parts: &[Extremes]) -> Extremes {
        parts.iter().fold(Extremes::EMPTY, |a, b| Extremes { min: a.min.min(b.min), max: a.max.max(b.max) })
    }

    /// Of each end, in float32 as esp-ppq has it.
    pub fn mean(parts: &[Extremes]) -> Extremes {
        let mean = |end: fn(&Extremes) -> f32| {
            parts.iter().map(|e| f64::from(end(e))).sum::<f64>() as f32 / parts.len() as f32
        };
        Extremes { min: mean(|e| e.min), max: mean(|e| e.max) }
    }

    /// Greatest absolute value.
    pub fn magnitude(&self) -> f64 {
        if self.min > self.max { 0.0 } else { f64::from(self.min.abs().max(self.max.abs())) }
    }

    /// Whether the scale that would cover the range is below what is allowed.
    pub fn below_floor(&self, bits: u32) -> bool {
        covering_scale(self.magnitude(), bits) < SCALE_FLOOR
    }

    /// log2 of the least power of two that covers the range.
    pub fn exponent(&self, bits: u32) -> i32 {
        covering_exponent(self.magnitude(), bits)
    }
}

fn covering_scale(magnitude: f64, bits: u32) -> f64 {
    2.0 * magnitude / ((1u64 << bits) - 1) as f64
}

/// log2 of the least power of two that covers `[-magnitude, magnitude]` (`minmax_to_scale_offset`).
pub(super) fn covering_exponent(magnitude: f64, bits: u32) -> i32 {
    covering_scale(magnitude, bits).max(SCALE_FLOOR).log2().ceil() as i32
}

/// log2 of the nearest power of two in the logarithm, halves up (`ppq_round_to_power_of_2`).
pub(super) fn nearest_exponent(scale: f64) -> i32 {
    let log = scale.max(SCALE_FLOOR).log2();
    let whole = log.floor();
    (if log - whole >= 0.5 { whole + 1.0 } else { whole }) as i32
}
