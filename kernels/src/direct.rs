//! Convolution in float32 without unfolding: tiles of the product read the input in place, or from a padded copy in
//! which every tap is an offset.

use super::buffer;
use super::conv::ConvShape;
use super::simd::Level;
use super::spread::Spread;
use super::tile::{self, Columns, Epilogue, Panels};
use crate::Result;

/// A float32 convolution with its weights packed.
pub(super) struct Direct {
    /// Instruction set; at most the processor's.
    level: Level,
    shape: ConvShape,
    weights: Weights,
    input: Input,
    /// Start of each step of the depth (channel, tap) in the input or its copy.
    places: Vec<usize>,
}

enum Weights {
    /// Panels, one per group.
    Panels(Vec<Panels>),
    /// Weights as they were passed in, one row of taps per output channel.
    Rows(Vec<f32>),
}

enum Input {
    /// The input is read in place, since every output reads the element at its own position.
    Plain,
    Copied(Spread),
}

impl Direct {
    /// Returns `None` if this method does not apply. `level` is lowered to the processor's.
    pub fn new(level: Level, shape: &ConvShape, weights: &[f32]) -> Result<Option<Direct>> {
        let level = level.min(Level::detect());
        let (s, taps) = (shape, shape.window.taps());
        let depth = s.group_inputs * taps;
        if depth == 0 || s.window.inputs() == 0 || s.window.outputs() == 0 {
            return Ok(None);
        }
        let (input, channel, shifts) = if s.window.is_pointwise() {
            (Input::Plain, s.window.inputs(), vec![0])
        } else {
            let Some(spread) = Spread::new(&s.window) else { return Ok(None) };
            if spread.size().checked_mul(s.group_inputs).is_none_or(|n| n > isize::MAX as usize / 4) {
                return Ok(None);
            }
            (Input::Copied(spread.clone()), spread.size(), spread.taps)
        };
        let places = (0..depth).map(|k| k / taps * channel + shifts[k % taps]).collect();
        // With few outputs per input, a tile's rows have nothing to share.
        let weights = if s.group_inputs == 1 && s.group_outputs < 4 {
            Weights::Rows(weights.to_vec())
        } else {
            let rows = s.group_outputs;
            let groups = weights.chunks_exact(rows * depth);
            Weights::Panels(groups.map(|w| Panels::pack(w, rows, depth, (depth, 1))).collect::<Result<_>>()?)
        };
        Ok(Some(Direct { level, shape: shape.clone(), weights, input, places }))
    }

    /// Runs one batch. `x` and `bias` have the lengths that the shape gives; neither `x` nor the result is empty.
    pub fn run(&self, x: &[f32], bias: Option<&[f32]>, range: Option<(f32, f32)>) -> Result<Vec<f32>> {
        let s = &self.shape;
        let (ins, outs) = (s.window.inputs(), s.window.outputs());
        let group = s.group_outputs * outs;
        // Checked here because memory safety below depends on it.
        assert!(x.len() == s.batch * s.groups * s.group_inputs * ins, "the input's length does not match the shape");
        assert!(
            bias.is_none_or(|b| b.len() == s.groups * s.group_outputs),
            "the bias's length does not match the shape"
        );
        let spread = match &self.input {
            Input::Plain => 0,
            Input::Copied(spread) => s.group_inputs * spread.size(),
        };
        let apart = match &self.input {
            Input::Copied(spread) if self.flat(spread) => s.group_outputs * spread.span(&s.window),
            _ => 0,
        };
        buffer::with_scratch(spread + apart, |scratch| {
            let (copy, apart) = scratch.split_at_mut(spread);
            // SAFETY: `write` below writes one whole group after the other, and there are that many.
            unsafe {
                buffer::written(s.batch * s.groups * group, |y: *mut f32| {
                    for block in 0..s.batch * s.groups {
                        let x = &x[block * s.group_inputs * ins..][..s.group_inputs * ins];
                        let bias = bias.map(|b| &b[block % s.groups * s.group_outputs..][..s.group_outputs]);
                        let e = Epilogue { bias, range };
                        self.group(block % s.groups, x, copy, apart, y.add(block * group), e);
                    }
                })
            }
        })?
    }

