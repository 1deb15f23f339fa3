//! Accumulators of each chip, and the outputs that their sums become.
//!
//! The S3 adds int8 products in 16 lanes of 20 bits, bias first, and saturates at each step; filters that
//! fill no block of lanes go through one accumulator of 40 bits, as does all int16 (`base/isa/tie728`: `QACC`, `ACCX`).
//! The P4's lanes have 32 bits for int8; the portable code's sums wrap at 32 bits for int8, at 64 for int16.
//!
//! Never: which products are summed.

use crate::chip::Family;
use crate::kernels::integer::{Conv, End, Filters, Finish, Integer, Shape};
use crate::{Result, bail};

use super::round::rounding;
use super::step::Step;

/// `lane`: the filter is one of a full block.
fn end<T: Integer>(family: Family, lane: bool) -> End {
    match (family, T::BITS, lane) {
        (Family::S3, 8, true) => End::Saturates(20),
        (Family::S3, _, _) => End::Saturates(40),
        (Family::P4, 8, true) => End::Saturates(32),
        (Family::P4, 8, false) => End::Saturates(40),
        (Family::P4, _, true) => End::Open,
        (Family::P4, _, false) => End::Saturates(40),
        (Family::C, 8, _) => End::Wraps32,
        (Family::C, _, _) => End::Open,
    }
}

/// Outputs of a layer's sums, whatever its filters are.
pub struct Sums {
    family: Family,
    /// Filters that run in lanes.
    full: usize,
    finish: Finish,
}

impl Sums {
    /// Shifts follow from the exponents of input, `weight` (one or one a channel) and output. A depthwise kernel works in
    /// lanes whatever the number of filters, any other as far as they fill blocks.
    pub fn new(step: &Step, weight: &[i32], filters: usize, depthwise: bool) -> Result<Sums> {
        let family = step.family();
        let (input, output) = (step.input(0)?.exponent(), step.exponent()?);
        let shifts: Vec<i32> = weight.iter().map(|w| output - input - w).collect();
        if shifts.is_empty() {
            bail!("its weights have no exponent");
        }
        if shifts.len() > 1 && family != Family::P4 {
            bail!("its weights have {} exponents, this chip takes one", shifts.len());
        }
        if shifts.len() > 1 && shifts.len() != filters {
            bail!("its weights have {} exponents for {filters} filters", shifts.len());
        }
        let least = shifts.iter().min().copied().unwrap_or(0);
        if least < 0 && family != Family::C {
            bail!(
                "its output's exponent is {} below that of input times weight, and the chip shifts right only",
                -least
            );
        }
        let full = match step.quant_type().lanes(family) {
            Some(lanes) if !depthwise => filters / lanes * lanes,
            _ => filters,
        };
        Ok(Sums { family, full, finish: Finish { rounding: rounding(family), relu: step.relu()?, shifts } })
    }

    /// The kernel of `shape` for inputs of type `T`.
    pub fn conv<T: Integer>(&self, shape: Shape, rows: &[i16], bias: &[i64]) -> Result<Conv> {
        let end = |filter| end::<T>(self.family, filter < self.full);
        Conv::new::<T>(shape, &Filters { rows, bias, end: &end }, self.finish.clone())
    }
}
