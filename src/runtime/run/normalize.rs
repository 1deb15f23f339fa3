//! LayerNormalization, RMSNormalization, LpNormalization: sums of integers where the source has them, the rest in float,
//! in its order (`dl_module_layer_normalization.hpp`, `dl_module_rms_normalization.hpp`, `dl_module_lp_normalization.hpp`).
//!
//! Never: statistics over a batch.

use crate::chip::QuantType;
use crate::{Result, bail};

use super::roots::{inverse, newton};
use super::round::{round, scale};
use super::step::Step;
use super::value::{Value, Whole};

pub fn layer(step: &Step) -> Result<Vec<Value>> {
    if step.node.outputs.iter().skip(1).any(|name| !name.is_empty()) {
        bail!("it gives its mean and deviation away, for which esp-ppq writes no scale");
    }
    match step.quant_type() {
        QuantType::S8 => layer_of::<i8>(step),
        QuantType::S16 => layer_of::<i16>(step),
        _ => layer_float(step),
    }
}

pub fn rms(step: &Step) -> Result<Vec<Value>> {
    match step.quant_type() {
        QuantType::S8 => rms_of::<i8>(step),
        QuantType::S16 => rms_of::<i16>(step),
        _ => rms_float(step),
    }
}

pub fn lp(step: &Step) -> Result<Vec<Value>> {
    match step.quant_type() {
        QuantType::S8 => lp_of::<i8>(step),
        QuantType::S16 => lp_of::<i16>(step),
        _ => lp_float(step),
    }
}

/// Elements of a row: all axes from `axis` on.
fn row(step: &Step, input: &Value) -> Result<usize> {
    let axis = step.axis(step.int("axis", -1), input.dims.len())?;
    // In bounds: `axis` is below the rank.
    match input.dims[axis..].iter().product() {
        0 => bail!("its input of shape {:?} has empty rows", input.dims),
        length => Ok(length),
    }
}

/// One factor or offset an element of a row, if there are any.
fn held(what: &str, given: usize, length: usize) -> Result<()> {
    if given != length {
        bail!("its {what} has {given} values for rows of {length}");
    }
    Ok(())
}

fn epsilon(step: &Step) -> Result<f32> {
    step.float("epsilon", 1e-5)
}

fn layer_of<T: Whole>(step: &Step) -> Result<Vec<Value>> {
    let input = step.input(0)?;
    let (length, epsilon) = (row(step, input)?, epsilon(step)?);
    let read = |index: usize, what: &str, absent: f32| -> Result<Vec<f32>> {
        let Some(value) = step.optional(index) else { return Ok(vec![absent; length]) };
        let values = value.whole::<T>()?;
        held(what, values.len(), length)?;
        Ok(values.iter().map(|&v| f32::from(v.short()) * scale(value.exponent())).collect())
    };
    let (factors, offsets) = (read(1, "scale", 1.0)?, read(2, "bias", 0.0)?);
    let (enter, leave) = (scale(input.exponent()), scale(-step.exponent()?));
    let mut made = Vec::with_capacity(input.data.len());
    for row in input.whole::<T>()?.chunks_exact(length) {
        let sum: i64 = row.iter().map(|x| x.wide()).sum();
        // The division is one of doubles.
        let mean = (sum as f64 / length as f64) as f32;
        let square = |x: &T| {
            let apart = f32::from(x.short()) - mean;
            apart * apart
        };
        let spread = row.iter().fold(0f32, |sum, x| sum + square(x)) * (enter * enter) / length as f32;
        let inverse = 1.0 / newton(spread + epsilon)?;
        let mean = mean * enter;
        for ((x, factor), offset) in row.iter().zip(&factors).zip(&offsets) {
            let normal = (f32::from(x.short()) * enter - mean) * inverse;
            made.push(T::clamp_from(round((normal * factor + offset) * leave, step.family())));
        }
    }
    step.whole(input.dims.clone(), made)
}

fn layer_float(step: &Step) -> Result<Vec<Value>> {
    let input = step.input(0)?;
    let (length, epsilon) = (row(step, input)?, epsilon(step)?);
    let read = |index: usize, what: &str, absent: f32| -> Result<Vec<f32>> {
        let Some(value) = step.optional(index) else { return Ok(vec![absent; length]) };
        held(what, value.data.len(), length)?;
        Ok(value.floats()?.to_vec())
    };
    let (factors, offsets) = (read(1, "scale", 1.0)?, read(2, "bias", 0.0)?);
    let mut made = Vec::with_capacity(input.data.len());
    for row in input.floats()?.chunks_exact(length) {
        let mean = row.iter().fold(0f32, |sum, x| sum + x) / length as f32;
        let spread = row.iter().fold(0f32, |sum, x| sum + (x - mean) * (x - mean)) / length as f32;
        let inverse = 1.0 / newton(spread + epsilon)?;
        let elements = row.iter().zip(&factors).zip(&offsets);
        made.extend(elements.map(|((x, factor), offset)| (x - mean) * inverse * factor + offset));
    }
    Ok(step.floats(input.dims.clone(), made))
}

