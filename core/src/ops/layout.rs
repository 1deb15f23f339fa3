//! Data movement for elements of any type: strided walks, and index maps per axis.

use crate::Result;
use crate::graph::{Element, Tensor, axes};

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

/// Returns the elements; the type must be `T`.
pub fn slice<T: Element>(tensor: &Tensor) -> &[T] {
    tensor.slice::<T>().unwrap_or_default()
}

/// Returns the row-major strides of a shape, signed: a walk may go backwards.
pub fn strides(shape: &[usize]) -> Vec<isize> {
    axes::strides(shape).into_iter().map(|step| step as isize).collect()
}

/// Returns the tensor whose element `i` is `source[offset + sum(i[a] * strides[a])]`. Every such index must be inside
/// the source.
pub fn walk(source: &Tensor, offset: usize, shape: &[usize], strides: &[isize]) -> Result<Tensor> {
    let len = checked_len(shape)?;
    let (sizes, steps) = merged(shape, strides);
    each_type!(source, T => {
        let elements = slice::<T>(source);
        let mut out = Vec::<T>::with_capacity(len);
        if len > 0 {
            copy(elements, offset as isize, &sizes, &steps, &mut out);
        }
        Tensor::new(shape, out)
    })
}

/// Merges the axes of a walk: those of one element are removed, and consecutive contiguous ones become one.
fn merged(shape: &[usize], strides: &[isize]) -> (Vec<usize>, Vec<isize>) {
    let (mut sizes, mut steps): (Vec<usize>, Vec<isize>) = (Vec::new(), Vec::new());
    for (&size, &step) in shape.iter().zip(strides).filter(|(size, _)| **size != 1) {
        match (sizes.last_mut(), steps.last_mut()) {
            (Some(outer), Some(outer_step)) if *outer_step == step.saturating_mul(size as isize) => {
                *outer *= size;
                *outer_step = step;
            }
            _ => {
                sizes.push(size);
                steps.push(step);
            }
        }
    }
    (sizes, steps)
}

/// Rows and columns of a transposed block, whose cache lines of both sides stay in the cache.
const BLOCK: usize = 32;

fn copy<T: Element>(source: &[T], offset: isize, shape: &[usize], strides: &[isize], out: &mut Vec<T>) {
    let at = |i: isize| i as usize;
    match (shape, strides) {
        ([], _) | (_, []) => out.push(source[at(offset)]),
        ([n], [1]) => out.extend_from_slice(&source[at(offset)..at(offset) + n]),
        ([n], [step]) => out.extend((0..*n as isize).map(|i| source[at(offset + i * step)])),
        ([rows, columns], [1, step]) if *step > 1 => {
            transpose(&source[at(offset)..], at(*step), *rows, *columns, out);
        }
        ([n, rest @ ..], [step, inner @ ..]) => {
            (0..*n as isize).for_each(|i| copy(source, offset + i * step, rest, inner, out));
        }
    }
}

/// Appends rows of which column `j` is the source from `j * step` on, block by block.
fn transpose<T: Element>(source: &[T], step: usize, rows: usize, columns: usize, out: &mut Vec<T>) {
    let start = out.len();
    out.resize(start + rows * columns, T::default());
    let out = &mut out[start..];
    for top in (0..rows).step_by(BLOCK) {
        let height = BLOCK.min(rows - top);
        for left in (0..columns).step_by(BLOCK) {
            for column in left..columns.min(left + BLOCK) {
                let line = &source[column * step + top..][..height];
                for (row, &v) in line.iter().enumerate() {
                    out[(top + row) * columns + column] = v;
                }
            }
        }
    }
}

/// Source index for each index of an output's axis; `None` is the fill value.
pub type AxisMap = Vec<Option<usize>>;

/// Returns the tensor whose element `i` is `source[maps[0][i[0]], maps[1][i[1]], ...]`, or `fill`.
pub fn remap<T: Element>(source: &Tensor, maps: &[AxisMap], fill: T) -> Result<Tensor> {
    let shape: Vec<usize> = maps.iter().map(Vec::len).collect();
    let mut out = Vec::with_capacity(checked_len(&shape)?);
    let [outer @ .., last] = maps else { return Tensor::new(&shape, slice::<T>(source).to_vec()) };
    fill_in(slice::<T>(source), source.shape(), outer, &Line::of(last), fill, &mut out);
    Tensor::new(&shape, out)
}

