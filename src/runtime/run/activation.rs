//! Activations: tables, Relu, PRelu, Clip, Neg.
//!
//! Never: activations fused into other operators, functions of floats (`function`).

use crate::chip::{Family, QuantType, Table};
use crate::espdl::DataType;
use crate::kernels::integer::elementwise::{Shift, map, shifted};
use crate::ops;
use crate::{Result, bail};

use super::kernel::{Inputs, Kernel};
use super::node_context::Step;
use super::requantize::assign;
use super::round::{round, rounding, scale, shift};
use super::value::QuantizedInteger;

/// Operators for which the loader makes a table at int16 (`dl_module_lut.hpp`).
const TABLE_16: &[&str] = &["Gelu", "LUT"];

/// Prepares a node's lookup table, if it has one and the chip uses it.
pub fn table(step: &Step) -> Result<Option<Kernel>> {
    let op = step.node.op.as_str();
    let used = match step.quant_type() {
        QuantType::S8 => ops::on_chip(op).is_some_and(|chip| chip.table != Table::Never),
        QuantType::S16 => TABLE_16.contains(&op),
        _ => false,
    };
    let Some(table) = step.table.filter(|_| used) else { return Ok(None) };
    if table.exponent() != step.exponent()? {
        bail!("its table has exponent {}, but its output {}", table.exponent(), step.exponent()?);
    }
    let kernel = match step.quant_type() {
        QuantType::S8 => {
            let dims = step.quantized::<i8>(0)?.dims.clone();
            let entries = table.constant()?.quantized::<i8>()?;
            let Ok(entries) = <[i8; 256]>::try_from(entries) else {
                bail!("its table has {} entries, but int8 needs 256", entries.len());
            };
            if let Some((low, high)) = clamp(&entries) {
                step.makes(dims, move |inputs| mapped::<i8>(inputs, move |x| x.clamp(low, high)))?
            } else {
                // In bounds: 256 entries.
                let look = move |&x: &i8| entries[(i16::from(x) + 128) as usize];
                step.makes(dims, move |inputs| Ok(inputs.quantized::<i8>(0)?.iter().map(look).collect()))?
            }
        }
        _ => {
            let dims = step.quantized::<i16>(0)?.dims.clone();
            let entries = table.constant()?.quantized::<i16>()?.to_vec();
            let steps = entries.len().saturating_sub(1);
            if !steps.is_power_of_two() || !(2..=65536).contains(&steps) {
                bail!("its table has {} entries, but int16 needs a power of two plus one", entries.len());
            }
            let (bits, family) = (16 - steps.trailing_zeros() as i32, step.family());
            step.makes(dims, move |inputs| {
                // In bounds: at most 65535 + half a step, shifted by the step's bits.
                let look = |&x: &i16| entries[shift(i64::from(x) + 32768, bits, family) as usize];
                Ok(inputs.quantized::<i16>(0)?.iter().map(look).collect::<Vec<i16>>())
            })?
        }
    };
    Ok(Some(kernel))
}

/// Returns the smallest and largest entry of a table that only clamps, like that of a Clip or Relu.
fn clamp(entries: &[i8; 256]) -> Option<(i32, i32)> {
    let (low, high) = (i32::from(entries[0]), i32::from(entries[255]));
    let leaves = |(x, &y): (i32, &i8)| i32::from(y) == x.max(low).min(high);
    (low <= high && (-128..).zip(entries).all(leaves)).then_some((low, high))
}

/// Applies an operation to each element of input 0.
fn mapped<T: QuantizedInteger>(inputs: &Inputs, op: impl Fn(i32) -> i32 + Copy) -> Result<Vec<T>> {
    let x = inputs.quantized::<T>(0)?;
    let mut made = vec![T::default(); x.len()];
    map(x, &mut made, op);
    Ok(made)
}

