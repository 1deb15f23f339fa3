//! Constants of the file as tensors: half floats are widened, integers with scales become floats.

use super::file::{Info, Scales};
use super::schema::{kind, kind_name};
use super::sparse;
use crate::graph::axes::{MAX_ELEMENTS, strides};
use crate::graph::stored::{bf16, f16, numbers};
use crate::graph::{DataType, Tensor};
use crate::{Error, Result, bail};

/// Returns the type of a tensor's elements in the graph.
pub fn data_type(kind: u8) -> Result<DataType> {
    Ok(match kind {
        kind::F32 | kind::F16 => DataType::F32,
        kind::F64 => DataType::F64,
        kind::I8 | kind::I4 => DataType::I8,
        kind::I16 => DataType::I16,
        kind::I32 => DataType::I32,
        kind::I64 => DataType::I64,
        kind::U8 => DataType::U8,
        kind::U16 => DataType::U16,
        kind::U32 => DataType::U32,
        kind::U64 => DataType::U64,
        kind::BOOL => DataType::Bool,
        other => bail!("elements of type {} are not supported", kind_name(other)),
    })
}

/// Counts the elements of a shape; fails if memory could not hold them.
pub fn count(shape: &[usize]) -> Result<usize> {
    let all = shape.iter().try_fold(1usize, |all, &length| all.checked_mul(length.max(1)));
    match all.filter(|&all| all <= MAX_ELEMENTS) {
        Some(all) => Ok(if shape.contains(&0) { 0 } else { all }),
        None => Err(Error::new(format!("shape {shape:?} has more than {MAX_ELEMENTS} elements"))),
    }
}

/// Returns the elements of a constant; fails if the tensor is none.
pub fn tensor(info: &Info) -> Result<Tensor> {
    stored(info).map_err(|e| e.about(&format!("tensor '{}'", info.name)))
}

fn stored(info: &Info) -> Result<Tensor> {
    let Some(data) = info.data else { bail!("is not a constant") };
    let shape = info.shape.as_slice();
    let count = count(shape)?;
    let unpacked = match &info.sparsity {
        Some(sparsity) if info.kind != kind::I4 => {
            let size = if matches!(info.kind, kind::F16 | BF16) { 2 } else { data_type(info.kind)?.size() };
            Some(sparse::unpack(sparsity, data, shape, size)?)
        }
        _ => None,
    };
    let data = unpacked.as_deref().unwrap_or(data);
    let bytes = match info.kind {
        kind::I4 => count.div_ceil(2),
        kind::F16 | BF16 => count.saturating_mul(2),
        kind => count.saturating_mul(data_type(kind)?.size()),
    };
    if data.len() != bytes {
        bail!("{} bytes of data, but shape {shape:?} of {} needs {bytes}", data.len(), kind_name(info.kind))
    }
    let plain = match info.kind {
        kind::F32 => numbers::<f32>(shape, data),
        kind::F16 => f16(shape, data),
        BF16 => bf16(shape, data),
        kind::F64 => numbers::<f64>(shape, data),
        kind::I8 => numbers::<i8>(shape, data),
        kind::I16 => numbers::<i16>(shape, data),
        kind::I32 => numbers::<i32>(shape, data),
        kind::I64 => numbers::<i64>(shape, data),
        kind::U8 => numbers::<u8>(shape, data),
        kind::U16 => numbers::<u16>(shape, data),
        kind::U32 => numbers::<u32>(shape, data),
        kind::U64 => numbers::<u64>(shape, data),
        kind::BOOL => numbers::<bool>(shape, data),
        kind::I4 => Tensor::new(shape, halves(data, count)),
        other => bail!("elements of type {} are not supported", kind_name(other)),
    }?;
    match &info.scales {
        Some(scales) if is_narrow(info.kind) => widened(&plain, scales),
        _ => Ok(plain),
    }
}

const BF16: u8 = 18;

/// Tells the types that are weights only together with scales.
pub fn is_narrow(kind: u8) -> bool {
    matches!(kind, kind::I8 | kind::U8 | kind::I16 | kind::I4)
}

/// Unpacks 4-bit integers, the low half of each byte first.
fn halves(data: &[u8], count: usize) -> Vec<i8> {
    let both = |byte: &u8| [(byte << 4) as i8 >> 4, *byte as i8 >> 4];
    data.iter().flat_map(both).take(count).collect()
}

/// Computes `scale * (q - zero_point)`.
fn widened(stored: &Tensor, scales: &Scales) -> Result<Tensor> {
    let shape = stored.shape();
    let Some(integers) = stored.to_i64s() else { bail!("only integers have scales") };
    let (groups, stride) = match scales.scale.len() {
        1 => (1, integers.len().max(1)),
        groups if shape.get(scales.axis) == Some(&groups) => (groups, strides(shape)[scales.axis]),
        groups => bail!("{groups} scales for axis {} of shape {shape:?}", scales.axis),
    };
    let zero_points = match scales.zero_point.as_slice() {
        [] => vec![0; groups],
        [one] => vec![*one; groups],
        many if many.len() == groups => many.to_vec(),
        many => bail!("{} zero points for {groups} scales", many.len()),
    };
    let float = |(at, &integer): (usize, &i64)| {
        let group = at / stride.max(1) % groups;
        scales.scale[group] * (integer.saturating_sub(zero_points[group])) as f32
    };
    Tensor::new(shape, integers.iter().enumerate().map(float).collect::<Vec<f32>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_bit_integers_are_unpacked_low_half_first() {
        assert_eq!(halves(&[0x81, 0x7f], 3), [1, -8, -1]);
    }

    #[test]
    fn scales_are_of_an_axis_or_of_the_tensor() {
        let stored = Tensor::new(&[2, 3], vec![1i8, 2, 3, 4, 5, 6]).unwrap();
        let scales = |scale: &[f32], zero_point: &[i64], axis| Scales {
            scale: scale.to_vec(),
            zero_point: zero_point.to_vec(),
            axis,
        };
        let floats = |scales| widened(&stored, &scales).unwrap().into_vec::<f32>().unwrap();
        assert_eq!(floats(scales(&[0.5], &[], 0)), [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]);
        assert_eq!(floats(scales(&[1.0, 2.0], &[0, 1], 0)), [1.0, 2.0, 3.0, 6.0, 8.0, 10.0]);
        assert_eq!(floats(scales(&[1.0, 10.0, 100.0], &[0], 1)), [1.0, 20.0, 300.0, 4.0, 50.0, 600.0]);
        assert!(widened(&stored, &scales(&[1.0, 2.0], &[], 1)).is_err());
        assert!(widened(&stored, &scales(&[1.0, 2.0], &[], 7)).is_err());
    }
}
