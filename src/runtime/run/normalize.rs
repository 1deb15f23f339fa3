//! LayerNormalization, RMSNormalization, LpNormalization: sums of integers where the source has them, otherwise float,
//! in the source's order (`dl_module_layer_normalization.hpp`, `dl_module_rms_normalization.hpp`,
//! `dl_module_lp_normalization.hpp`).
//!
//! Never: statistics over a batch.

use crate::chip::QuantType;
use crate::espdl::DataType;
use crate::{Result, bail};

use super::kernel::{Inputs, Kernel};
use super::node_context::Step;
use super::round::{round, scale};
use super::sqrt::{inverse, newton};
use super::value::{Fact, QuantizedInteger};

pub fn layer(step: &Step) -> Result<Kernel> {
    if step.node.outputs.iter().skip(1).any(|name| !name.is_empty()) {
        bail!("it has the outputs Mean and InvStdDev, for which esp-ppq writes no scale");
    }
    match step.quant_type() {
        QuantType::S8 => layer_of::<i8>(step),
        QuantType::S16 => layer_of::<i16>(step),
        _ => layer_float(step),
    }
}

pub fn rms(step: &Step) -> Result<Kernel> {
    match step.quant_type() {
        QuantType::S8 => rms_of::<i8>(step),
        QuantType::S16 => rms_of::<i16>(step),
        _ => rms_float(step),
    }
}

pub fn lp(step: &Step) -> Result<Kernel> {
    match step.quant_type() {
        QuantType::S8 => lp_of::<i8>(step),
        QuantType::S16 => lp_of::<i16>(step),
        _ => lp_float(step),
    }
}

/// Returns the number of elements per row: all axes from `axis` on.
fn row(step: &Step, input: &Fact) -> Result<usize> {
    let axis = step.axis(step.int("axis", -1), input.dims.len())?;
    // In bounds: `axis` is below the rank.
    match input.dims[axis..].iter().product() {
        0 => bail!("its input of shape {:?} has empty rows", input.dims),
        length => Ok(length),
    }
}

/// Returns the port and scale of a factor or offset with one value per element of a row, if there is one.
fn factors(step: &Step, index: usize, what: &str, length: usize, data_type: DataType) -> Result<Option<(usize, f32)>> {
    let Some(fact) = step.optional(index) else { return Ok(None) };
    if fact.data_type != data_type {
        bail!("it reads {}, but the value is {}", data_type.name(), fact.data_type.name());
    }
    if fact.len() != length {
        bail!("its {what} has {} values for rows of {length}", fact.len());
    }
    Ok(Some((index, scale(fact.exponent())?)))
}

/// Returns the values of the port from [`factors`] as floats; `absent` if there is none.
fn read<T: QuantizedInteger>(
    inputs: &Inputs,
    port: Option<(usize, f32)>,
    absent: f32,
    length: usize,
) -> Result<Vec<f32>> {
    let Some((port, scale)) = port else { return Ok(vec![absent; length]) };
    Ok(inputs.quantized::<T>(port)?.iter().map(|&v| f32::from(v.short()) * scale).collect())
}

fn epsilon(step: &Step) -> Result<f32> {
    step.float("epsilon", 1e-5)
}

fn layer_of<T: QuantizedInteger>(step: &Step) -> Result<Kernel> {
    let input = step.quantized::<T>(0)?;
    let (length, epsilon, family) = (row(step, input)?, epsilon(step)?, step.family());
    let ports = (factors(step, 1, "scale", length, T::TYPE)?, factors(step, 2, "bias", length, T::TYPE)?);
    let (enter, leave) = (scale(input.exponent())?, scale(-step.exponent()?)?);
    step.makes(input.dims.clone(), move |inputs| {
        let input = inputs.quantized::<T>(0)?;
        let (factors, offsets) = (read::<T>(inputs, ports.0, 1.0, length)?, read::<T>(inputs, ports.1, 0.0, length)?);
        let mut made = Vec::with_capacity(input.len());
        for row in input.chunks_exact(length) {
            let sum: i64 = row.iter().map(|x| x.wide()).sum();
            // The division is in double.
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
                made.push(T::clamp_from(round((normal * factor + offset) * leave, family)));
            }
        }
        Ok(made)
    })
}

fn layer_float(step: &Step) -> Result<Kernel> {
    let input = step.floats(0)?;
    let (length, epsilon) = (row(step, input)?, epsilon(step)?);
    let (factor, offset) =
        (factors(step, 1, "scale", length, DataType::Float)?, factors(step, 2, "bias", length, DataType::Float)?);
    Ok(step.makes_floats(input.dims.clone(), move |inputs| {
        let input = inputs.floats(0)?;
        let read = |port: Option<(usize, f32)>, absent: f32| match port {
            Some((port, _)) => inputs.floats(port).map(<[f32]>::to_vec),
            None => Ok(vec![absent; length]),
        };
        let (factors, offsets) = (read(factor, 1.0)?, read(offset, 0.0)?);
        let mut made = Vec::with_capacity(input.len());
        for row in input.chunks_exact(length) {
            let mean = row.iter().fold(0f32, |sum, x| sum + x) / length as f32;
            let spread = row.iter().fold(0f32, |sum, x| sum + (x - mean) * (x - mean)) / length as f32;
            let inverse = 1.0 / newton(spread + epsilon)?;
            let elements = row.iter().zip(&factors).zip(&offsets);
            made.extend(elements.map(|((x, factor), offset)| (x - mean) * inverse * factor + offset));
        }
        Ok(made)
    }))
}

