//! Range of a tensor, and the scale that covers it.

use crate::kernels::histogram::min_max;

use super::Elements;

/// Smallest scale (`OBSERVER_MIN_SCALE` in esp-ppq's `core/common.py`).
const SCALE_FLOOR: f64 = 1e-8;

/// Least and greatest element.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extremes {
    /// Least element; positive infinity without elements.
    pub min: f64,
    /// Greatest element; negative infinity without elements.
    pub max: f64,
}

impl Extremes {
    /// Range of no elements.
    pub const EMPTY: Extremes = Extremes { min: f64::INFINITY, max: f64::NEG_INFINITY };

    /// Returns the range; `None` if an element is infinite or NaN.
    pub fn finite(values: Elements) -> Option<Extremes> {
        let ends = match values {
            Elements::F32(values) => min_max(values).map(|(min, max)| (min.into(), max.into())),
            Elements::F64(values) => min_max(values),
        };
        let Some((min, max)) = ends else { return Some(Extremes::EMPTY) };
        (min.is_finite() && max.is_finite()).then_some(Extremes { min, max })
    }

    /// Makes the range from `-magnitude` to `magnitude`.
    pub fn of_magnitude(magnitude: f64) -> Extremes {
        Extremes { min: -magnitude, max: magnitude }
    }

    /// Returns the least range that covers all parts; [`Extremes::EMPTY`] without parts.
    pub fn union(parts: &[Extremes]) -> Extremes {
        parts.iter().fold(Extremes::EMPTY, |a, b| Extremes { min: a.min.min(b.min), max: a.max.max(b.max) })
    }

    /// Mean of each end, in float32 as in esp-ppq.
    pub fn mean(parts: &[Extremes]) -> Extremes {
        let mean = |end: fn(&Extremes) -> f64| {
            let sum = parts.iter().map(|e| f64::from(end(e) as f32)).sum::<f64>() as f32;
            f64::from(sum / parts.len() as f32)
        };
        Extremes { min: mean(|e| e.min), max: mean(|e| e.max) }
    }

    /// Greatest absolute value.
    pub fn magnitude(&self) -> f64 {
        if self.min > self.max { 0.0 } else { self.min.abs().max(self.max.abs()) }
    }

    /// Returns `true` if the scale that covers the range is below the smallest one allowed.
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