/// Prepares Relu, which rescales in float. This equals a shift: 16 bits fit a float.
pub fn relu(step: &Step) -> Result<Kernel> {
    fn of<T: QuantizedInteger>(step: &Step) -> Result<Kernel> {
        let input = step.quantized::<T>(0)?;
        let (distance, family) = (step.exponent()? - input.exponent(), step.family());
        let fast = Shift::new(distance, rounding(family));
        step.makes(input.dims.clone(), move |inputs| {
            let x = inputs.quantized::<T>(0)?;
            let Some(fast) = fast else {
                return Ok(x.iter().map(|x| T::clamp_from(shift(x.wide().max(0), distance, family))).collect());
            };
            let mut made = vec![T::default(); x.len()];
            shifted(x, &mut made, fast, 0);
            Ok(made)
        })
    }
    match step.quant_type() {
        QuantType::S8 => of::<i8>(step),
        QuantType::S16 => of::<i16>(step),
        _ => {
            let dims = step.floats(0)?.dims.clone();
            Ok(step.makes_floats(dims, |inputs| {
                Ok(inputs.floats(0)?.iter().map(|&x| if x < 0.0 { 0.0 } else { x }).collect())
            }))
        }
    }
}

pub fn clip(step: &Step) -> Result<Kernel> {
    fn of<T: QuantizedInteger>(step: &Step) -> Result<Kernel> {
        let input = step.quantized::<T>(0)?;
        let bounds = [bound(step, 1, T::TYPE)?, bound(step, 2, T::TYPE)?];
        let (factor, family) = (scale(input.exponent())? * scale(-step.exponent()?)?, step.family());
        // The same as in `relu`.
        let fast = Shift::new(step.exponent()? - input.exponent(), rounding(family));
        step.makes(input.dims.clone(), move |inputs| {
            let [low, high] =
                bounds.map(|port| port.and_then(|port| inputs.quantized::<T>(port).ok()?.first().copied()));
            let (low, high) = (low.map_or(T::MIN, |v| v.short().into()), high.map_or(T::MAX, |v| v.short().into()));
            if let Some(fast) = fast {
                return mapped::<T>(inputs, |x| fast.of(if x < low { low } else { x.min(high) }));
            }
            let (low, high) = (i64::from(low), i64::from(high));
            let clip = |x: &T| {
                let inside = if x.wide() < low { low } else { x.wide().min(high) };
                T::clamp_from(round(inside as f32 * factor, family))
            };
            Ok(inputs.quantized::<T>(0)?.iter().map(clip).collect())
        })
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
/// Prepares Clip. Without a lower bound, it is the smallest float above 0: `numeric_limits<float>::min()`.
fn clip_float(step: &Step) -> Result<Kernel> {
    let dims = step.floats(0)?.dims.clone();
    let bounds = [bound(step, 1, DataType::Float)?, bound(step, 2, DataType::Float)?];
    Ok(step.makes_floats(dims, move |inputs| {
        let [low, high] = bounds.map(|port| port.and_then(|port| inputs.floats(port).ok()?.first().copied()));
        let (low, high) = (low.unwrap_or(f32::MIN_POSITIVE), high.unwrap_or(f32::MAX));
        let clip = |&x: &f32| if x < low { low } else { x.min(high) };
        Ok(inputs.floats(0)?.iter().map(clip).collect())
    }))
}

/// Returns the port of a bound, if the node has it.
fn bound(step: &Step, port: usize, data_type: DataType) -> Result<Option<usize>> {
    let Some(fact) = step.optional(port) else { return Ok(None) };
    if fact.len() == 0 {
        bail!("its bound {port} is empty");
    }
    if fact.data_type != data_type {
        bail!("it reads {}, but the value is {}", data_type.name(), fact.data_type.name());
    }
    Ok(Some(port))
}

/// Prepares PRelu, with slopes along the last axis. Portable code, and int16 (`prelu_11c`), copies positive inputs and
/// rounds negative ones down; vector code at int8 rescales and rounds both.
pub fn prelu(step: &Step) -> Result<Kernel> {
    match step.quant_type() {
        QuantType::S8 => prelu_of::<i8>(step, step.family() != Family::C),
        QuantType::S16 => prelu_of::<i16>(step, false),
        _ => prelu_float(step),
    }
}

fn prelu_float(step: &Step) -> Result<Kernel> {
    let (input, alpha) = (step.floats(0)?, step.floats(1)?);
    let &[_, _, _, channels] = input.dims.as_slice() else {
        bail!("an input of shape {:?}, but the chip reads NHWC", input.dims);
    };
    let first = alpha.dims.first().copied().unwrap_or(0);
    let is_one = first == 1;
    if alpha.len() == 0 || (!is_one && (first != channels || alpha.len() != channels)) {
        bail!("slopes of shape {:?} on an input of shape {:?}", alpha.dims, input.dims);
    }
    Ok(step.makes_floats(input.dims.clone(), move |inputs| {
        let slopes = inputs.floats(1)?;
        let slopes = if is_one { &slopes[..1] } else { slopes };
        let one = |(&x, slope): (&f32, &f32)| if x >= 0.0 { x } else { x * slope };
        Ok(inputs.floats(0)?.iter().zip(slopes.iter().cycle()).map(one).collect())
    }))
}

fn prelu_of<T: QuantizedInteger>(step: &Step, rescales: bool) -> Result<Kernel> {
    let (input, alpha) = (step.quantized::<T>(0)?, step.quantized::<T>(1)?);
    let channels = input.dims.last().copied().unwrap_or(0);
    // The loader repeats a single slope at int16 (`get_output_shape` in `dl_module_prelu.hpp`).
    let is_one = T::BITS == 16 && alpha.len() == 1;
    let fits = is_one || alpha.len() == channels;
    if input.dims.len() != 4 || alpha.dims.len() != 3 || !fits || channels == 0 {
        bail!(
            "slopes of shape {:?} on an input of shape {:?}, but the chip reads [C, 1, 1] and NHWC",
            alpha.dims,
            input.dims
        );
    }
    if input.dims.first() != Some(&1) {
        bail!("a batch of {:?}, of which the chip computes only the first sample", input.dims.first());
    }
    let up = step.exponent()? - input.exponent();
    let distance = up - alpha.exponent();
    if !(0..=31).contains(&distance) {
        bail!("its products need a right shift of {distance}, but the chip supports 0 to 31");
    }
    if rescales && up < -6 {
        bail!("positive inputs are shifted left by {} bits, but the chip's factor has 6", -up);
    }
    let family = step.family();
    step.makes(input.dims.clone(), move |inputs| {
        let slopes = inputs.quantized::<T>(1)?;
        let one = |(x, slope): (&T, &T)| {
            let (x, slope) = (x.wide(), slope.wide());
            T::clamp_from(match (x < 0, rescales) {
                (true, false) => (x * slope) >> distance,
                (false, false) => x,
                (true, true) => shift(x * slope, distance, family),
                (false, true) => shift(x, up, family),
            })
        };
        let x = inputs.quantized::<T>(0)?.iter();
        Ok(x.zip(slopes.iter().cycle()).map(one).collect())
    })
}

/// Prepares Neg. The loader creates a module for integers with or without a table (`dl_module_neg.hpp`).
pub fn neg(step: &Step) -> Result<Kernel> {
    fn of<T: QuantizedInteger>(step: &Step) -> Result<Kernel> {
        let input = step.quantized::<T>(0)?;
        if input.exponent() != step.exponent()? {
            bail!(
                "input exponent {} becomes {}, but the chip negates integers unscaled",
                input.exponent(),
                step.exponent()?
            );
        }
        step.makes(input.dims.clone(), |inputs| mapped::<T>(inputs, |x| -x))
    }
    match step.quant_type() {
        QuantType::S8 => of::<i8>(step),
        QuantType::S16 => of::<i16>(step),
        _ => {
            let dims = step.floats(0)?.dims.clone();
            Ok(step.makes_floats(dims, |inputs| Ok(inputs.floats(0)?.iter().map(|x| -x).collect())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_only_clamps_is_recognized() {
        let table = |f: fn(i32) -> i32| std::array::from_fn(|i| f(i as i32 - 128) as i8);
        assert_eq!(clamp(&table(|x| x.clamp(0, 96))), Some((0, 96)));
        assert_eq!(clamp(&table(|x| x)), Some((-128, 127)));
        assert_eq!(clamp(&table(|_| 3)), Some((3, 3)));
        assert_eq!(clamp(&table(|x| -x.max(-127))), None);
        assert_eq!(clamp(&table(|x| (x / 2).max(0))), None);
    }
}
