//! Transposed convolution: every input element adds its weighted window to the output.

use super::buffer;
use super::conv::ConvShape;
use super::matmul::{Matrix, multiply};
use super::real::{Real, clamp};
use super::window::Window;
use crate::Result;

/// Computes a transposed convolution. `shape.window` is that of the convolution being transposed: its `input` is this
/// one's result, its `output` is `x`. `weights` have shape [groups * group_outputs, group_inputs, taps], where
/// "outputs" are the channels of `x` and "inputs" those of the result.
pub fn conv_transpose<T: Real>(
    shape: &ConvShape,
    weights: &[T],
    x: &[T],
    bias: Option<&[T]>,
    range: Option<(T, T)>,
) -> Result<Vec<T>> {
    T::convolve_transposed(shape, weights, x, bias, range)
}

pub(super) fn run<T: Real>(
    shape: &ConvShape,
    weights: &[T],
    x: &[T],
    bias: Option<&[T]>,
    range: Option<(T, T)>,
) -> Result<Vec<T>> {
    let s = shape;
    let (outs, ins) = (s.window.inputs(), s.window.outputs());
    let depth = s.group_inputs * s.window.taps();
    let mut y = buffer::repeated(s.batch * s.groups * s.group_inputs * outs, T::ZERO)?;
    if y.is_empty() {
        return Ok(y);
    }
    let mut columns = buffer::repeated(depth * ins, T::ZERO)?;
    for (block, y) in y.chunks_mut(s.group_inputs * outs).enumerate() {
        let group = block % s.groups;
        let w = &weights[group * s.group_outputs * depth..][..s.group_outputs * depth];
        let x = &x[block * s.group_outputs * ins..][..s.group_outputs * ins];
        let w = Matrix::dense(w, s.group_outputs, depth).transposed();
        multiply(w, Matrix::dense(x, s.group_outputs, ins), &mut columns);
        for (o, y) in y.chunks_mut(outs).enumerate() {
            y.fill(bias.map_or(T::ZERO, |b| b[group * s.group_inputs + o]));
            if ins > 0 {
                fold(&s.window, &columns[o * s.window.taps() * ins..][..s.window.taps() * ins], y);
            }
            if let Some(range) = range {
                clamp(y, range);
            }
        }
    }
    Ok(y)
}

/// Adds each tap's row of `columns` to the elements of `y` that the tap reads.
fn fold<T: Real>(w: &Window, columns: &[T], y: &mut [T]) {
    let [_, kh, kw] = w.kernel;
    let [_, height, width] = w.input;
    let [_, oh, ow] = w.output;
    for (tap, column) in columns.chunks(w.outputs()).enumerate() {
        let (kd, kh, kw) = (tap / (kh * kw), tap / kw % kh, tap % kw);
        let inside = w.inside(2, kw);
        if inside.is_empty() {
            continue;
        }
        for (row, from) in column.chunks(ow).enumerate() {
            let (z, line) = (w.position(0, row / oh, kd), w.position(1, row % oh, kh));
            if z < 0 || z >= w.input[0] as isize || line < 0 || line >= height as isize {
                continue;
            }
            let to = &mut y[(z as usize * height + line as usize) * width..][..width];
            let start = w.position(2, inside.start, kw) as usize;
            let to = to[start..].iter_mut().step_by(w.stride[2]);
            for (t, &f) in to.zip(&from[inside.clone()]) {
                *t += f;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::naive::{self, narrow, whole, widen};
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn equals_the_definition_bit_by_bit(s in naive::convs(), seed: u64) {
            let (ins, outs) = (s.groups * s.group_outputs, s.groups * s.group_inputs);
            let w = whole(ins * s.group_inputs * s.window.taps(), seed);
            let x = whole(s.batch * ins * s.window.outputs(), seed ^ 1);
            let bias = whole(outs, seed ^ 2);
            let expected = naive::conv_transpose(&s, &w, &x, &bias);
            prop_assert_eq!(&conv_transpose(&s, &w, &x, Some(&bias), None).unwrap(), &expected);
            let y = conv_transpose(&s, &narrow(&w), &narrow(&x), Some(&narrow(&bias)), None).unwrap();
            prop_assert_eq!(widen(&y), expected);
        }
    }
}
