//! Add, Sub, Mul, Div with broadcasting.
//!
//! Add and Sub do not rescale integers (`dl_base_add.cpp`). Mul on a P4 or S3 is an exact shift if the innermost run of
//! elements fills a vector, and otherwise a float product (`dl_base_mul.cpp`); Div is always float.
//!
//! Never: comparisons.

use crate::chip::Family;
use crate::chip::QuantType;
use crate::kernels::integer::elementwise::{Operand, Shift, multiply, zip};
use crate::{Result, bail};

use super::broadcast::Pairs;
use super::kernel::Kernel;
use super::node_context::Step;
use super::round::{round, rounding, scale, shift};
use super::value::QuantizedInteger;

pub fn binary(step: &Step) -> Result<Kernel> {
    match step.quant_type() {
        QuantType::S8 => binary_of::<i8>(step),
        QuantType::S16 => binary_of::<i16>(step),
        _ => binary_float(step),
    }
}

fn binary_float(step: &Step) -> Result<Kernel> {
    let (a, b) = (step.floats(0)?, step.floats(1)?);
    let pairs = Pairs::new(&a.dims, &b.dims)?;
    let function: fn(f32, f32) -> f32 = match step.node.op.as_str() {
        "Add" => |x, y| x + y,
        "Sub" => |x, y| x - y,
        "Mul" => |x, y| x * y,
        // With one divisor per run, the chip multiplies by its inverse, which is a division of doubles.
        "Div" if pairs.inner[1] == 1 => |x, y| x * (1.0 / f64::from(y)) as f32,
        "Div" => |x, y| x / y,
        _ => return step.unsupported(),
    };
    let dims = pairs.dims.clone();
    Ok(step.makes_floats(dims, move |inputs| Ok(pairs.each(inputs.floats(0)?, inputs.floats(1)?, function))))
}

fn binary_of<T: QuantizedInteger>(step: &Step) -> Result<Kernel> {
    let (a, b) = (step.quantized::<T>(0)?, step.quantized::<T>(1)?);
    let pairs = Pairs::new(&a.dims, &b.dims)?;
    let (family, output) = (step.family(), step.exponent()?);
    let (ea, eb) = (a.exponent(), b.exponent());
    match step.node.op.as_str() {
        "Add" => runs(step, pairs, |a, b, to: &mut [T]| zip(a, b, to, |x, y| x + y)),
        "Sub" => runs(step, pairs, |a, b, to: &mut [T]| zip(a, b, to, |x, y| x - y)),
        "Mul" if family != Family::C && pairs.inner[2] >= 128 / T::BITS as usize => {
            let distance = output - ea - eb;
            if distance < 0 {
                bail!("output exponent {output} is below {ea} plus {eb}, but the chip shifts only right");
            }
            match Shift::new(distance, rounding(family)) {
                Some(shift) => runs(step, pairs, move |a, b, to: &mut [T]| multiply(a, b, to, shift)),
                None => each(step, pairs, move |x: T, y| shift(x.wide() * y.wide(), distance, family)),
            }
        }
        "Mul" => {
            let factor = scale(ea)? * scale(eb)? * scale(-output)?;
            // A product of 16-bit integers has more bits than a float.
            each(step, pairs, move |x: T, y| round((x.wide() * y.wide()) as f32 * factor, family))
        }
        "Div" => {
            let factor = scale(-output)? * scale(ea)? / scale(eb)?;
            // The chip's table of divisors gives this value.
            let nought = if T::BITS == 8 && a.len() == 1 && b.len() > 1 { i64::MIN } else { 0 };
            let one_divisor = pairs.inner[0] != 1 && pairs.inner[1] == 1;
            each(step, pairs, move |x: T, y| match (x.wide(), y.wide()) {
                (0, 0) => nought,
                (0, _) => 0,
                (x, 0) => x.signum() * i64::from(i32::MAX),
                (x, y) if one_divisor => round(x as f32 * (factor / y as f32), family),
                (x, y) => round(x as f32 * factor / y as f32, family),
            })
        }
        _ => step.unsupported(),
    }
}

/// Makes a kernel that writes one run of elements at a time.
fn runs<T: QuantizedInteger>(
    step: &Step,
    pairs: Pairs,
    run: impl Fn(Operand<T>, Operand<T>, &mut [T]) + Send + Sync + 'static,
) -> Result<Kernel> {
    step.makes(pairs.dims.clone(), move |inputs| {
        let (a, b) = (inputs.quantized::<T>(0)?, inputs.quantized::<T>(1)?);
        let mut made = vec![T::default(); pairs.dims.iter().product()];
        let rows = made.chunks_exact_mut(pairs.inner[2].max(1));
        pairs.runs(a, b).zip(rows).for_each(|((a, b), to)| run(a, b, to));
        Ok(made)
    })
}

/// Makes a kernel that computes one element at a time, saturated to the type's range.
fn each<T: QuantizedInteger>(
    step: &Step,
    pairs: Pairs,
    op: impl Fn(T, T) -> i64 + Send + Sync + 'static,
) -> Result<Kernel> {
    step.makes(pairs.dims.clone(), move |inputs| {
        Ok(pairs.each(inputs.quantized::<T>(0)?, inputs.quantized::<T>(1)?, |x, y| T::clamp_from(op(x, y))))
    })
}
