//! Convolution where each filter reads one channel, in any geometry and type: the channel is copied into scratch memory
//! with its pads, so that each tap is one offset for all outputs, and the sums of a block of outputs stay in registers.

use super::buffer;
use super::conv::{ConvShape, finish};
use super::real::Real;
use super::simd::multiversion;
use super::window::Window;
use crate::Result;

/// Outputs whose sums are in registers at a time.
const BLOCK: usize = 32;

/// Layout of a channel with its pads. With a stride, elements that one tap reads are neighbours: along each axis, the
/// positions of one remainder by the stride are a part of their own.
struct Padded<'a> {
    window: &'a Window,
    /// Length of a part along each axis.
    part: [usize; 3],
}

impl Padded<'_> {
    fn of(window: &Window) -> Padded<'_> {
        let part = [0, 1, 2].map(|axis| {
            let reach = (window.kernel[axis] - 1) * window.dilation[axis];
            window.output[axis] + reach / window.stride[axis]
        });
        Padded { window, part }
    }

    /// Counts the elements of one part.
    fn part_len(&self) -> usize {
        self.part.iter().product()
    }

    /// Counts the elements of all parts.
    fn len(&self) -> usize {
        self.part_len() * self.window.stride.iter().product::<usize>()
    }

    /// Counts the sums of all outputs, with those between the end of a row and the next one, which nobody reads.
    fn sums(&self) -> usize {
        let [depths, rows, row] = self.window.output;
        ((depths - 1) * self.part[1] + rows - 1) * self.part[2] + row
    }

    /// Returns the place of a padded position.
    fn place(&self, position: [usize; 3]) -> usize {
        let stride = self.window.stride;
        let [z, y, x] = [0, 1, 2].map(|axis| position[axis] / stride[axis]);
        let [a, b, c] = [0, 1, 2].map(|axis| position[axis] % stride[axis]);
        ((a * stride[1] + b) * stride[2] + c) * self.part_len() + (z * self.part[1] + y) * self.part[2] + x
    }

    /// Returns the place that each tap reads for the first output.
    fn taps(&self) -> Vec<usize> {
        let [kd, kh, kw] = self.window.kernel;
        let taps = (0..kd).flat_map(|d| (0..kh).flat_map(move |h| (0..kw).map(move |w| [d, h, w])));
        taps.map(|tap| self.place([0, 1, 2].map(|axis| tap[axis] * self.window.dilation[axis]))).collect()
    }

    /// Returns the part of the input along an axis that lies within the padded channel.
    fn seen(&self, axis: usize) -> std::ops::Range<usize> {
        let w = self.window;
        let end = (self.part[axis] * w.stride[axis]).saturating_sub(w.pad[axis]);
        0..w.input[axis].min(end)
    }

    /// Copies a channel between its pads, which are zero already.
    fn copy<T: Real>(&self, x: &[T], padded: &mut [T]) {
        let [_, height, width] = self.window.input;
        let [before, above, left] = self.window.pad;
        let stride = self.window.stride[2];
        let columns = self.seen(2);
        for (z, y) in self.seen(0).flat_map(|z| self.seen(1).map(move |y| (z, y))) {
            let line = &x[(z * height + y) * width..][columns.clone()];
            for first in 0..stride.min(line.len()) {
                let to = &mut padded[self.place([z + before, y + above, left + first])..];
                match stride {
                    1 => to[..line.len()].copy_from_slice(line),
                    _ => to.iter_mut().zip(line[first..].iter().step_by(stride)).for_each(|(to, &x)| *to = x),
                }
            }
        }
    }
}

/// Runs one batch; see [`super::conv::Conv::run`].
pub(super) fn run<T: Real>(
    shape: &ConvShape,
    weights: &[T],
    x: &[T],
    bias: Option<&[T]>,
    range: Option<(T, T)>,
) -> Result<Vec<T>> {
    let window = &shape.window;
    let (ins, taps) = (window.inputs(), window.taps());
    let outputs = shape.groups * shape.group_outputs;
    let layout = Padded::of(window);
    let places = layout.taps();
    let mut padded = buffer::repeated(layout.len() + BLOCK, T::ZERO)?;
    let mut sums = buffer::repeated(layout.sums().next_multiple_of(BLOCK), T::ZERO)?;
    let mut y = buffer::empty(shape.batch * outputs * window.outputs())?;
    for (channel, x) in x.chunks(ins).enumerate() {
        layout.copy(x, &mut padded);
        let first = channel % shape.groups * shape.group_outputs;
        for output in first..first + shape.group_outputs {
            add_taps(&places, &weights[output * taps..][..taps], &padded, &mut sums);
            finish(&mut sums, bias.map(|bias| bias[output]), range);
            let rows = (0..window.output[0]).flat_map(|z| (0..window.output[1]).map(move |row| (z, row)));
            rows.for_each(|(z, row)| {
                y.extend_from_slice(&sums[(z * layout.part[1] + row) * layout.part[2]..][..window.output[2]]);
            });
        }
    }
    Ok(y)
}

multiversion! {
    /// Computes the sums of all taps, in their order.
    fn add_taps[T: Real](places: &[usize], weights: &[T], x: &[T], sums: &mut [T]) {
        for (block, sums) in sums.as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
            let mut sum = [T::ZERO; BLOCK];
            for (&place, &weight) in places.iter().zip(weights) {
                let x = &x[place + block * BLOCK..][..BLOCK];
                sum.iter_mut().zip(x).for_each(|(sum, &x)| *sum += weight * x);
            }
            *sums = sum;
        }
    }
}
