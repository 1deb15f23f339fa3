//! Padded int16 copies of some rows of an input, which contain every tap of every output.

use super::Integer;
use crate::simd::{Level, multiversion};
use crate::window::Window;

/// Sizes of a copy, for any number of output rows.
#[derive(Debug, Clone)]
pub(super) struct Copy {
    channels: usize,
    /// Columns that any tap reads, padding included.
    width: usize,
    /// Input rows from one output row to the next, and those that one output row reads.
    step: usize,
    reach: usize,
}

/// Some outputs: the copy of their inputs, the position of each one's first tap in it, and the instruction set.
#[derive(Clone, Copy)]
pub(super) struct Outputs<'a> {
    /// Instruction set; at most the processor's.
    pub level: Level,
    pub input: &'a [i16],
    pub bases: &'a [usize],
}

/// Elements by which a vector of 16 may read past the last one.
const SLACK: usize = 16;

impl Copy {
    pub fn new(w: &Window, channels: usize) -> Option<Copy> {
        let reach = |axis: usize| (w.kernel[axis] - 1).checked_mul(w.dilation[axis])?.checked_add(1);
        let width = (w.output[2] - 1).checked_mul(w.stride[2])?.checked_add(reach(2)?)?;
        Some(Copy { channels, width, step: w.stride[1], reach: reach(1)? })
    }

    /// Elements of a copy for `rows` output rows; `None` if memory cannot hold as many.
    pub fn size(&self, rows: usize) -> Option<usize> {
        let lines = (rows - 1).checked_mul(self.step)?.checked_add(self.reach)?;
        lines.checked_mul(self.width)?.checked_mul(self.channels)?.checked_add(SLACK).filter(|&n| n < 1 << 48)
    }

    /// Returns the position of the tap in row `y` and column `x` of the first output's window.
    pub fn place(&self, y: usize, x: usize) -> usize {
        (y * self.width + x) * self.channels
    }

    /// Returns the position of the first tap of each output of `rows` rows.
    pub fn bases(&self, w: &Window, rows: usize) -> Vec<usize> {
        let row = |r: usize| (0..w.output[2]).map(move |c| self.place(r * self.step, c * w.stride[2]));
        (0..rows).flat_map(row).collect()
    }

    /// Writes all of `to` for `rows` output rows from row `first` on.
    pub fn fill<T: Integer>(&self, w: &Window, x: &[T], first: usize, rows: usize, to: &mut [i16]) {
        let (line, wide) = (w.input[2] * self.channels, self.width * self.channels);
        let top = (first * self.step) as isize - w.pad[1] as isize;
        let before = w.pad[2].min(self.width);
        let inside = (self.width - before).min(w.input[2]);
        let lines = (rows - 1) * self.step + self.reach;
        let (lines, rest) = to.split_at_mut(lines * wide);
        rest.fill(0);
        for (i, to) in lines.chunks_exact_mut(wide.max(1)).enumerate() {
            let y = top + i as isize;
            if y < 0 || y >= w.input[1] as isize {
                to.fill(0);
                continue;
            }
            let (left, to) = to.split_at_mut(before * self.channels);
            let (to, right) = to.split_at_mut(inside * self.channels);
            left.fill(0);
            // In bounds: `y` is a row of the input, and no more columns are inside than it has.
            widen(&x[y as usize * line..][..to.len()], to);
            right.fill(0);
        }
    }
}

multiversion! {
    fn widen[T: Integer](from: &[T], to: &mut [i16]) {
        to.iter_mut().zip(from).for_each(|(to, from)| *to = from.short());
    }
}
