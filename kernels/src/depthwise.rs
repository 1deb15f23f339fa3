//! Depthwise convolution in float32 by small square windows, directly from the planes: several output rows share the
//! input rows they read, and masks replace padding.

use super::buffer;
use super::conv::ConvShape;
use super::simd::{Level, Work, at};
use super::vector::{Floats, Instructions};
use super::window::Window;
use crate::Result;

/// A depthwise convolution: each input channel has its own `group_outputs` filters.
pub(super) struct Depthwise {
    /// Instruction set; at most the processor's.
    level: Level,
    shape: ConvShape,
    weights: Vec<f32>,
}

impl Depthwise {
    /// Returns `None` for windows of other sizes, strides or dilations. `level` is lowered to the processor's.
    pub fn new(level: Level, shape: &ConvShape, weights: &[f32]) -> Option<Depthwise> {
        let w = &shape.window;
        let square = matches!(w.kernel, [1, 3, 3] | [1, 5, 5]) && matches!(w.stride, [1, 1, 1] | [1, 2, 2]);
        let flat = w.input[0] == 1 && w.output[0] == 1 && w.pad[0] == 0 && w.dilation[1..] == [1, 1];
        let some = shape.group_inputs == 1 && w.inputs() > 0 && w.outputs() > 0;
        (square && flat && some).then(|| Depthwise {
            level: level.min(Level::detect()),
            shape: shape.clone(),
            weights: weights.to_vec(),
        })
    }

    /// Runs one batch. `x` and `bias` have the lengths that the shape gives.
    pub fn run(&self, x: &[f32], bias: Option<&[f32]>, range: Option<(f32, f32)>) -> Result<Vec<f32>> {
        let s = &self.shape;
        let (ins, outs) = (s.window.inputs(), s.window.outputs());
        let channels = s.groups * s.group_outputs;
        // Checked here because memory safety below depends on it.
        assert!(x.len() == s.batch * s.groups * ins, "the input's length does not match the shape");
        assert!(bias.is_none_or(|b| b.len() == channels), "the bias's length does not match the shape");
        let planes = Planes { shape: s, weights: &self.weights, x, bias, range };
        // SAFETY: `compute` writes every plane of the result in full; the level is at most the processor's.
        unsafe { buffer::written(s.batch * channels * outs, |y: *mut f32| at(self.level, All { planes, y })) }
    }
}

/// All planes of one call.
struct Planes<'a> {
    shape: &'a ConvShape,
    weights: &'a [f32],
    x: &'a [f32],
    bias: Option<&'a [f32]>,
    range: Option<(f32, f32)>,
}

/// Writes all planes to `y`: `batch * channels` planes of outputs are writable there and overlap none of the slices.
struct All<'a> {
    planes: Planes<'a>,
    y: *mut f32,
}

impl Work for All<'_> {
    type Made = ();

    #[inline(always)]
    unsafe fn run<I: Instructions>(self) {
        let (planes, w) = (&self.planes, &self.planes.shape.window);
        // SAFETY: guaranteed by the caller; the constants are the window's, as `Depthwise::new` admits no other.
        unsafe {
            match (w.kernel[2], w.stride[2]) {
                (3, 1) => planes.all::<I::Floats, 3, 1>(self.y),
                (3, _) => planes.all::<I::Floats, 3, 2>(self.y),
                (_, 1) => planes.all::<I::Floats, 5, 1>(self.y),
                _ => planes.all::<I::Floats, 5, 2>(self.y),
            }
        }
    }
}