/// Its factors stay float.
fn rms_of<T: Whole>(step: &Step) -> Result<Vec<Value>> {
    let (input, factors) = (step.input(0)?, step.input(1)?.floats()?);
    let (length, epsilon) = (row(step, input)?, epsilon(step)?);
    held("scale", factors.len(), length)?;
    let (enter, leave) = (scale(input.exponent()), scale(-step.exponent()?));
    let mut made = Vec::with_capacity(input.data.len());
    for row in input.whole::<T>()?.chunks_exact(length) {
        let mean = squares(row.iter())? as f32 * (enter * enter) / length as f32;
        let inverse = inverse(mean + epsilon) * (enter * leave);
        let elements = row.iter().zip(factors);
        made.extend(
            elements.map(|(x, factor)| T::clamp_from(round(f32::from(x.short()) * inverse * factor, step.family()))),
        );
    }
    step.whole(input.dims.clone(), made)
}

fn rms_float(step: &Step) -> Result<Vec<Value>> {
    let (input, factors) = (step.input(0)?, step.input(1)?.floats()?);
    let (length, epsilon) = (row(step, input)?, epsilon(step)?);
    held("scale", factors.len(), length)?;
    let mut made = Vec::with_capacity(input.data.len());
    for row in input.floats()?.chunks_exact(length) {
        let mean = row.iter().fold(0f32, |sum, x| sum + x * x) / length as f32;
        let inverse = inverse(mean + epsilon);
        made.extend(row.iter().zip(factors).map(|(x, factor)| x * inverse * factor));
    }
    Ok(step.floats(input.dims.clone(), made))
}

/// `reduce_l2`, whose sum has 32 bits at int8.
fn squares<'a, T: Whole + 'a>(values: impl Iterator<Item = &'a T>) -> Result<i64> {
    let sum: i64 = values.map(|x| x.wide() * x.wide()).sum();
    if T::BITS == 8 && sum > i64::from(i32::MAX) {
        bail!("its squares add up to {sum}, the chip's sum has 32 bits");
    }
    Ok(sum)
}

/// Places of one column after the other, along the axis.
fn columns(step: &Step, input: &Value) -> Result<Vec<Vec<usize>>> {
    let axis = step.axis(step.int("axis", -1), input.dims.len())?;
    // In bounds: `axis` is below the rank.
    let (length, inner) = (input.dims[axis], input.dims[axis + 1..].iter().product::<usize>());
    let outer: usize = input.dims[..axis].iter().product();
    let column = |o: usize, k: usize| (0..length).map(|i| (o * length + i) * inner + k).collect();
    Ok((0..outer).flat_map(|o| (0..inner).map(move |k| (o, k))).map(|(o, k)| column(o, k)).collect())
}

/// Of integers: the input's exponent cancels out.
fn lp_of<T: Whole>(step: &Step) -> Result<Vec<Value>> {
    let input = step.input(0)?;
    let (values, leave) = (input.whole::<T>()?, scale(-step.exponent()?));
    let mut made = vec![T::default(); values.len()];
    for column in columns(step, input)? {
        // In bounds: a column's places are the input's.
        let norm = match step.int("p", 2) {
            1 => column.iter().fold(0f32, |sum, &i| sum + f32::from(values[i].short()).abs()),
            _ => squares(column.iter().map(|&i| &values[i]))? as f32,
        };
        let inverse = inverted(norm, step) * leave;
        for i in column {
            made[i] = T::clamp_from(round(f32::from(values[i].short()) * inverse, step.family()));
        }
    }
    step.whole(input.dims.clone(), made)
}

fn lp_float(step: &Step) -> Result<Vec<Value>> {
    let input = step.input(0)?;
    let values = input.floats()?;
    let mut made = vec![0f32; values.len()];
    for column in columns(step, input)? {
        // In bounds: a column's places are the input's.
        let norm = match step.int("p", 2) {
            1 => column.iter().fold(0f32, |sum, &i| sum + values[i].abs()),
            _ => column.iter().fold(0f32, |sum, &i| sum + values[i] * values[i]),
        };
        let inverse = inverted(norm, step);
        for i in column {
            made[i] = values[i] * inverse;
        }
    }
    Ok(step.floats(input.dims.clone(), made))
}

/// A column of zeros stays one.
fn inverted(norm: f32, step: &Step) -> f32 {
    match step.int("p", 2) {
        _ if norm <= 0.0 => 0.0,
        1 => 1.0 / norm,
        _ => inverse(norm),
    }
}
