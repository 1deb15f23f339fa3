//! Memory for results, and scratch memory of kernels.

use std::cell::RefCell;

use super::real::Real;
use crate::{Error, Result};

/// Returns no elements, with room for `len`.
pub(super) fn empty<T>(len: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    values.try_reserve_exact(len).map_err(|_| too_large::<T>(len))?;
    Ok(values)
}

/// Returns `len` copies of `value`.
pub(super) fn repeated<T: Clone>(len: usize, value: T) -> Result<Vec<T>> {
    let mut values = empty(len)?;
    values.resize(len, value);
    Ok(values)
}

/// Allocates `len` elements, which `write` initializes through the pointer.
///
/// # Safety
///
/// `write` must write every element.
pub(super) unsafe fn written<T: Real>(len: usize, write: impl FnOnce(*mut T)) -> Result<Vec<T>> {
    let mut values: Vec<T> = empty(len)?;
    write(values.as_mut_ptr());
    // SAFETY: the capacity is at least `len`, and `write` has written all of it.
    unsafe { values.set_len(len) };
    Ok(values)
}

thread_local! {
    static SCRATCH: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// Lends `len` elements with unspecified content to `work`. The thread keeps the memory for its next call; a nested
/// call allocates its own.
pub(super) fn with_scratch<R>(len: usize, work: impl FnOnce(&mut [f32]) -> R) -> Result<R> {
    SCRATCH.with(|scratch| {
        let mut own = Vec::new();
        let mut shared = scratch.try_borrow_mut();
        let values = shared.as_deref_mut().unwrap_or(&mut own);
        if values.len() < len {
            let more = len - values.len();
            values.try_reserve_exact(more).map_err(|_| too_large::<f32>(len))?;
            values.resize(len, 0.0);
        }
        Ok(work(&mut values[..len]))
    })
}

fn too_large<T>(len: usize) -> Error {
    let bytes = len as u128 * size_of::<T>() as u128;
    Error::new(format!("a result of {len} elements takes {bytes} bytes, more than this machine has"))
        .with_help("check the shapes of the model's inputs and its padding attributes")
}
