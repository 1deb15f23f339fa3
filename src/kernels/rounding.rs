//! Rounding and fake quantization of slices.

/// How a target rounds a shifted sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rounding {
    /// Ties to even: esp32p4, esp32s31.
    HalfEven,
    /// Ties toward positive infinity, `floor(x + 0.5)`: esp32s3 and the C targets.
    HalfUp,
}
