//! Elementwise functions of two or three tensors under ONNX's multidirectional broadcasting.
//! <https://onnx.ai/onnx/repo-docs/Broadcasting.html>

use crate::graph::{Element, Tensor};
use crate::{Result, bail};

use super::operands::checked_len;

/// Returns the shape that all of `shapes` broadcast to.
pub fn broadcast_shape(shapes: &[&[usize]]) -> Result<Vec<usize>> {
    let rank = shapes.iter().map(|s| s.len()).max().unwrap_or(0);
    let mut shape = vec![1; rank];
    for s in shapes {
        for (to, &from) in shape[rank - s.len()..].iter_mut().zip(*s) {
            match (*to, from) {
                (a, b) if a == b => {}
                (1, b) => *to = b,
                (_, 1) => {}
                _ => bail!("shapes {} do not broadcast to one another", listed(shapes)),
            }
        }
    }
    checked_len(&shape)?;
    Ok(shape)
}

fn listed(shapes: &[&[usize]]) -> String {
    shapes.iter().map(|s| format!("{s:?}")).collect::<Vec<_>>().join(" and ")
}

/// Computes `f(a, b)` on every pair of elements, with a result of the same type: written into the first of `a` and `b`
/// that has the result's shape and is not shared.
pub fn combine<T: Element>(a: Tensor, b: Tensor, f: impl Fn(T, T) -> T) -> Result<Tensor> {
    let shape = broadcast_shape(&[a.shape(), b.shape()])?;
    let a = match unshared::<T>(a, &shape) {
        Ok(values) => return write_over(&shape, values, &b, f),
        Err(a) => a,
    };
    match unshared::<T>(b, &shape) {
        Ok(values) => write_over(&shape, values, &a, |y, x| f(x, y)),
        Err(b) => zip(a, b, f),
    }
}

/// Returns the elements if the tensor has this shape and is not shared, else the tensor.
fn unshared<T: Element>(tensor: Tensor, shape: &[usize]) -> Result<Vec<T>, Tensor> {
    if tensor.shape() == shape { tensor.into_unshared_vec() } else { Err(tensor) }
}

/// Writes `f(a, b)` into `a`, which has the result's shape.
fn write_over<T: Element>(shape: &[usize], mut a: Vec<T>, b: &Tensor, f: impl Fn(T, T) -> T) -> Result<Tensor> {
    let y = typed::<T>(b)?;
    let (sizes, strides) = coalesce(shape, [strides(shape, shape), strides(b.shape(), shape)]);
    for_each_run(&sizes, &strides, &mut |length, [i, j], [_, dj]| {
        let run = a[i..i + length].iter_mut();
        match dj {
            1 => run.zip(&y[j..j + length]).for_each(|(p, &q)| *p = f(*p, q)),
            0 => run.for_each(|p| *p = f(*p, y[j])),
            _ => run.zip(y[j..].iter().step_by(dj)).for_each(|(p, &q)| *p = f(*p, q)),
        }
    });
    Tensor::new(shape, a)
}

/// Computes `f(a, b)` on every pair of elements.
pub fn zip<T: Element, U: Element>(a: Tensor, b: Tensor, f: impl Fn(T, T) -> U) -> Result<Tensor> {
    let shape = broadcast_shape(&[a.shape(), b.shape()])?;
    let strides = [strides(a.shape(), &shape), strides(b.shape(), &shape)];
    let (sizes, strides) = coalesce(&shape, strides);
    let (x, y) = (typed::<T>(&a)?, typed::<T>(&b)?);
    let mut out = Vec::with_capacity(shape.iter().product());
    for_each_run(&sizes, &strides, &mut |length, [i, j], [di, dj]| match (di, dj) {
        (1, 1) => out.extend(x[i..i + length].iter().zip(&y[j..j + length]).map(|(&p, &q)| f(p, q))),
        (1, 0) => out.extend(x[i..i + length].iter().map(|&p| f(p, y[j]))),
        (0, 1) => out.extend(y[j..j + length].iter().map(|&q| f(x[i], q))),
        _ => out.extend((0..length).map(|n| f(x[i + n * di], y[j + n * dj]))),
    });
    Tensor::new(&shape, out)
}

