//! Pooling: the maximum or the mean of each window.

use super::buffer;
use super::real::Real;
use super::simd::multiversion;
use super::window::Window;
use crate::Result;

/// Maximum of each window inside the input; NaN if the window contains one. `planes` is batch * channels.
pub fn max<T: Real>(w: &Window, planes: usize, x: &[T]) -> Result<Vec<T>> {
    T::largest(w, planes, x)
}

pub(super) fn largest_of_windows<T: Real>(w: &Window, planes: usize, x: &[T]) -> Result<Vec<T>> {
    let mut y = buffer::repeated(planes * w.outputs(), T::NEG_INFINITY)?;
    max_planes(w, x, &mut y);
    Ok(y)
}

/// Like [`max`], with the index of each maximum in the flat input (the first of equal ones). `column_major` counts
/// columns before rows inside a plane, as ONNX's `storage_order` 1 does.
pub fn max_with_indices<T: Real>(w: &Window, planes: usize, x: &[T], column_major: bool) -> Result<(Vec<T>, Vec<i64>)> {
    let mut y = buffer::repeated(planes * w.outputs(), T::NEG_INFINITY)?;
    let mut indices = vec![0i64; y.len()];
    let (ins, outs) = (w.inputs(), w.outputs());
    let mut plane = 0;
    for_planes(w, x, &mut y, |x, y| {
        let indices = &mut indices[plane * outs..][..outs];
        let mut unset = vec![true; outs];
        windows(w, |out, at| {
            let (v, best) = (x[at], y[out]);
            if unset[out] || v > best || (v.is_nan() && !best.is_nan()) {
                unset[out] = false;
                y[out] = v;
                indices[out] = (plane * ins + if column_major { transposed(w, at) } else { at }) as i64;
            }
        });
        plane += 1;
    });
    Ok((y, indices))
}

/// Index of a position in a plane, counted with the last axis slowest.
fn transposed(w: &Window, at: usize) -> usize {
    let [depth, height, width] = w.input;
    let (z, y, x) = (at / (height * width), at / width % height, at % width);
    if depth > 1 { (x * height + y) * depth + z } else { x * height + y }
}

/// Mean of each window; padding counts as zeros if `count_pads`.
pub fn average<T: Real>(w: &Window, planes: usize, x: &[T], count_pads: bool) -> Result<Vec<T>> {
    T::average(w, planes, x, count_pads)
}

/// Mean of each plane of `size` elements.
pub fn global_average<T: Real>(x: &[T], planes: usize, size: usize) -> Vec<T> {
    T::global_average(x, planes, size)
}

pub(super) fn average_of_windows<T: Real>(w: &Window, planes: usize, x: &[T], count_pads: bool) -> Result<Vec<T>> {
    if w.outputs() == 1 && w.kernel == w.input && w.pad == [0; 3] && w.pad_end == [0; 3] {
        return Ok(average_of_planes(x, planes, w.inputs()));
    }
    let mut y = buffer::repeated(planes * w.outputs(), T::ZERO)?;
    average_planes(w, x, &mut y, &counts(w, count_pads));
    Ok(y)
}

multiversion! {
    fn max_planes[T: Real](w: &Window, x: &[T], y: &mut [T]) {
        lines(w, x, y, |best, v| if v > best || v.is_nan() { v } else { best });
    }

    fn average_planes[T: Real](w: &Window, x: &[T], y: &mut [T], counts: &[T]) {
        lines(w, x, y, |sum, v| sum + v);
        for y in y.chunks_exact_mut(counts.len().max(1)) {
            for (v, &count) in y.iter_mut().zip(counts) {
                *v = *v / count;
            }
        }
    }
}

