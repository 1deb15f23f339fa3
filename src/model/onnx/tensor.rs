//! `TensorProto` to [`Tensor`]: raw bytes, typed fields, external data.

use std::borrow::Cow;
use std::path::Path;

use super::{external, proto};
use crate::graph::stored::{bf16, f16, numbers, widen_bf16, widen_f16};
use crate::graph::{DataType, Element, Tensor};
use crate::{Result, bail};

/// Converts an ONNX element type; fails for types that the chips do not use.
pub fn data_type(elem_type: i32) -> Result<DataType> {
    if let Some(data_type) = DataType::from_onnx(elem_type.into()) {
        return Ok(data_type);
    }
    match elem_type {
        8 => bail!("strings are not supported"),
        14 | 15 => bail!("complex numbers are not supported"),
        17..=20 | 23 | 24 => bail!("8-bit and 4-bit floats are not supported"),
        21 | 22 | 25 | 26 => bail!("packed 4-bit and 2-bit integers are not supported"),
        0 => bail!("the element type is not given"),
        other => bail!("element type {other} is unknown"),
    }
}

const FLOAT16: i32 = 10;
const BFLOAT16: i32 = 16;

/// Converts dimensions to sizes, and computes their product; fails for invalid shapes.
pub fn shape(dims: &[i64]) -> Result<(Vec<usize>, usize)> {
    let shape: Option<Vec<usize>> = dims.iter().map(|&d| usize::try_from(d).ok()).collect();
    let Some(shape) = shape else { bail!("shape {dims:?} has a negative dimension") };
    // Ignores zero dimensions: `[0, huge, huge]` must not pass, either.
    let whole = shape.iter().filter(|&&d| d != 0).try_fold(1usize, |size, &d| size.checked_mul(d));
    match whole.filter(|&size| size <= isize::MAX as usize / 8) {
        Some(size) => Ok((shape.clone(), if shape.contains(&0) { 0 } else { size })),
        None => bail!("shape {dims:?} has more elements than memory can hold"),
    }
}

/// Reads the tensor of an initializer or an attribute.
pub fn tensor(proto: &proto::Tensor, folder: &Path) -> Result<Tensor> {
    read(proto, folder).map_err(|e| {
        e.about(&format!("tensor '{}'", proto.name))
            .with_help("export the model again; ESP-DL runs float32 models with integer indices")
    })
}

fn read(proto: &proto::Tensor, folder: &Path) -> Result<Tensor> {
    let kind = data_type(proto.data_type)?;
    let (shape, count) = shape(&proto.dims)?;
    let Some(size) = count.checked_mul(stored_size(proto.data_type, kind)) else {
        bail!("shape {shape:?} is too large")
    };
    let raw = match proto.data_location {
        0 => proto.raw_data.clone(),
        1 => Some(external::read(proto, folder, size)?),
        other => bail!("data location {other} is unknown"),
    };
    if let Some(raw) = raw.filter(|raw| !raw.is_empty() || size == 0) {
        if raw.len() != size {
            bail!("{} bytes of data, but shape {shape:?} of {} needs {size}", raw.len(), kind.name())
        }
        return from_raw(proto.data_type, &shape, &raw);
    }
    from_fields(proto, &shape, count)
}

/// Bytes per element in the file.
fn stored_size(elem_type: i32, kind: DataType) -> usize {
    if matches!(elem_type, FLOAT16 | BFLOAT16) { 2 } else { kind.size() }
}

fn from_raw(elem_type: i32, shape: &[usize], raw: &[u8]) -> Result<Tensor> {
    match elem_type {
        1 => numbers::<f32>(shape, raw),
        2 => numbers::<u8>(shape, raw),
        3 => numbers::<i8>(shape, raw),
        4 => numbers::<u16>(shape, raw),
        5 => numbers::<i16>(shape, raw),
        6 => numbers::<i32>(shape, raw),
        7 => numbers::<i64>(shape, raw),
        9 => numbers::<bool>(shape, raw),
        FLOAT16 => f16(shape, raw),
        11 => numbers::<f64>(shape, raw),
        12 => numbers::<u32>(shape, raw),
        13 => numbers::<u64>(shape, raw),
        BFLOAT16 => bf16(shape, raw),
        other => bail!("element type {other} is unknown"),
    }
}

fn from_fields(proto: &proto::Tensor, shape: &[usize], count: usize) -> Result<Tensor> {
    fn cast<S: Copy, T: Element>(shape: &[usize], count: usize, field: &[S], to: fn(S) -> T) -> Result<Tensor> {
        if field.len() != count {
            bail!("{} elements of data, but shape {shape:?} needs {count}", field.len())
        }
        Tensor::new(shape, field.iter().map(|&v| to(v)).collect())
    }
    // The standard stores narrow integers and half floats in the low bits of int32_data.
    let int32 = &proto.int32_data;
    match proto.data_type {
        1 => cast(shape, count, &proto.float_data, |v: f32| v),
        2 => cast(shape, count, int32, |v| v as u8),
        3 => cast(shape, count, int32, |v| v as i8),
        4 => cast(shape, count, int32, |v| v as u16),
        5 => cast(shape, count, int32, |v| v as i16),
        6 => cast(shape, count, int32, |v| v),
        7 => cast(shape, count, &proto.int64_data, |v: i64| v),
        9 => cast(shape, count, int32, |v| v != 0),
        FLOAT16 => cast(shape, count, int32, |v| widen_f16(v as u16)),
        11 => cast(shape, count, &proto.double_data, |v: f64| v),
        12 => cast(shape, count, &proto.uint64_data, |v| v as u32),
        13 => cast(shape, count, &proto.uint64_data, |v| v),
        BFLOAT16 => cast(shape, count, int32, |v| widen_bf16(v as u16)),
        other => bail!("element type {other} is unknown"),
    }
}

/// Decodes a bytes field, as ONNX stores strings.
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_shapes_are_refused() {
        assert_eq!(shape(&[2, 0, 3]).unwrap(), (vec![2, 0, 3], 0));
        for dims in [&[-1][..], &[i64::MAX, 2], &[0, i64::MAX, i64::MAX], &[1 << 31, 1 << 31, 4]] {
            assert!(shape(dims).is_err(), "{dims:?}");
        }
    }
}