/// Folds `values` along the `reduced` axes of `shape`, in row-major order of the remaining axes.
pub fn fold_axes<T: Copy>(
    shape: &[usize],
    reduced: &[bool],
    values: &[T],
    start: f64,
    step: impl Fn(f64, T) -> f64,
) -> Vec<f64> {
    let kept: Vec<usize> = shape.iter().zip(reduced).map(|(&d, &r)| if r { 1 } else { d }).collect();
    let mut out = vec![start; kept.iter().product()];
    if values.is_empty() {
        return out;
    }
    let (sizes, strides) = coalesce(shape, [strides(shape, shape), strides(&kept, shape)]);
    for_each_run(&sizes, &strides, &mut |length, [i, o], [di, d]| {
        if d == 0 && di == 1 {
            out[o] = values[i..i + length].iter().fold(out[o], |sum, &v| step(sum, v));
        } else {
            (0..length).for_each(|n| out[o + n * d] = step(out[o + n * d], values[i + n * di]));
        }
    });
    out
}

/// Computes `f(c, a, b)` on every triple of elements.
pub fn zip3<C: Element, T: Element>(c: &Tensor, a: &Tensor, b: &Tensor, f: impl Fn(C, T, T) -> T) -> Result<Tensor> {
    let shape = broadcast_shape(&[c.shape(), a.shape(), b.shape()])?;
    let strides = [c, a, b].map(|t| strides(t.shape(), &shape));
    let (sizes, strides) = coalesce(&shape, strides);
    let (c, x, y) = (typed::<C>(c)?, typed::<T>(a)?, typed::<T>(b)?);
    let mut out = Vec::with_capacity(shape.iter().product());
    for_each_run(&sizes, &strides, &mut |length, [h, i, j], [dh, di, dj]| {
        out.extend((0..length).map(|n| f(c[h + n * dh], x[i + n * di], y[j + n * dj])));
    });
    Tensor::new(&shape, out)
}

fn typed<T: Element>(tensor: &Tensor) -> Result<&[T]> {
    match tensor.slice::<T>() {
        Some(elements) => Ok(elements),
        None => bail!("an input is {}, expected {}", tensor.data_type().name(), T::TYPE.name()),
    }
}

/// Returns row-major strides of `from` viewed as `to`: 0 along broadcast axes.
fn strides(from: &[usize], to: &[usize]) -> Vec<usize> {
    let mut strides = vec![0; to.len()];
    let mut step = 1;
    for (stride, &size) in strides.iter_mut().rev().zip(from.iter().rev()) {
        *stride = if size == 1 { 0 } else { step };
        step *= size;
    }
    strides
}

/// Merges neighbouring axes that every operand walks with one stride, so that runs are long.
fn coalesce<const N: usize>(shape: &[usize], strides: [Vec<usize>; N]) -> (Vec<usize>, [Vec<usize>; N]) {
    let mut sizes: Vec<usize> = Vec::new();
    let mut joined: [Vec<usize>; N] = std::array::from_fn(|_| Vec::new());
    for axis in (0..shape.len()).rev() {
        if shape[axis] == 1 {
            continue;
        }
        let follows = sizes.last().is_some_and(|&inner| {
            (0..N).all(|n| joined[n].last().is_some_and(|&stride| strides[n][axis] == stride * inner))
        });
        match sizes.last_mut() {
            Some(inner) if follows => *inner *= shape[axis],
            _ => {
                sizes.push(shape[axis]);
                (0..N).for_each(|n| joined[n].push(strides[n][axis]));
            }
        }
    }
    sizes.reverse();
    joined.iter_mut().for_each(|s| s.reverse());
    (sizes, joined)
}

