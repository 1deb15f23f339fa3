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

    /// Returns what a padded position along an axis adds to the place of an element.
    fn offset(&self, axis: usize, position: usize) -> usize {
        let stride = self.window.stride;
        let parts: usize = stride[axis + 1..].iter().product();
        let within: usize = self.part[axis + 1..].iter().product();
        position % stride[axis] * parts * self.part_len() + position / stride[axis] * within
    }

    /// Returns the place that each tap reads for the first output.
    fn taps(&self) -> Vec<usize> {
        let [depths, lines, columns] = [0, 1, 2].map(|axis| {
            let taps = 0..self.window.kernel[axis];
            taps.map(|tap| self.offset(axis, tap * self.window.dilation[axis])).collect::<Vec<_>>()
        });
        let of_line = |at: usize| columns.iter().map(move |column| at + column);
        depths.iter().flat_map(|depth| lines.iter().flat_map(move |line| of_line(depth + line))).collect()
    }

    /// Returns the places of the input's positions along an axis, as far as they lie within the padded channel.
    fn inside(&self, axis: usize) -> Vec<usize> {
        let w = self.window;
        let end = (self.part[axis] * w.stride[axis]).saturating_sub(w.pad[axis]);
        (0..w.input[axis].min(end)).map(|position| self.offset(axis, position + w.pad[axis])).collect()
    }
}

/// Places of the input's positions, by axis.
struct Inside {
    depths: Vec<usize>,
    lines: Vec<usize>,
    columns: Vec<usize>,
}

impl Inside {
    fn of(layout: &Padded) -> Inside {
        Inside { depths: layout.inside(0), lines: layout.inside(1), columns: layout.inside(2) }
    }

    /// Copies a channel between its pads, which are zero already.
    fn copy<T: Real>(&self, window: &Window, x: &[T], padded: &mut [T]) {
        let [_, height, width] = window.input;
        let stride = window.stride[2];
        for (z, depth) in self.depths.iter().enumerate() {
            for (y, line) in self.lines.iter().enumerate() {
                let from = &x[(z * height + y) * width..][..self.columns.len()];
                // Columns of one remainder are neighbours.
                for (first, column) in self.columns.iter().take(stride).enumerate() {
                    let to = &mut padded[depth + line + column..];
                    match stride {
                        1 => to[..from.len()].copy_from_slice(from),
                        _ => to.iter_mut().zip(from[first..].iter().step_by(stride)).for_each(|(to, &x)| *to = x),
                    }
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
    let (places, inside) = (layout.taps(), Inside::of(&layout));
    let mut padded = buffer::repeated(layout.len() + BLOCK, T::ZERO)?;
    let mut sums = buffer::repeated(layout.sums().next_multiple_of(BLOCK), T::ZERO)?;
    let mut y = buffer::empty(shape.batch * outputs * window.outputs())?;
    for (channel, x) in x.chunks(ins).enumerate() {
        inside.copy(window, x, &mut padded);
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
