//! Convolution: `y[o] = bias[o] + sum over channels and taps of w[o, c, tap] * x[c, position of tap]`.

use super::buffer;
use super::channelwise;
use super::depthwise::Depthwise;
use super::direct::Direct;
use super::matmul::{Matrix, multiply_to};
use super::real::Real;
use super::simd::{Level, multiversion};
use super::window::Window;
use crate::Result;

/// Sizes of a convolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvShape {
    /// Samples in one run.
    pub batch: usize,
    /// Groups of channels, each with its own weights.
    pub groups: usize,
    /// Input channels of one group.
    pub group_inputs: usize,
    /// Output channels of one group.
    pub group_outputs: usize,
    /// Geometry along the spatial axes.
    pub window: Window,
}

/// A convolution with its weights, ready to run.
pub struct Conv<T> {
    shape: ConvShape,
    plan: Plan<T>,
}

enum Plan<T> {
    Depthwise(Box<Depthwise>),
    Direct(Box<Direct>),
    /// One matrix product of these weights and the unfolded input.
    Unfolded(Vec<T>),
}

impl<T: Real> Conv<T> {
    /// Prepares weights of shape [groups * group_outputs, group_inputs, taps].
    pub fn new(shape: ConvShape, weights: &[T]) -> Result<Conv<T>> {
        Conv::at_level(Level::detect(), shape, weights)
    }

    /// Like [`Conv::new`], with vectors no wider than `level`.
    fn at_level(level: Level, shape: ConvShape, weights: &[T]) -> Result<Conv<T>> {
        let plan = match T::single(weights) {
            Some(weights) => single(level, &shape, weights)?,
            None => None,
        };
        let plan = plan.unwrap_or_else(|| Plan::Unfolded(weights.to_vec()));
        Ok(Conv { shape, plan })
    }

    /// Runs one batch. `x` has shape [batch, channels, input], the result [batch, channels, output].
    pub fn run(&self, x: &[T], bias: Option<&[T]>, range: Option<(T, T)>) -> Result<Vec<T>> {
        T::convolve(self, x, bias, range)
    }

    fn unfolded(&self, weights: &[T], x: &[T], bias: Option<&[T]>, range: Option<(T, T)>) -> Result<Vec<T>> {
        let s = &self.shape;
        let (ins, outs) = (s.window.inputs(), s.window.outputs());
        let depth = s.group_inputs * s.window.taps();
        let len = s.batch * s.groups * s.group_outputs * outs;
        if len == 0 {
            return Ok(Vec::new());
        }
        if s.group_inputs == 1 {
            return channelwise::run(s, weights, x, bias, range);
        }
        let direct = s.window.is_pointwise();
        let mut columns = buffer::repeated(if direct { 0 } else { depth * outs }, T::ZERO)?;
        let group_in = s.group_inputs * ins;
        let group_out = s.group_outputs * outs;
        let mut product = |block: usize, y: *mut T| {
            let group = block % s.groups;
            let x = &x[block * group_in..][..group_in];
            let w = &weights[group * s.group_outputs * depth..][..s.group_outputs * depth];
            let columns = if direct {
                x
            } else {
                unfold(&s.window, x, &mut columns);
                &columns
            };
            let (w, columns) = (Matrix::dense(w, s.group_outputs, depth), Matrix::dense(columns, depth, outs));
            // SAFETY: the caller passes room for the outputs of a group; all of them are written before they are read.
            let y = unsafe {
                multiply_to(w, columns, y);
                std::slice::from_raw_parts_mut(y, group_out)
            };
            for (o, row) in y.chunks_mut(outs).enumerate() {
                finish(row, bias.map(|bias| bias[group * s.group_outputs + o]), range);
            }
        };
        // SAFETY: the outputs of all groups of all samples are all elements.
        unsafe {
            buffer::written(len, |y: *mut T| {
                (0..s.batch * s.groups).for_each(|block| product(block, y.add(block * group_out)));
            })
        }
    }
}

multiversion! {
    /// Adds the bias of a channel, and clamps it.
    pub(super) fn finish[T: Real](row: &mut [T], bias: Option<T>, range: Option<(T, T)>) {
        match (bias, range) {
            (Some(bias), Some((low, high))) => row.iter_mut().for_each(|v| *v = (*v + bias).clamped(low, high)),
            (Some(bias), None) => row.iter_mut().for_each(|v| *v += bias),
            (None, Some((low, high))) => row.iter_mut().for_each(|v| *v = v.clamped(low, high)),
            (None, None) => {}
        }
    }
}

