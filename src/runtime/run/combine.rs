//! Concat, and what else puts elements of several values together.
//!
//! Never: arithmetic.

use crate::{Result, bail};

use super::moves::moved;
use super::step::Step;
use super::value::{Data, Value};

/// Copies integers; exponents have to be equal.
pub fn concat(step: &Step) -> Result<Vec<Value>> {
    let first = step.input(0)?;
    let axis = step.axis(step.int("axis", 0), first.dims.len())?;
    let inputs = (0..step.inputs.len()).map(|i| step.input(i)).collect::<Result<Vec<&Value>>>()?;
    let mut dims = first.dims.clone();
    // In bounds: `axis` is below the rank, and every input's shape is held against the first's.
    dims[axis] = 0;
    for input in &inputs {
        let mut other = input.dims.clone();
        if other.len() != dims.len() {
            bail!("inputs of shapes {:?} and {other:?} cannot be joined", first.dims);
        }
        dims[axis] += other[axis];
        other[axis] = dims[axis];
        if other != dims || input.data.data_type() != first.data.data_type() {
            bail!("inputs of shapes {:?} and {:?} cannot be joined along axis {axis}", first.dims, input.dims);
        }
        if input.exponent() != step.exponent()? && matches!(input.data, Data::I8(_) | Data::I16(_)) {
            bail!(
                "an input's exponent {} becomes {}, but the chip copies integers",
                input.exponent(),
                step.exponent()?
            );
        }
    }
    fn join<'a, T: Copy + 'a>(parts: &[&'a [T]], runs: &[usize]) -> Vec<T> {
        let outer = parts.first().zip(runs.first()).map_or(0, |(part, &run)| part.len().checked_div(run).unwrap_or(0));
        let row = |i: usize| {
            parts.iter().zip(runs).flat_map(move |(part, &run)| part[i * run..(i + 1) * run].iter().copied())
        };
        (0..outer).flat_map(row).collect()
    }
    let runs: Vec<usize> = inputs.iter().map(|v| v.dims[axis..].iter().product()).collect();
    macro_rules! joined {
        ($variant:ident) => {{
            let parts = inputs.iter().filter_map(|v| match &v.data {
                Data::$variant(values) => Some(values.as_slice()),
                _ => None,
            });
            Data::$variant(join(&parts.collect::<Vec<_>>(), &runs))
        }};
    }
    let data = match &first.data {
        Data::Bool(_) => joined!(Bool),
        Data::I8(_) => joined!(I8),
        Data::I16(_) => joined!(I16),
        Data::I32(_) => joined!(I32),
        Data::I64(_) => joined!(I64),
        Data::F32(_) => joined!(F32),
    };
    moved(step, first, dims, data)
}
