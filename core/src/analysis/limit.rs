//! Limits of errors.

/// Returns `true` if an error exceeds its limit. NaN exceeds every limit.
pub fn is_over(nsr: f64, limit: f64) -> bool {
    nsr > limit || nsr.is_nan()
}