/// Index map of the innermost axis.
enum Line {
    /// Runs of the source, or counts of fill values.
    Runs(Vec<(Option<usize>, usize)>),
    Single(AxisMap),
}

impl Line {
    fn of(map: &AxisMap) -> Line {
        let mut runs: Vec<(Option<usize>, usize)> = Vec::new();
        for &from in map {
            match (runs.last_mut(), from) {
                (Some((Some(start), len)), Some(i)) if *start + *len == i => *len += 1,
                (Some((None, len)), None) => *len += 1,
                _ => runs.push((from, 1)),
            }
        }
        // Runs are faster only if they are long.
        if runs.len() * 4 <= map.len() { Line::Runs(runs) } else { Line::Single(map.clone()) }
    }

    fn len(&self) -> usize {
        match self {
            Line::Runs(runs) => runs.iter().map(|(_, len)| len).sum(),
            Line::Single(map) => map.len(),
        }
    }

    fn copy<T: Element>(&self, source: &[T], fill: T, out: &mut Vec<T>) {
        match self {
            Line::Single(map) => out.extend(map.iter().map(|i| i.map_or(fill, |i| source[i]))),
            Line::Runs(runs) => runs.iter().for_each(|&(from, len)| match from {
                Some(start) => out.extend_from_slice(&source[start..start + len]),
                None => out.resize(out.len() + len, fill),
            }),
        }
    }
}

fn fill_in<T: Element>(source: &[T], shape: &[usize], outer: &[AxisMap], line: &Line, fill: T, out: &mut Vec<T>) {
    let ([size, inner @ ..], [map, rest @ ..]) = (shape, outer) else { return line.copy(source, fill, out) };
    let step = source.len() / (*size).max(1);
    let block = rest.iter().map(Vec::len).product::<usize>() * line.len();
    let mut last = None;
    for &from in map {
        match from {
            None => out.resize(out.len() + block, fill),
            // Block that repeats the previous one, as in nearest-neighbour interpolation.
            Some(_) if from == last => out.extend_from_within(out.len() - block..),
            Some(i) => fill_in(&source[i * step..(i + 1) * step], inner, rest, line, fill, out),
        }
        last = from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(shape: &[usize]) -> Tensor {
        Tensor::new(shape, (0..shape.iter().product::<usize>() as i32).collect()).unwrap()
    }

    #[test]
    fn a_walk_equals_its_definition() {
        let shape = [3, 40, 37];
        let x = numbers(&shape);
        let from = slice::<i32>(&x);
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let steps = order.map(|a| strides(&shape)[a]);
            let sizes = order.map(|a| shape[a]);
            let y = walk(&x, 0, &sizes, &steps).unwrap();
            let mut expected = Vec::new();
            for i in 0..sizes[0] as isize {
                for j in 0..sizes[1] as isize {
                    expected.extend(
                        (0..sizes[2] as isize).map(|k| from[(i * steps[0] + j * steps[1] + k * steps[2]) as usize]),
                    );
                }
            }
            assert_eq!(slice::<i32>(&y), expected, "{order:?}");
        }
    }

    #[test]
    fn consecutive_axes_are_merged() {
        assert_eq!(merged(&[2, 3, 1, 4], &[12, 4, 99, 1]), (vec![24], vec![1]));
        assert_eq!(merged(&[2, 4, 3], &[12, 1, 4]), (vec![2, 4, 3], vec![12, 1, 4]));
        assert_eq!(merged(&[5, 2, 2], &[0, -2, -1]), (vec![5, 4], vec![0, -1]));
    }

    #[test]
    fn maps_crop_fill_and_repeat() {
        let x = numbers(&[2, 8]);
        let rows = vec![Some(1), Some(1), None, Some(0)];
        let columns: AxisMap = std::iter::once(None).chain((0..8).map(Some)).collect();
        let y = remap(&x, &[rows, columns], -1).unwrap();
        let (first, second) = ([-1, 0, 1, 2, 3, 4, 5, 6, 7], [-1, 8, 9, 10, 11, 12, 13, 14, 15]);
        assert_eq!(slice::<i32>(&y), [second, second, [-1; 9], first].concat());
        let y = remap(&x, &[vec![Some(0)], vec![Some(7), Some(7), None, Some(0)]], -1).unwrap();
        assert_eq!(slice::<i32>(&y), [7, 7, -1, 0]);
    }
}
