//! Square roots as ESP-DL computes them (`sqrt_newton` and `fast_inv_sqrt` in `dl_math.hpp`).
//!
//! Never: operators.

use crate::{Result, bail};

/// Runs Newton's method from `x` itself until a step is at most 1e-5; small roots are inexact.
pub fn newton(x: f32) -> Result<f32> {
    if x == 0.0 {
        return Ok(0.0);
    }
    let mut root = x;
    // About 70 steps halve the largest float to below its root.
    for _ in 0..1000 {
        let last = root;
        root = (last + x / last) * 0.5;
        if (root - last).abs() <= 0.00001 {
            return Ok(root);
        }
    }
    bail!("the chip's computation of the square root of {x} does not terminate")
}

/// Computes an inverse; `DL_FAST_MATH` is 0 in ESP-DL's build.
pub fn inverse(x: f32) -> f32 {
    1.0 / x.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_ends_when_a_step_is_small() {
        assert_eq!([0.0, 4.0, 1e6].map(|x| newton(x).unwrap()), [0.0, 2.0, 1000.0]);
        // 1e-8 halves to 9.8e-6 above the root, and the next step is below 1e-5.
        assert!(newton(1e-8).unwrap() != 1e-4);
        assert_eq!(
            newton(-1.0).unwrap_err().what(),
            "the chip's computation of the square root of -1 does not terminate"
        );
    }
}
