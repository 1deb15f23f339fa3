//! Limits of errors.

/// Returns whether an error is over its limit. One that is not a number is over every limit.
pub fn is_over(nsr: f64, limit: f64) -> bool {
    nsr > limit || nsr.is_nan()
}