/// [`Conv::run`], compiled in this crate.
pub(super) fn run<T: Real>(conv: &Conv<T>, x: &[T], bias: Option<&[T]>, range: Option<(T, T)>) -> Result<Vec<T>> {
    let singles = || {
        let range = range.map(|(low, high)| (low.to_f64() as f32, high.to_f64() as f32));
        (T::single(x).unwrap_or_default(), bias.and_then(T::single), range)
    };
    let y = match &conv.plan {
        Plan::Unfolded(weights) => return conv.unfolded(weights, x, bias, range),
        Plan::Depthwise(depthwise) => {
            let (x, bias, range) = singles();
            depthwise.run(x, bias, range)?
        }
        Plan::Direct(direct) => {
            let (x, bias, range) = singles();
            direct.run(x, bias, range)?
        }
    };
    Ok(T::from_single(y).unwrap_or_default())
}

/// Returns the fastest float32 implementation for a shape, if there is a specialized one.
fn single<T>(level: Level, shape: &ConvShape, weights: &[f32]) -> Result<Option<Plan<T>>> {
    if let Some(depthwise) = Depthwise::new(level, shape, weights) {
        return Ok(Some(Plan::Depthwise(Box::new(depthwise))));
    }
    Ok(Direct::new(level, shape, weights)?.map(|d| Plan::Direct(Box::new(d))))
}

/// Lays out, for each channel and tap, the input element that each output sees (zero in the pads).
fn unfold<T: Real>(window: &Window, x: &[T], columns: &mut [T]) {
    let outs = window.outputs();
    let ins = window.inputs();
    let taps = window.taps();
    for (row, column) in columns.chunks_mut(outs).enumerate() {
        let (channel, tap) = (row / taps, row % taps);
        unfold_tap(window, &x[channel * ins..][..ins], tap, column);
    }
}

fn unfold_tap<T: Real>(w: &Window, x: &[T], tap: usize, column: &mut [T]) {
    let [_, kh, kw] = w.kernel;
    let (kd, kh, kw) = (tap / (kh * kw), tap / kw % kh, tap % kw);
    let [_, height, width] = w.input;
    let [_, oh, ow] = w.output;
    let inside = w.inside(2, kw);
    for (row, out) in column.chunks_mut(ow).enumerate() {
        let (z, y) = (w.position(0, row / oh, kd), w.position(1, row % oh, kh));
        let outside = z < 0 || z >= w.input[0] as isize || y < 0 || y >= height as isize;
        if outside || inside.is_empty() {
            out.fill(T::ZERO);
            continue;
        }
        out[..inside.start].fill(T::ZERO);
        out[inside.end..].fill(T::ZERO);
        let line = &x[(z as usize * height + y as usize) * width..][..width];
        let start = w.position(2, inside.start, kw) as usize;
        let out = &mut out[inside.clone()];
        if w.stride[2] == 1 {
            out.copy_from_slice(&line[start..start + out.len()]);
        } else {
            for (o, &v) in out.iter_mut().zip(line[start..].iter().step_by(w.stride[2])) {
                *o = v;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::naive::{self, narrow, whole, widen};
    use super::super::real::clamp;
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn equals_the_definition_bit_by_bit(s in naive::convs(), seed: u64, clamped: bool) {
            let outputs = s.groups * s.group_outputs;
            let w = whole(outputs * s.group_inputs * s.window.taps(), seed);
            let x = whole(s.batch * s.groups * s.group_inputs * s.window.inputs(), seed ^ 1);
            let bias = whole(outputs, seed ^ 2);
            let mut expected = naive::conv(&s, &w, &x, &bias);
            if clamped {
                clamp(&mut expected, (0.0, 6000.0));
            }
            let range = clamped.then_some((0.0, 6000.0));
            prop_assert_eq!(&Conv::new(s.clone(), &w).unwrap().run(&x, Some(&bias), range).unwrap(), &expected);
            for level in Level::available() {
                let conv = Conv::at_level(level, s.clone(), &narrow(&w)).unwrap();
                let range = clamped.then_some((0.0, 6000.0));
                let y = conv.run(&narrow(&x), Some(&narrow(&bias)), range).unwrap();
                prop_assert_eq!(&widen(&y), &expected, "{:?}", level);
            }
        }
    }
}
