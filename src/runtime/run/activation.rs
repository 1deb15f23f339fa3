//! Activations: tables, Relu, PRelu, Clip, Neg.
//!
//! Never: activations inside of other operators, nor those that are functions of floats (`function`).

use crate::chip::{Family, QuantType, Table};
use crate::ops;
use crate::{Result, bail};

use super::assign::assign;
use super::round::{round, scale, shift};
use super::step::Step;
use super::value::{Value, Whole};

/// Operators that the loader makes a table of at int16 (`dl_module_lut.hpp`).
const TABLE_16: &[&str] = &["Gelu", "LUT"];

/// The node by its lookup table, where it has one and the chip uses it.
pub fn table(step: &Step) -> Result<Option<Vec<Value>>> {
    let op = step.node.op.as_str();
    let used = match step.quant_type() {
        QuantType::S8 => ops::on_chip(op).is_some_and(|chip| chip.table != Table::Never),
        QuantType::S16 => TABLE_16.contains(&op),
        _ => false,
    };
    let Some(table) = step.table.filter(|_| used) else { return Ok(None) };
    if table.exponent() != step.exponent()? {
        bail!("its table has exponent {}, its output {}", table.exponent(), step.exponent()?);
    }
    let input = step.input(0)?;
    let made = match step.quant_type() {
        QuantType::S8 => {
            let entries = table.whole::<i8>()?;
            if entries.len() != 256 {
                bail!("its table has {} entries, int8 takes 256", entries.len());
            }
            // In bounds: 256 entries.
            let look = |&x: &i8| entries[(i16::from(x) + 128) as usize];
            step.whole(input.dims.clone(), input.whole::<i8>()?.iter().map(look).collect::<Vec<i8>>())?
        }
        _ => {
            let entries = table.whole::<i16>()?;
            let steps = entries.len().saturating_sub(1);
            if !steps.is_power_of_two() || !(2..=65536).contains(&steps) {
                bail!("its table has {} entries, int16 takes a power of two and one", entries.len());
            }
            let bits = 16 - steps.trailing_zeros() as i32;
            // In bounds: at most 65535 + half a step, shifted by the step's bits.
            let look = |&x: &i16| entries[shift(i64::from(x) + 32768, bits, step.family()) as usize];
            step.whole(input.dims.clone(), input.whole::<i16>()?.iter().map(look).collect::<Vec<i16>>())?
        }
    };
    Ok(Some(made))
}

/// Rescales by way of a float, which is a shift: 16 bits fit one.
pub fn relu(step: &Step) -> Result<Vec<Value>> {
    fn of<T: Whole>(step: &Step) -> Result<Vec<Value>> {
        let input = step.input(0)?;
        let distance = step.exponent()? - input.exponent();
        let one = |x: &T| T::clamp_from(shift(x.wide().max(0), distance, step.family()));
        step.whole(input.dims.clone(), input.whole::<T>()?.iter().map(one).collect())
    }
    match step.quant_type() {
        QuantType::S8 => of::<i8>(step),
        QuantType::S16 => of::<i16>(step),
        _ => {
            let input = step.input(0)?;
            let values = input.floats()?.iter().map(|&x| if x < 0.0 { 0.0 } else { x }).collect();
            Ok(step.floats(input.dims.clone(), values))
        }
    }
}

pub fn clip(step: &Step) -> Result<Vec<Value>> {
    fn of<T: Whole>(step: &Step) -> Result<Vec<Value>> {
        let input = step.input(0)?;
        let bound = |i: usize, open: i64| -> Result<i64> {
            let Some(value) = step.optional(i) else { return Ok(open) };
            match value.whole::<T>()?.first() {
                Some(bound) => Ok(bound.wide()),
                None => bail!("its bound {i} is empty"),
            }
        };
        let (low, high) = (bound(1, -1 << (T::BITS - 1))?, bound(2, (1 << (T::BITS - 1)) - 1)?);
        let factor = scale(input.exponent()) * scale(-step.exponent()?);
        let clip = |x: &T| {
            let inside = if x.wide() < low { low } else { x.wide().min(high) };
            T::clamp_from(round(inside as f32 * factor, step.family()))
        };
        step.whole(input.dims.clone(), input.whole::<T>()?.iter().map(clip).collect())
    }
    if step.inputs.len() == 1 {
        return assign(step);
    }
    match step.quant_type() {
        QuantType::S8 => of::<i8>(step),
        QuantType::S16 => of::<i16>(step),
        _ => clip_float(step),
    }
}