/// Combines every input element that a window reads into its output by `take`: a row of outputs at a time, taps in
/// order.
#[inline(always)]
fn lines<T: Real>(w: &Window, x: &[T], y: &mut [T], take: impl Fn(T, T) -> T + Copy) {
    let [_, height, width] = w.input;
    let [_, rows, row] = w.output;
    // For each tap along a row: the outputs for which it is inside the input, and the position for the first one.
    let taps: Vec<(std::ops::Range<usize>, usize)> = (0..w.kernel[2])
        .map(|k| (w.inside(2, k), k))
        .filter(|(inside, _)| !inside.is_empty())
        .map(|(inside, k)| (inside.clone(), w.position(2, inside.start, k) as usize))
        .collect();
    for_planes(w, x, y, |x, y| {
        for (line, y) in y.chunks_exact_mut(row).enumerate() {
            let (z, line) = (line / rows, line % rows);
            for kz in w.taps_inside(0, z) {
                let plane = w.position(0, z, kz) as usize * height;
                for ky in w.taps_inside(1, line) {
                    let x = &x[(plane + w.position(1, line, ky) as usize) * width..][..width];
                    for (inside, start) in &taps {
                        let (y, x) = (&mut y[inside.clone()], &x[*start..]);
                        match w.stride[2] {
                            1 => y.iter_mut().zip(x).for_each(|(y, &x)| *y = take(*y, x)),
                            2 => pairs(y, x, take),
                            stride => y.iter_mut().zip(x.iter().step_by(stride)).for_each(|(y, &x)| *y = take(*y, x)),
                        }
                    }
                }
            }
        }
    });
}

/// Combines `y` with every second element of `x`; in pairs, so that the compiler vectorizes it.
#[inline(always)]
fn pairs<T: Real>(y: &mut [T], x: &[T], take: impl Fn(T, T) -> T) {
    let whole = y.len().min(x.len() / 2);
    for (y, pair) in y.iter_mut().zip(x.chunks_exact(2)) {
        *y = take(*y, pair[0]);
    }
    if let (Some(y), Some(&x)) = (y.get_mut(whole), x.get(2 * whole)) {
        *y = take(*y, x);
    }
}

/// Divisors of the means, by output. A window that extends past the declared padding counts only up to it.
fn counts<T: Real>(w: &Window, count_pads: bool) -> Vec<T> {
    let along = |axis: usize| -> Vec<usize> {
        (0..w.output[axis])
            .map(|o| {
                let taps = if count_pads {
                    let room = w.pad[axis] + w.input[axis] + w.pad_end[axis];
                    let left = room.saturating_sub(o * w.stride[axis]);
                    left.div_ceil(w.dilation[axis]).min(w.kernel[axis])
                } else {
                    w.taps_inside(axis, o).len()
                };
                taps.max(1)
            })
            .collect()
    };
    let [depths, heights, widths] = [along(0), along(1), along(2)];
    let mut counts = Vec::new();
    for d in depths {
        for h in &heights {
            counts.extend(widths.iter().map(|w| T::from_usize(d * h * w)));
        }
    }
    counts
}

#[inline(always)]
fn for_planes<T: Real>(w: &Window, x: &[T], y: &mut [T], mut each: impl FnMut(&[T], &mut [T])) {
    let (ins, outs) = (w.inputs(), w.outputs());
    if outs == 0 {
        return;
    }
    for (plane, y) in y.chunks_mut(outs).enumerate() {
        each(&x[plane * ins..][..ins], y);
    }
}

/// Visits every (output, input) pair of one plane: taps in order for each output.
fn windows(w: &Window, mut visit: impl FnMut(usize, usize)) {
    let [_, height, width] = w.input;
    let mut out = 0;
    for z in 0..w.output[0] {
        for y in 0..w.output[1] {
            for x in 0..w.output[2] {
                for kz in w.taps_inside(0, z) {
                    let plane = w.position(0, z, kz) as usize * height;
                    for ky in w.taps_inside(1, y) {
                        let line = (plane + w.position(1, y, ky) as usize) * width;
                        for kx in w.taps_inside(2, x) {
                            visit(out, line + w.position(2, x, kx) as usize);
                        }
                    }
                }
                out += 1;
            }
        }
    }
}

