//! Tensors of the archive: storages with sizes, strides and an offset; half floats are widened.

use std::ops::Range;
use std::sync::OnceLock;

use super::schema::{Length, Meta};
use crate::graph::axes::MAX_ELEMENTS;
use crate::graph::stored::{Stored, bf16, f16, numbers};
use crate::graph::{DataType, Tensor};
use crate::model::Part;
use crate::{Error, Result, bail};

const F16: i64 = 6;
const F32: i64 = 7;
const BF16: i64 = 13;

/// Returns the type of elements in the graph.
pub fn data_type(dtype: i64) -> Result<DataType> {
    Ok(match dtype {
        1 => DataType::U8,
        2 => DataType::I8,
        3 => DataType::I16,
        4 => DataType::I32,
        5 => DataType::I64,
        F16 | F32 | BF16 => DataType::F32,
        8 => DataType::F64,
        12 => DataType::Bool,
        9..=11 => bail!("complex numbers are not supported"),
        other => bail!("elements of type {other} are not supported"),
    })
}

/// Returns sizes as lengths; fails if memory could not hold the elements.
pub fn shape(sizes: &[i64]) -> Result<Vec<usize>> {
    let shape: Option<Vec<usize>> = sizes.iter().map(|&size| usize::try_from(size).ok()).collect();
    let Some(shape) = shape else { bail!("shape {sizes:?} has a negative length") };
    let whole = shape.iter().try_fold(1usize, |whole, &length| whole.checked_mul(length.max(1)));
    match whole.filter(|&whole| whole <= MAX_ELEMENTS) {
        Some(_) => Ok(shape),
        None => bail!("shape {shape:?} has more than {MAX_ELEMENTS} elements"),
    }
}

/// Place of a tensor in its storage.
struct Layout {
    shape: Vec<usize>,
    strides: Vec<usize>,
    offset: usize,
    /// Bytes of an element.
    size: usize,
}

impl Layout {
    fn of(meta: &Meta) -> Result<Layout> {
        let kind = data_type(meta.dtype)?;
        let layout = Layout {
            shape: shape(&fixed(&meta.sizes)?)?,
            strides: meta.strides.iter().map(step).collect::<Result<_>>()?,
            offset: step(&meta.storage_offset)?,
            size: if matches!(meta.dtype, F16 | BF16) { 2 } else { kind.size() },
        };
        match layout.shape.len() == layout.strides.len() {
            true => Ok(layout),
            false => bail!("{} sizes and {} strides", layout.shape.len(), layout.strides.len()),
        }
    }

    fn is_contiguous(&self, count: usize) -> bool {
        let mut behind = 1;
        let mut axes = self.shape.iter().zip(&self.strides).rev();
        let mut is_alike = |(&length, &stride): (&usize, &usize)| {
            let row_major = behind;
            behind *= length;
            length == 1 || stride == row_major
        };
        count == 0 || axes.all(&mut is_alike)
    }

    /// Returns the bytes of a contiguous tensor in its storage.
    fn bytes(&self, count: usize) -> Option<Range<usize>> {
        let start = self.offset.checked_mul(self.size)?;
        Some(start..start.checked_add(count.checked_mul(self.size)?)?)
    }
}

/// Tensor of float32 whose elements lie in the file in their order.
pub struct Plain<'a> {
    pub shape: Vec<usize>,
    pub part: Part<'a>,
    elements: OnceLock<Result<Vec<f32>>>,
}

impl Plain<'_> {
    /// Returns the elements, which are kept: for the few of a BatchNorm, which more than one step reads.
    pub fn elements(&self) -> Result<&[f32]> {
        self.elements.get_or_init(|| floats(self.part)).as_deref().map_err(Error::clone)
    }
}

/// Returns a tensor of float32 whose elements lie in its storage in their order.
pub fn plain<'a>(meta: &Meta, storage: Part<'a>) -> Option<Plain<'a>> {
    let layout = Layout::of(meta).ok().filter(|_| meta.dtype == F32)?;
    let count = layout.shape.iter().product();
    let part = layout.bytes(count).and_then(|bytes| storage.part(bytes)).filter(|_| layout.is_contiguous(count))?;
    Some(Plain { shape: layout.shape, part, elements: OnceLock::new() })
}

/// Reads the elements of a part with numbers of float32.
pub fn floats(part: Part) -> Result<Vec<f32>> {
    let mut elements = Vec::with_capacity(part.size() / 4);
    part.chunks(|bytes| f32::extend(&mut elements, bytes))?;
    Ok(elements)
}

/// Takes the elements of a tensor from those that may still be read.
pub fn claim(budget: &mut usize, count: usize) -> Result<()> {
    let Some(left) = budget.checked_sub(count) else { bail!("its tensors have far more elements than the file") };
    *budget = left;
    Ok(())
}