/// Without a lower bound, the least float above 0 is one: `numeric_limits<float>::min()`.
fn clip_float(step: &Step) -> Result<Vec<Value>> {
    let bound = |i: usize, open: f32| -> Result<f32> {
        let Some(value) = step.optional(i) else { return Ok(open) };
        match value.floats()?.first() {
            Some(&bound) => Ok(bound),
            None => bail!("its bound {i} is empty"),
        }
    };
    let (input, low, high) = (step.input(0)?, bound(1, f32::MIN_POSITIVE)?, bound(2, f32::MAX)?);
    let clip = |&x: &f32| if x < low { low } else { x.min(high) };
    Ok(step.floats(input.dims.clone(), input.floats()?.iter().map(clip).collect()))
}

/// Slopes by the last axis. Positive inputs are copied and negative ones rounded down in portable code and at int16
/// (`prelu_11c`); vector code at int8 rescales both and rounds.
pub fn prelu(step: &Step) -> Result<Vec<Value>> {
    match step.quant_type() {
        QuantType::S8 => prelu_of::<i8>(step, step.family() != Family::C),
        QuantType::S16 => prelu_of::<i16>(step, false),
        _ => prelu_float(step),
    }
}

fn prelu_float(step: &Step) -> Result<Vec<Value>> {
    let (input, alpha) = (step.input(0)?, step.input(1)?);
    let slopes = alpha.floats()?;
    let &[_, _, _, channels] = input.dims.as_slice() else {
        bail!("an input of shape {:?}; the chip reads NHWC", input.dims);
    };
    let first = alpha.dims.first().copied().unwrap_or(0);
    if slopes.is_empty() || (first != 1 && (first != channels || slopes.len() != channels)) {
        bail!("slopes of shape {:?} on an input of shape {:?}", alpha.dims, input.dims);
    }
    let slopes = if first == 1 { &slopes[..1] } else { slopes };
    let one = |(&x, slope): (&f32, &f32)| if x >= 0.0 { x } else { x * slope };
    let values = input.floats()?.iter().zip(slopes.iter().cycle()).map(one).collect();
    Ok(step.floats(input.dims.clone(), values))
}

fn prelu_of<T: Whole>(step: &Step, rescales: bool) -> Result<Vec<Value>> {
    let (input, alpha) = (step.input(0)?, step.input(1)?);
    let channels = input.dims.last().copied().unwrap_or(0);
    let mut slopes = alpha.whole::<T>()?.to_vec();
    // The loader repeats one slope at int16 (`get_output_shape` in `dl_module_prelu.hpp`).
    if T::BITS == 16 && slopes.len() == 1 {
        slopes = vec![slopes[0]; channels];
    }
    if input.dims.len() != 4 || alpha.dims.len() != 3 || slopes.len() != channels || channels == 0 {
        bail!(
            "slopes of shape {:?} on an input of shape {:?}; the chip reads [C, 1, 1] and NHWC",
            alpha.dims,
            input.dims
        );
    }
    let up = step.exponent()? - input.exponent();
    let distance = up - alpha.exponent();
    if !(0..=31).contains(&distance) {
        bail!("its products are shifted by {distance}, the chip shifts right by up to 31");
    }
    if rescales && up < -6 {
        bail!("positive inputs go {} bits to the left, the chip's factor has 6", -up);
    }
    let family = step.family();
    let one = |(x, slope): (&T, &T)| {
        let (x, slope) = (x.wide(), slope.wide());
        T::clamp_from(match (x < 0, rescales) {
            (true, false) => (x * slope) >> distance,
            (false, false) => x,
            (true, true) => shift(x * slope, distance, family),
            (false, true) => shift(x, up, family),
        })
    };
    let rows = input.whole::<T>()?.chunks_exact(channels);
    let values = rows.flat_map(|row| row.iter().zip(&slopes).map(one)).collect();
    step.whole(input.dims.clone(), values)
}

/// The loader makes a module of integers whether there is a table or not (`dl_module_neg.hpp`).
pub fn neg(step: &Step) -> Result<Vec<Value>> {
    fn of<T: Whole>(step: &Step) -> Result<Vec<Value>> {
        let input = step.input(0)?;
        if input.exponent() != step.exponent()? {
            bail!("input exponent {} becomes {}, but the chip negates integers", input.exponent(), step.exponent()?);
        }
        step.whole(input.dims.clone(), input.whole::<T>()?.iter().map(|x| T::clamp_from(-x.wide())).collect())
    }
    match step.quant_type() {
        QuantType::S8 => of::<i8>(step),
        QuantType::S16 => of::<i16>(step),
        _ => {
            let input = step.input(0)?;
            Ok(step.floats(input.dims.clone(), input.floats()?.iter().map(|x| -x).collect()))
        }
    }
}