/// Returns the row's length; its factors stay in float.
fn rms_row(step: &Step, input: &Fact) -> Result<usize> {
    let length = row(step, input)?;
    step.floats(1)?;
    factors(step, 1, "scale", length, DataType::Float)?;
    Ok(length)
}

fn rms_of<T: QuantizedInteger>(step: &Step) -> Result<Kernel> {
    let input = step.quantized::<T>(0)?;
    let (length, epsilon, family) = (rms_row(step, input)?, epsilon(step)?, step.family());
    let (enter, leave) = (scale(input.exponent())?, scale(-step.exponent()?)?);
    step.makes(input.dims.clone(), move |inputs| {
        let (input, factors) = (inputs.quantized::<T>(0)?, inputs.floats(1)?);
        let mut made = Vec::with_capacity(input.len());
        for row in input.chunks_exact(length) {
            let mean = squares(row.iter())? as f32 * (enter * enter) / length as f32;
            let inverse = inverse(mean + epsilon) * (enter * leave);
            let elements = row.iter().zip(factors);
            made.extend(
                elements.map(|(x, factor)| T::clamp_from(round(f32::from(x.short()) * inverse * factor, family))),
            );
        }
        Ok(made)
    })
}

fn rms_float(step: &Step) -> Result<Kernel> {
    let input = step.floats(0)?;
    let (length, epsilon) = (rms_row(step, input)?, epsilon(step)?);
    Ok(step.makes_floats(input.dims.clone(), move |inputs| {
        let (input, factors) = (inputs.floats(0)?, inputs.floats(1)?);
        let mut made = Vec::with_capacity(input.len());
        for row in input.chunks_exact(length) {
            let mean = row.iter().fold(0f32, |sum, x| sum + x * x) / length as f32;
            let inverse = inverse(mean + epsilon);
            made.extend(row.iter().zip(factors).map(|(x, factor)| x * inverse * factor));
        }
        Ok(made)
    }))
}

/// Sums squares like `reduce_l2`, whose sum has 32 bits at int8.
fn squares<'a, T: QuantizedInteger + 'a>(values: impl Iterator<Item = &'a T>) -> Result<i64> {
    let sum: i64 = values.map(|x| x.wide() * x.wide()).sum();
    if T::BITS == 8 && sum > i64::from(i32::MAX) {
        bail!("its sum of squares is {sum}, but the chip's has 32 bits");
    }
    Ok(sum)
}

/// Columns along an axis.
#[derive(Clone, Copy)]
struct Columns {
    length: usize,
    outer: usize,
    inner: usize,
    /// Order of the norm: 1, or 2 for all other values.
    p: i64,
}

impl Columns {
    fn new(step: &Step, input: &Fact) -> Result<Columns> {
        let axis = step.axis(step.int("axis", -1), input.dims.len())?;
        // In bounds: `axis` is below the rank.
        let (length, inner) = (input.dims[axis], input.dims[axis + 1..].iter().product());
        Ok(Columns { length, outer: input.dims[..axis].iter().product(), inner, p: step.int("p", 2) })
    }

    /// Visits the positions of one column after the other.
    fn all(self) -> impl Iterator<Item = impl Iterator<Item = usize> + Clone> {
        let Columns { length, outer, inner, .. } = self;
        (0..outer).flat_map(move |o| (0..inner).map(move |k| (0..length).map(move |i| (o * length + i) * inner + k)))
    }

    /// Inverts a norm; that of zeros is 1, so that they stay zeros.
    fn inverted(self, norm: f32) -> f32 {
        match self.p {
            _ if norm <= 0.0 => 0.0,
            1 => 1.0 / norm,
            _ => inverse(norm),
        }
    }
}

/// Prepares the operator for integers: the input's exponent cancels out.
fn lp_of<T: QuantizedInteger>(step: &Step) -> Result<Kernel> {
    let input = step.quantized::<T>(0)?;
    let (columns, leave, family) = (Columns::new(step, input)?, scale(-step.exponent()?)?, step.family());
    step.makes(input.dims.clone(), move |inputs| {
        let values = inputs.quantized::<T>(0)?;
        let mut made = vec![T::default(); values.len()];
        for column in columns.all() {
            // In bounds: a column's positions are in the input.
            let norm = match columns.p {
                1 => column.clone().fold(0f32, |sum, i| sum + f32::from(values[i].short()).abs()),
                _ => squares(column.clone().map(|i| &values[i]))? as f32,
            };
            let inverse = columns.inverted(norm) * leave;
            column.for_each(|i| made[i] = T::clamp_from(round(f32::from(values[i].short()) * inverse, family)));
        }
        Ok(made)
    })
}

fn lp_float(step: &Step) -> Result<Kernel> {
    let input = step.floats(0)?;
    let columns = Columns::new(step, input)?;
    Ok(step.makes_floats(input.dims.clone(), move |inputs| {
        let values = inputs.floats(0)?;
        let mut made = vec![0f32; values.len()];
        for column in columns.all() {
            // In bounds: a column's positions are in the input.
            let norm = match columns.p {
                1 => column.clone().fold(0f32, |sum, i| sum + values[i].abs()),
                _ => column.clone().fold(0f32, |sum, i| sum + values[i] * values[i]),
            };
            let inverse = columns.inverted(norm);
            column.for_each(|i| made[i] = values[i] * inverse);
        }
        Ok(made)
    }))
}
