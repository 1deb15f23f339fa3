//! Typed views of a kernel's inputs, shared by the operators that compute in float32 or float64.

use crate::graph::axes::MAX_ELEMENTS;
use crate::graph::{DataType, Element, Tensor};
use crate::{Error, Result, bail};

use super::{Call, Fact};

/// Returns the fact of a required input.
pub fn required<'a>(call: &Call<'a>, port: usize, operator: &str) -> Result<&'a Fact> {
    match call.inputs.get(port) {
        Some(Some(fact)) => Ok(fact),
        _ => bail!("{operator} has no input {port}"),
    }
}

/// Returns the fact of an optional input.
pub fn optional<'a>(call: &Call<'a>, port: usize) -> Option<&'a Fact> {
    call.inputs.get(port).and_then(Option::as_ref)
}

/// Returns the elements of an input, if it exists; fails if its type is not `T`.
pub fn elements<T: Element>(inputs: &[Option<Tensor>], port: usize) -> Result<Option<&[T]>> {
    let Some(Some(tensor)) = inputs.get(port) else { return Ok(None) };
    match tensor.slice::<T>() {
        Some(elements) => Ok(Some(elements)),
        None => bail!("input {port} is {}, expected {}", tensor.data_type().name(), T::TYPE.name()),
    }
}

/// Returns the elements of a required input of `len` elements.
pub fn exactly<T: Element>(inputs: &[Option<Tensor>], port: usize, len: usize) -> Result<&[T]> {
    match elements(inputs, port)? {
        Some(elements) if elements.len() == len => Ok(elements),
        Some(elements) => bail!("input {port} has {} elements, expected {len}", elements.len()),
        None => bail!("input {port} is missing"),
    }
}

/// Returns constant elements of an input, for packing during preparation.
pub fn constant<T: Element>(fact: &Fact) -> Option<&[T]> {
    fact.constant.as_ref().and_then(|t| t.slice::<T>())
}

/// Fails unless the type is one of the float kernels' types.
pub fn expect_float(data_type: DataType, operator: &str) -> Result<()> {
    match data_type {
        DataType::F32 | DataType::F64 => Ok(()),
        other => bail!("{operator} takes float32 or float64, not {}", other.name()),
    }
}

/// Returns the number of elements of a shape; fails above [`MAX_ELEMENTS`].
pub fn checked_len(shape: &[usize]) -> Result<usize> {
    // A zero makes the tensor empty, but strides and index maps depend on the other axes.
    let len = shape.iter().try_fold(1usize, |len, &d| len.checked_mul(d.max(1))).filter(|&len| len <= MAX_ELEMENTS);
    match len {
        Some(_) if shape.contains(&0) => Ok(0),
        Some(len) => Ok(len),
        None => Err(Error::new(format!("shape {shape:?} has more than {MAX_ELEMENTS} elements"))
            .with_help("no ESP32 has memory for such a tensor: check the shape of the layer's input")),
    }
}
