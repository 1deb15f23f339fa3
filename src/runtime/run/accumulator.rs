//! Accumulators of each chip, and the conversion of their sums to outputs.
//!
//! The S3 adds int8 products in 16 lanes of 20 bits, bias first, and saturates at each step; filters that do not fill a
//! block of lanes use one accumulator of 40 bits, as do all int16 filters (`base/isa/tie728`: `QACC`, `ACCX`). The P4's
//! lanes have 32 bits for int8; the portable code's sums wrap at 32 bits for int8, at 64 for int16.
//!
//! Never: the products that are summed.

use crate::chip::Family;
use crate::kernels::integer::{Conv, End, Filters, Finish, Integer, Shape};
use crate::{Result, bail};

use super::node_context::Step;
use super::round::rounding;

/// Returns the end of an accumulator; `lane` is set for a filter in a full block.
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

/// Conversion of a layer's sums to outputs, for any kind of filters.
pub struct Sums {
    family: Family,
    /// Number of filters that run in lanes.
    full: usize,
    finish: Finish,
}

impl Sums {
    /// Prepares sums. Shifts result from the exponents of input, `weight` (one or one per channel) and output. A
    /// depthwise kernel runs all filters in lanes, others only those that fill blocks.
    pub fn new(step: &Step, weight: &[i32], filters: usize, depthwise: bool) -> Result<Sums> {
        let family = step.family();
        let (input, output) = (step.input(0)?.exponent(), step.exponent()?);
        let shifts: Vec<i32> = weight.iter().map(|w| output - input - w).collect();
        if shifts.is_empty() {
            bail!("its weights have no exponent");
        }
        if shifts.len() > 1 && family != Family::P4 {
            bail!("its weights have {} exponents, but this chip supports one", shifts.len());
        }
        if shifts.len() > 1 && shifts.len() != filters {
            bail!("its weights have {} exponents for {filters} filters", shifts.len());
        }
        let least = shifts.iter().min().copied().unwrap_or(0);
        if least < 0 && family != Family::C {
            bail!(
                "its output's exponent is {} below that of input times weight, but the chip shifts only right",
                -least
            );
        }
        let full = match step.quant_type().lanes(family) {
            Some(lanes) if !depthwise => filters / lanes * lanes,
            _ => filters,
        };
        Ok(Sums { family, full, finish: Finish { rounding: rounding(family), relu: step.relu()?, shifts } })
    }

    /// Prepares the kernel of `shape` for inputs of type `T`.
    pub fn conv<T: Integer>(&self, shape: Shape, rows: &[i16], bias: &[i64]) -> Result<Conv> {
        let end = |filter| end::<T>(self.family, filter < self.full);
        Conv::new::<T>(shape, &Filters { rows, bias, end: &end }, self.finish.clone())
    }
}
