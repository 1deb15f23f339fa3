//! Sums of products of 8- and 16-bit integers, exact in their accumulators.
//!
//! Never: where a chip's accumulator ends (`runtime::run`).

/// Exact while the sum stays below 2^31, which products of 8-bit integers do up to 131,072 terms; wraps beyond.
pub fn dot_narrow(a: &[i16], b: &[i16]) -> i32 {
    a.iter().zip(b).fold(0i32, |sum, (&x, &y)| sum.wrapping_add(i32::from(x) * i32::from(y)))
}

/// For 16-bit integers; no length in memory overflows it.
pub fn dot_wide(a: &[i16], b: &[i16]) -> i64 {
    a.iter().zip(b).map(|(&x, &y)| i64::from(i32::from(x) * i32::from(y))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_sums_hold_what_narrow_ones_do_not() {
        let a = [-32768i16; 4];
        assert_eq!(dot_wide(&a, &a), 4 << 30);
        assert_eq!(dot_narrow(&[-128; 1024], &[-128; 1024]), 1024 << 14);
    }
}