/// Reads a tensor from its storage. `budget` is the number of elements that may still be read.
pub fn tensor(meta: &Meta, storage: &[u8], budget: &mut usize) -> Result<Tensor> {
    let layout = Layout::of(meta)?;
    let count: usize = layout.shape.iter().product();
    claim(budget, count)?;
    let gathered;
    let data = match layout.is_contiguous(count) {
        true => layout.bytes(count).and_then(|bytes| storage.get(bytes)),
        false => {
            gathered = gather(&layout, count, storage);
            gathered.as_deref()
        }
    };
    let Some(data) = data else {
        bail!("shape {:?} reaches beyond the {} bytes of its storage", layout.shape, storage.len())
    };
    let shape = layout.shape.as_slice();
    match meta.dtype {
        1 => numbers::<u8>(shape, data),
        2 => numbers::<i8>(shape, data),
        3 => numbers::<i16>(shape, data),
        4 => numbers::<i32>(shape, data),
        5 => numbers::<i64>(shape, data),
        F16 => f16(shape, data),
        8 => numbers::<f64>(shape, data),
        12 => numbers::<bool>(shape, data),
        BF16 => bf16(shape, data),
        _ => numbers::<f32>(shape, data),
    }
}

fn fixed(lengths: &[Length]) -> Result<Vec<i64>> {
    lengths.iter().map(fixed_length).collect()
}

fn fixed_length(length: &Length) -> Result<i64> {
    match length {
        Length::AsInt(int) => Ok(*int),
        Length::AsExpr(expression) => bail!("length '{}' is not fixed", expression.expr_str),
    }
}

/// Returns a number of elements to step over: a stride, or the offset in the storage.
fn step(length: &Length) -> Result<usize> {
    let step = fixed_length(length)?;
    match usize::try_from(step) {
        Ok(step) => Ok(step),
        Err(_) => bail!("a stride or the offset in its storage is negative: {step}"),
    }
}

/// Copies elements one by one, in row-major order.
fn gather(layout: &Layout, count: usize, storage: &[u8]) -> Option<Vec<u8>> {
    let last = layout.shape.iter().zip(&layout.strides).try_fold(layout.offset, |last, (&length, &stride)| {
        last.checked_add(length.saturating_sub(1).checked_mul(stride)?)
    })?;
    storage.get(..last.checked_add(1)?.checked_mul(layout.size)?)?;
    let mut data = Vec::with_capacity(count * layout.size);
    let mut at = vec![0; layout.shape.len()];
    for _ in 0..count {
        let place: usize = layout.offset + at.iter().zip(&layout.strides).map(|(a, stride)| a * stride).sum::<usize>();
        data.extend(&storage[place * layout.size..(place + 1) * layout.size]);
        for axis in (0..at.len()).rev() {
            at[axis] += 1;
            if at[axis] < layout.shape[axis] {
                break;
            }
            at[axis] = 0;
        }
    }
    Some(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(dtype: i64, sizes: &[i64], strides: &[i64], offset: i64) -> Meta<'static> {
        let lengths = |ints: &[i64]| ints.iter().map(|&int| Length::AsInt(int)).collect();
        Meta { dtype, sizes: lengths(sizes), strides: lengths(strides), storage_offset: Length::AsInt(offset) }
    }

    fn read(meta: &Meta, storage: &[u8]) -> Result<Tensor> {
        tensor(meta, storage, &mut 100)
    }

    #[test]
    fn strides_and_offset_choose_elements_of_the_storage() {
        let storage: Vec<u8> = (0..12).collect();
        let bytes = |meta: &Meta| read(meta, &storage).unwrap().into_vec::<u8>().unwrap();
        assert_eq!(bytes(&meta(1, &[2, 3], &[3, 1], 6)), [6, 7, 8, 9, 10, 11]);
        assert_eq!(bytes(&meta(1, &[3, 2], &[1, 4], 1)), [1, 5, 2, 6, 3, 7]);
        assert_eq!(bytes(&meta(1, &[2, 2], &[0, 1], 0)), [0, 1, 0, 1]);
        assert_eq!(read(&meta(6, &[1], &[1], 0), &[0, 0x3c]).unwrap().slice::<f32>(), Some(&[1.0][..]));
    }

    #[test]
    fn tensors_beyond_their_storage_are_refused() {
        let storage = [0u8; 16];
        for (sizes, strides, offset) in [
            (&[2, 3][..], &[3, 1][..], 0),
            (&[4], &[1], 1),
            (&[2], &[i64::MAX], 0),
            (&[2], &[-1], 0),
            (&[i64::MAX, 2], &[1, 1], 0),
            (&[2], &[1, 1], 0),
            (&[1], &[1], i64::MAX),
            (&[101], &[0], 0),
        ] {
            assert!(read(&meta(7, sizes, strides, offset), &storage).is_err(), "{sizes:?} {strides:?} {offset}");
        }
    }
}