    /// Computes one group of one sample: writes all of `y`, `group_outputs * outputs` elements.
    ///
    /// # Safety
    ///
    /// As many elements of `y` are writable and overlap none of the slices. `x` has the group's input channels; `copy`
    /// and `apart` have the lengths that [`Direct::run`] gives them; the bias has one element per output channel.
    unsafe fn group(&self, group: usize, x: &[f32], copy: &mut [f32], apart: &mut [f32], y: *mut f32, e: Epilogue) {
        let s = &self.shape;
        let (w, outs) = (&s.window, s.window.outputs());
        let Input::Copied(spread) = &self.input else {
            let b = Columns { base: x.as_ptr(), places: &self.places };
            // SAFETY: the window is pointwise, so that each input plane holds `outs` elements.
            return unsafe { self.product(group, b, outs, y, outs, e) };
        };
        for (plane, copy) in x.chunks_exact(w.inputs()).zip(copy.chunks_exact_mut(spread.size())) {
            spread.copy(w, plane, copy);
        }
        let b = Columns { base: copy.as_ptr(), places: &self.places };
        let (rows, width) = (w.output[0] * w.output[1], w.output[2]);
        if self.flat(spread) {
            let span = spread.span(w);
            // SAFETY: `span` elements from each place are in the copy; `apart` has `group_outputs` rows of `span`.
            unsafe { self.product(group, b, span, apart.as_mut_ptr(), span, e) };
            for (o, from) in apart.chunks_exact(span).enumerate() {
                for row in 0..rows {
                    let from = &from[spread.row_start(w, row)..][..width];
                    // SAFETY: `y` has `group_outputs` planes of `rows * width` elements.
                    unsafe { copy_short(from, y.add(o * outs + row * width)) };
                }
            }
        } else {
            for row in 0..rows {
                let b = Columns { base: b.base.wrapping_add(spread.row_start(w, row)), ..b };
                // SAFETY: `width` elements from each place of this row are in the copy, and in each plane of `y`.
                unsafe { self.product(group, b, width, y.add(row * width), outs, e) };
            }
        }
    }

    /// Multiplies a group's weights by `count` columns.
    ///
    /// # Safety
    ///
    /// Those of [`tile::multiply`], with the group's output channels for rows; the level is at most the processor's.
    unsafe fn product(&self, group: usize, b: Columns, count: usize, y: *mut f32, stride: usize, e: Epilogue) {
        // SAFETY: guaranteed by the caller; `places` has one element for each step of the depth, whose weights were
        // packed.
        unsafe {
            match &self.weights {
                Weights::Panels(panels) => tile::multiply(self.level, &panels[group], b, count, y, stride, e),
                Weights::Rows(weights) => {
                    let taps = self.places.len();
                    for o in 0..self.shape.group_outputs {
                        let row = &weights[(group * self.shape.group_outputs + o) * taps..][..taps];
                        let e = Epilogue { bias: e.bias.map(|b| &b[o..o + 1]), ..e };
                        tile::multiply_row(self.level, row, b, count, y.add(o * stride), e);
                    }
                }
            }
        }
    }

    /// Returns `true` if all rows are computed as one, with the elements between them dropped afterwards. This is
    /// faster where rows are too short to fill vectors.
    fn flat(&self, spread: &Spread) -> bool {
        let w = &self.shape.window;
        let vector = 16;
        let apart = w.output[0] * w.output[1] * w.output[2].div_ceil(vector);
        let together = spread.span(w).div_ceil(vector);
        w.output[2] < 4 * vector && together + together / 8 < apart + apart / 4
    }
}

/// Copies a row that is too short to be worth a call of `memcpy`.
///
/// # Safety
///
/// `from.len()` elements are writable at `to`, and overlap none of `from`.
#[inline(always)]
unsafe fn copy_short(from: &[f32], to: *mut f32) {
    // SAFETY: `i` stays below the length; reads and writes need not be aligned.
    unsafe {
        let mut i = 0;
        while i + 8 <= from.len() {
            to.add(i).cast::<[f32; 8]>().write_unaligned(from.as_ptr().add(i).cast::<[f32; 8]>().read_unaligned());
            i += 8;
        }
        while i < from.len() {
            to.add(i).write(from[i]);
            i += 1;
        }
    }
}
