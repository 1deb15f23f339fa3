//! Concat, and other operators that combine elements of several values.
//!
//! Never: arithmetic.

use std::sync::Arc;

use crate::{Result, bail};

use super::kernel::{Inputs, Kernel};
use super::node_context::Step;
use super::value::{Data, Fact};

/// Prepares Concat, which copies integers; exponents must be equal.
pub fn concat(step: &Step) -> Result<Kernel> {
    let first = step.input(0)?;
    let axis = step.axis(step.int("axis", 0), first.dims.len())?;
    let count = step.inputs.len();
    let inputs = (0..count).map(|i| step.input(i)).collect::<Result<Vec<&Fact>>>()?;
    let mut dims = first.dims.clone();
    // In bounds: `axis` is below the rank, and every input's shape is compared with the first's.
    dims[axis] = 0;
    for input in &inputs {
        let mut other = input.dims.clone();
        if other.len() != dims.len() {
            bail!("inputs of shapes {:?} and {other:?} cannot be concatenated", first.dims);
        }
        dims[axis] += other[axis];
        other[axis] = dims[axis];
        if other != dims || input.data_type != first.data_type {
            bail!("inputs of shapes {:?} and {:?} cannot be concatenated along axis {axis}", first.dims, input.dims);
        }
        if input.exponent() != step.exponent()? && input.is_quantized() {
            bail!(
                "an input's exponent {} becomes {}, but the chip copies integers unscaled",
                input.exponent(),
                step.exponent()?
            );
        }
    }
    let runs: Vec<usize> = inputs.iter().map(|v| v.dims[axis..].iter().product()).collect();
    let fact = super::shape_ops::moved(step, first, dims)?;
    Ok(Kernel::new(fact, move |inputs: &Inputs| {
        let all = (0..count).map(|i| inputs.get(i)).collect::<Result<Vec<&Arc<Data>>>>()?;
        macro_rules! joined {
            ($($variant:ident)*) => {
                match all.first().map(|data| data.as_ref()) {
                    $(Some(Data::$variant(_)) => {
                        let parts = all.iter().filter_map(|data| match data.as_ref() {
                            Data::$variant(values) => Some(values.as_slice()),
                            _ => None,
                        });
                        Ok(Data::$variant(join(&parts.collect::<Vec<_>>(), &runs)))
                    })*
                    None => bail!("it has no inputs"),
                }
            };
        }
        joined!(Bool I8 I16 I32 I64 F32)
    }))
}

/// Joins parts: a run of each, then the next run of each.
fn join<T: Copy>(parts: &[&[T]], runs: &[usize]) -> Vec<T> {
    let mut made = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
    let rows = parts.iter().zip(runs).find(|(_, run)| **run > 0).map_or(0, |(part, run)| part.len() / run);
    for row in 0..rows {
        // In bounds: all parts have the same number of runs.
        parts.iter().zip(runs).for_each(|(part, run)| made.extend_from_slice(&part[row * run..(row + 1) * run]));
    }
    made
}
