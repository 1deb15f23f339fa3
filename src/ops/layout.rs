//! Moving elements of any type: strided walks, and index maps axis by axis.

use crate::Result;
use crate::graph::{Element, Tensor};

use super::operands::checked_len;

/// Runs a block with a type name bound to the element type of a tensor.
macro_rules! each_type {
    ($tensor:expr, $t:ident => $body:expr) => {
        match $tensor.data_type() {
            $crate::graph::DataType::F32 => {
                type $t = f32;
                $body
            }
            $crate::graph::DataType::F64 => {
                type $t = f64;
                $body
            }
            $crate::graph::DataType::I8 => {
                type $t = i8;
                $body
            }
            $crate::graph::DataType::I16 => {
                type $t = i16;
                $body
            }
            $crate::graph::DataType::I32 => {
                type $t = i32;
                $body
            }
            $crate::graph::DataType::I64 => {
                type $t = i64;
                $body
            }
            $crate::graph::DataType::U8 => {
                type $t = u8;
                $body
            }
            $crate::graph::DataType::U16 => {
                type $t = u16;
                $body
            }
            $crate::graph::DataType::U32 => {
                type $t = u32;
                $body
            }
            $crate::graph::DataType::U64 => {
                type $t = u64;
                $body
            }
            $crate::graph::DataType::Bool => {
                type $t = bool;
                $body
            }
        }
    };
}

pub(crate) use each_type;

/// The elements, where the type is known to be `T`.
pub fn slice<T: Element>(tensor: &Tensor) -> &[T] {
    tensor.slice::<T>().unwrap_or_default()
}

/// Row-major strides of a shape.
pub fn strides(shape: &[usize]) -> Vec<isize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis] as isize;
    }
    strides
}

/// The tensor whose element `i` is `source[offset + sum(i[a] * strides[a])]`.
/// Every such index must lie inside the source.
pub fn walk(source: &Tensor, offset: usize, shape: &[usize], strides: &[isize]) -> Result<Tensor> {
    let len = checked_len(shape)?;
    each_type!(source, T => {
        let elements = slice::<T>(source);
        let mut out = Vec::<T>::with_capacity(len);
        if len > 0 {
            copy(elements, offset as isize, shape, strides, &mut out);
        }
        Tensor::new(shape, out)
    })
}

fn copy<T: Element>(source: &[T], offset: isize, shape: &[usize], strides: &[isize], out: &mut Vec<T>) {
    let at = |i: isize| i as usize;
    match (shape, strides) {
        ([], _) | (_, []) => out.push(source[at(offset)]),
        ([n], [1]) => out.extend_from_slice(&source[at(offset)..at(offset) + n]),
        ([n], [step]) => out.extend((0..*n as isize).map(|i| source[at(offset + i * step)])),
        ([n, rest @ ..], [step, inner @ ..]) => {
            (0..*n as isize).for_each(|i| copy(source, offset + i * step, rest, inner, out));
        }
    }
}

/// Where one axis of an output comes from; `None` is the fill value.
pub type AxisMap = Vec<Option<usize>>;

/// The tensor whose element `i` is `source[maps[0][i[0]], maps[1][i[1]], ...]`, or `fill`.
pub fn remap<T: Element>(source: &Tensor, maps: &[AxisMap], fill: T) -> Result<Tensor> {
    let shape: Vec<usize> = maps.iter().map(Vec::len).collect();
    let mut out = Vec::with_capacity(checked_len(&shape)?);
    fill_in(slice::<T>(source), source.shape(), maps, fill, &mut out);
    Tensor::new(&shape, out)
}

fn fill_in<T: Element>(source: &[T], shape: &[usize], maps: &[AxisMap], fill: T, out: &mut Vec<T>) {
    let ([size, inner @ ..], [map, rest @ ..]) = (shape, maps) else { return out.extend(source.first()) };
    if rest.is_empty() {
        return out.extend(map.iter().map(|i| i.map_or(fill, |i| source[i])));
    }
    let step = source.len() / (*size).max(1);
    let blank = rest.iter().map(Vec::len).product::<usize>();
    for i in map {
        match i {
            Some(i) => fill_in(&source[i * step..(i + 1) * step], inner, rest, fill, out),
            None => out.resize(out.len() + blank, fill),
        }
    }
}