/// Calls `run(length, offsets, strides)` for every innermost run, in row-major order. Compiled once for all functions of
/// elements, of which there are more than a hundred.
fn for_each_run<const N: usize>(
    sizes: &[usize],
    strides: &[Vec<usize>; N],
    run: &mut dyn FnMut(usize, [usize; N], [usize; N]),
) {
    let Some((&length, outer)) = sizes.split_last() else { return run(1, [0; N], [0; N]) };
    let inner: [usize; N] = std::array::from_fn(|n| strides[n][outer.len()]);
    let mut index = vec![0; outer.len()];
    let mut offsets = [0; N];
    for _ in 0..outer.iter().product::<usize>() {
        run(length, offsets, inner);
        for axis in (0..outer.len()).rev() {
            index[axis] += 1;
            (0..N).for_each(|n| offsets[n] += strides[n][axis]);
            if index[axis] < outer[axis] {
                break;
            }
            (0..N).for_each(|n| offsets[n] -= strides[n][axis] * outer[axis]);
            index[axis] = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(a: (&[usize], &[i64]), b: (&[usize], &[i64])) -> (Vec<usize>, Vec<i64>) {
        let tensor = |(shape, values): (&[usize], &[i64])| Tensor::new(shape, values.to_vec()).unwrap();
        let sum = zip(tensor(a), tensor(b), |x: i64, y: i64| x + y).unwrap();
        (sum.shape().to_vec(), sum.to_i64s().unwrap())
    }

    #[test]
    fn writes_in_place_only_if_the_tensor_is_not_shared() {
        let tensor = |shape: &[usize], values: &[i64]| Tensor::new(shape, values.to_vec()).unwrap();
        let minus = |a: &Tensor, b: &Tensor| combine(a.clone(), b.clone(), |x: i64, y: i64| x - y).unwrap();
        let at = |t: &Tensor| t.slice::<i64>().unwrap().as_ptr();

        let (a, b) = (tensor(&[2, 2], &[1, 2, 3, 4]), tensor(&[2], &[10, 20]));
        assert_eq!(minus(&a, &b), tensor(&[2, 2], &[-9, -18, -7, -16]));
        assert_eq!(minus(&b, &a), tensor(&[2, 2], &[9, 18, 7, 16]));
        assert_eq!((&a, &b), (&tensor(&[2, 2], &[1, 2, 3, 4]), &tensor(&[2], &[10, 20])));

        let place = at(&a);
        let difference = combine(b.clone(), a, |x: i64, y: i64| x - y).unwrap();
        assert_eq!((at(&difference), difference), (place, tensor(&[2, 2], &[9, 18, 7, 16])));
        let column = combine(tensor(&[2, 2], &[1, 2, 3, 4]), tensor(&[2, 1], &[10, 20]), |x: i64, y: i64| x - y);
        assert_eq!(column.unwrap(), tensor(&[2, 2], &[-9, -8, -17, -16]));
    }

    #[test]
    fn broadcasts_either_side_along_any_axis() {
        assert_eq!(add((&[], &[1]), (&[], &[2])), (vec![], vec![3]));
        assert_eq!(add((&[2, 2], &[1, 2, 3, 4]), (&[2], &[10, 20])), (vec![2, 2], vec![11, 22, 13, 24]));
        assert_eq!(add((&[2, 1], &[1, 2]), (&[1, 3], &[10, 20, 30])), (vec![2, 3], vec![11, 21, 31, 12, 22, 32]));
        assert_eq!(add((&[1, 2, 1, 2], &[1, 2, 3, 4]), (&[2, 1], &[10, 20])).1, [11, 12, 21, 22, 13, 14, 23, 24]);
        assert_eq!(add((&[0, 2], &[]), (&[2], &[1, 2])), (vec![0, 2], vec![]));
        assert!(broadcast_shape(&[&[2], &[3]]).is_err());
    }
}
