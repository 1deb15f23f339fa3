//! Pow and Mod, which are floats at every width (`dl_base_pow.cpp`, `dl_base_mod.cpp`).
//!
//! The chip's `powf` is its C library's; its last bit may differ from the one here.
//!
//! Never: Mod with the divisor's sign: the attribute `fmod` is not looked at.

use crate::chip::QuantType;
use crate::{Result, bail};

use super::elementwise::{broadcast, indices, merged};
use super::round::{finite, round, scale};
use super::step::Step;
use super::value::{Value, Whole};

pub fn powers(step: &Step) -> Result<Vec<Value>> {
    match step.quant_type() {
        QuantType::S8 => powers_of::<i8>(step),
        QuantType::S16 => powers_of::<i16>(step),
        _ => {
            let (a, b) = (step.input(0)?.floats()?, step.input(1)?.floats()?);
            let (dims, values) = each(step, a, b)?;
            Ok(step.floats(dims, values))
        }
    }
}

fn powers_of<T: Whole>(step: &Step) -> Result<Vec<Value>> {
    let read = |index: usize| -> Result<Vec<f32>> {
        let value = step.input(index)?;
        let enter = scale(value.exponent());
        Ok(value.whole::<T>()?.iter().map(|x| f32::from(x.short()) * enter).collect())
    };
    let leave = scale(-step.exponent()?);
    let (dims, values) = each(step, &read(0)?, &read(1)?)?;
    let leaves = |x: f32| Ok(T::clamp_from(round(finite(x)? * leave, step.family())));
    step.whole(dims, values.into_iter().map(leaves).collect::<Result<Vec<T>>>()?)
}

fn each(step: &Step, a: &[f32], b: &[f32]) -> Result<(Vec<usize>, Vec<f32>)> {
    let (a_dims, b_dims) = (&step.input(0)?.dims, &step.input(1)?.dims);
    let dims = broadcast(a_dims, b_dims)?;
    let (_, rank) = merged(a_dims, b_dims, &dims);
    if rank > 4 {
        bail!("shapes {a_dims:?} and {b_dims:?} need {rank} loops, the chip has 4");
    }
    let function: fn(f32, f32) -> f32 = match step.node.op.as_str() {
        "Pow" => libm::powf,
        // A divisor of 0 leaves 0.
        "Mod" => |x, y| if y == 0.0 { 0.0 } else { libm::fmodf(x, y) },
        _ => return step.unsupported(),
    };
    let pairs = indices(a_dims, &dims).into_iter().zip(indices(b_dims, &dims));
    // In bounds: the indices are of the operands' shapes.
    let values = pairs.map(|(i, j)| function(a[i], b[j])).collect();
    Ok((dims, values))
}
