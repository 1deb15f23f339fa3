//! Rounding and fake quantization of slices.

/// How a target rounds a shifted sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rounding {
    /// Ties to even: esp32p4, esp32s31.
    HalfEven,
    /// Ties toward positive infinity, `floor(x + 0.5)`: esp32s3 and the C targets.
    HalfUp,
}

/// `clamp(round(x / 2^e), -2^(bits-1), 2^(bits-1) - 1) * 2^e`, in float32 throughout.
pub fn fake_quantize_f32(values: &mut [f32], exponent: i32, bits: u32, rounding: Rounding) {
    let scale = (exponent as f32).exp2();
    let (min, max) = (-((bits - 1) as f32).exp2(), (((bits - 1) as f64).exp2() - 1.0) as f32);
    for v in values {
        let x = *v / scale;
        let r = match rounding {
            Rounding::HalfEven => x.round_ties_even(),
            Rounding::HalfUp => (x + 0.5).floor(),
        };
        *v = r.clamp(min, max) * scale;
    }
}

/// As [`fake_quantize_f32`], in float64.
pub fn fake_quantize_f64(values: &mut [f64], exponent: i32, bits: u32, rounding: Rounding) {
    let scale = f64::from(exponent).exp2();
    let (min, max) = (-f64::from(bits - 1).exp2(), f64::from(bits - 1).exp2() - 1.0);
    for v in values {
        let x = *v / scale;
        let r = match rounding {
            Rounding::HalfEven => x.round_ties_even(),
            Rounding::HalfUp => (x + 0.5).floor(),
        };
        *v = r.clamp(min, max) * scale;
    }
}