impl Planes<'_> {
    /// Windows of `K` x `K` taps at stride `S`.
    ///
    /// # Safety
    ///
    /// The processor has the instructions of `V`; `K` and `S` are the window's; the slices have the lengths that
    /// [`Depthwise::run`] checks, and `y` is as for [`All`].
    #[inline(always)]
    unsafe fn all<V: Floats, const K: usize, const S: usize>(&self, y: *mut f32) {
        let (s, w) = (self.shape, &self.shape.window);
        let strips: Vec<Strip<V, K>> =
            (0..w.output[2]).step_by(V::LEN).map(|column| Strip::new(w, S, column)).collect();
        let channels = s.groups * s.group_outputs;
        for plane in 0..s.batch * channels {
            let channel = plane % channels;
            let plane = Plane::<V, K> {
                window: w,
                x: self.x[plane / s.group_outputs * w.inputs()..][..w.inputs()].as_ptr(),
                y: y.wrapping_add(plane * w.outputs()),
                weights: &self.weights[channel * K * K..][..K * K],
                bias: self.bias.map_or(0.0, |b| b[channel]),
                range: self.range.unwrap_or((f32::NEG_INFINITY, f32::INFINITY)),
                strips: &strips,
            };
            let height = w.output[1];
            let mut row = 0;
            while row < height {
                // Takes four rows at a time, then two, then one.
                let rows = [4, 2, 1].into_iter().find(|&r| r <= height - row).unwrap_or(1);
                for strip in plane.strips {
                    // SAFETY: `rows` rows from `row` on are within the plane's height; `x` and `y` are this plane's.
                    unsafe {
                        match rows {
                            4 => plane.rows::<S, 4>(strip, row),
                            2 => plane.rows::<S, 2>(strip, row),
                            _ => plane.rows::<S, 1>(strip, row),
                        }
                    }
                }
                row += rows;
            }
        }
    }
}

/// One output plane.
struct Plane<'a, V: Floats, const K: usize> {
    window: &'a Window,
    x: *const f32,
    y: *mut f32,
    weights: &'a [f32],
    bias: f32,
    range: (f32, f32),
    strips: &'a [Strip<V, K>],
}

impl<V: Floats, const K: usize> Plane<'_, V, K> {
    /// Writes `R` output rows of a strip.
    ///
    /// # Safety
    ///
    /// The processor has the instructions of `V`; the plane has `R` output rows from `row` on; `x` is readable for an
    /// input plane, and `y` writable for an output plane.
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // Plain loops of constant length unroll, as in `tile`.
    unsafe fn rows<const S: usize, const R: usize>(&self, strip: &Strip<V, K>, row: usize) {
        let w = self.window;
        let [_, height, width] = w.input;
        let top = (row * S) as isize - w.pad[1] as isize;
        // SAFETY: rows outside the plane are skipped, and the strip's masks exclude columns outside it, so that only
        // elements of the plane are read; there are `K * K` weights; the strip's `count` columns are within the row.
        unsafe {
            let mut sums = [V::splat(self.bias); R];
            for i in 0..(R - 1) * S + K {
                let line = top + i as isize;
                if line < 0 || line >= height as isize {
                    continue;
                }
                let from = self.x.wrapping_offset(line * width as isize + strip.first);
                for k in 0..K {
                    let masks = strip.masks[k];
                    let mut v = V::load_masked(from.wrapping_add(k), masks[0]);
                    if S == 2 {
                        v = v.evens(V::load_masked(from.wrapping_add(k + V::LEN), masks[1]));
                    }
                    for r in 0..R {
                        if i >= r * S && i - r * S < K {
                            let weight = V::splat(*self.weights.get_unchecked((i - r * S) * K + k));
                            sums[r] = v.times_plus(weight, sums[r]);
                        }
                    }
                }
            }
            let (low, high) = (V::splat(self.range.0), V::splat(self.range.1));
            let to = self.y.wrapping_add(row * w.output[2] + strip.column);
            for r in 0..R {
                sums[r].clamped(low, high).store_first(to.wrapping_add(r * w.output[2]), strip.count);
            }
        }
    }
}

/// A vector of output columns.
struct Strip<V: Floats, const K: usize> {
    /// Input column that the first tap of the first output reads; may be before the row.
    first: isize,
    /// Masks of each tap: the columns inside the input, for the vector at that position and the next one.
    masks: [[V::Mask; 2]; K],
    column: usize,
    count: usize,
}

impl<V: Floats, const K: usize> Strip<V, K> {
    fn new(w: &Window, stride: usize, column: usize) -> Self {
        let first = (column * stride) as isize - w.pad[2] as isize;
        let mask = |start: isize| {
            let inside = |edge: isize| (edge - start).clamp(0, V::LEN as isize) as usize;
            V::mask(inside(0), inside(w.input[2] as isize))
        };
        let masks = std::array::from_fn(|k| std::array::from_fn(|half| mask(first + (k + half * V::LEN) as isize)));
        Strip { first, masks, column, count: (w.output[2] - column).min(V::LEN) }
    }
}
