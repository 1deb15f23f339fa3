//! Memory for results.

use super::real::Real;
use crate::{Error, Result};

/// `len` copies of `value`.
pub(super) fn repeated<T: Real>(len: usize, value: T) -> Result<Vec<T>> {
    let mut values = Vec::new();
    reserve(&mut values, len)?;
    values.resize(len, value);
    Ok(values)
}

fn reserve<T>(values: &mut Vec<T>, len: usize) -> Result<()> {
    values.try_reserve_exact(len).map_err(|_| {
        let bytes = len as u128 * size_of::<T>() as u128;
        Error::new(format!("a result of {len} elements takes {bytes} bytes, more than this machine has"))
            .with_help("check the shapes of the model's inputs and its padding attributes")
    })
}