multiversion! {
    pub(super) fn average_of_planes[T: Real](x: &[T], planes: usize, size: usize) -> Vec<T> {
        (0..planes).map(|p| sum(&x[p * size..][..size]) / T::from_usize(size)).collect()
    }

    /// Maximum of each plane of `size` elements; NaN if it contains one.
    pub fn global_max[T: Real](x: &[T], planes: usize, size: usize) -> Vec<T> {
        let larger = |best: T, v: T| if v > best || v.is_nan() { v } else { best };
        (0..planes).map(|p| fold(&x[p * size..][..size], T::NEG_INFINITY, larger)).collect()
    }
}

#[inline(always)]
fn sum<T: Real>(values: &[T]) -> T {
    fold(values, T::ZERO, |a, b| a + b)
}

/// Folds in 16 lanes, so that memory bandwidth is the limit; the order does not depend on the machine.
#[inline(always)]
fn fold<T: Real>(values: &[T], start: T, join: impl Fn(T, T) -> T) -> T {
    let mut lanes = [start; 16];
    let mut chunks = values.chunks_exact(16);
    for chunk in &mut chunks {
        for (lane, &v) in lanes.iter_mut().zip(chunk) {
            *lane = join(*lane, v);
        }
    }
    for (lane, &v) in lanes.iter_mut().zip(chunks.remainder()) {
        *lane = join(*lane, v);
    }
    let mut width = 8;
    while width > 0 {
        for i in 0..width {
            lanes[i] = join(lanes[i], lanes[i + width]);
        }
        width /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::naive::{self, narrow, whole, widen};
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn maximum_equals_the_definition(w in naive::windows(), seed: u64) {
            let x = narrow(&whole(3 * w.inputs(), seed));
            let mut y = vec![f32::NEG_INFINITY; 3 * w.outputs()];
            let mut places = vec![0; y.len()];
            for plane in 0..3 {
                naive::visit(&w, |out, _, at| {
                    let (out, at) = (plane * w.outputs() + out, plane * w.inputs() + at);
                    if x[at] > y[out] {
                        (y[out], places[out]) = (x[at], at as i64);
                    }
                });
            }
            prop_assert_eq!(&max(&w, 3, &x).unwrap(), &y);
            prop_assert_eq!(max_with_indices(&w, 3, &x, false).unwrap(), (y, places));
        }

        #[test]
        fn mean_equals_the_definition(w in naive::windows(), seed: u64) {
            let x = whole(2 * w.inputs(), seed);
            let mut sums = vec![0.0; 2 * w.outputs()];
            let mut counts = vec![0.0f64; sums.len()];
            for plane in 0..2 {
                naive::visit(&w, |out, _, at| {
                    sums[plane * w.outputs() + out] += x[plane * w.inputs() + at];
                    counts[plane * w.outputs() + out] += 1.0;
                });
            }
            let over = |divisors: Vec<f64>| -> Vec<f64> {
                sums.iter().zip(divisors).map(|(&s, n)| f64::from(s as f32 / n as f32)).collect()
            };
            let real = over(counts.iter().map(|n| n.max(1.0)).collect());
            prop_assert_eq!(widen(&average(&w, 2, &narrow(&x), false).unwrap()), real);
            let padded = over(vec![w.taps() as f64; sums.len()]);
            prop_assert_eq!(widen(&average(&w, 2, &narrow(&x), true).unwrap()), padded);
        }
    }

    #[test]
    fn nan_wins_every_maximum() {
        let x = [1.0, f32::NAN, 2.0, 3.0];
        assert!(global_max(&x, 1, 4)[0].is_nan());
        assert_eq!(global_max(&x[2..], 2, 1), [2.0, 3.0]);
    }

    #[test]
    fn mean_of_a_plane_counts_every_element() {
        let x: Vec<f32> = (0..49).map(|v| v as f32).collect();
        assert_eq!(global_average(&x, 1, 49), [24.0]);
        assert_eq!(global_average(&x[..3], 3, 1), [0.0, 1.0, 2.0]);
    }
}
