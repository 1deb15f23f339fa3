//! Padded copies of planes, laid out so that every tap of a window is an offset.
//!
//! With stride s, the copy groups elements by their position modulo s: the elements that one tap reads for neighbouring
//! outputs are then neighbours, too, along a row and from row to row.

use super::simd::multiversion;
use super::window::Window;

/// Sizes of the copy of one plane.
#[derive(Debug, Clone)]
pub(super) struct Spread {
    /// Phases that any tap falls on, along each axis.
    phases: [Vec<usize>; 3],
    /// Elements of one phase along each axis: one per output, plus those that taps reach past it.
    len: [usize; 3],
    /// Position of each tap's element for the first output.
    pub taps: Vec<usize>,
}

impl Spread {
    /// Returns `None` if the copy has more elements than memory can hold.
    pub fn new(w: &Window) -> Option<Spread> {
        let mut phases: [Vec<usize>; 3] = Default::default();
        let mut len = [0; 3];
        for axis in 0..3 {
            let shift = |tap: usize| tap * w.dilation[axis];
            let mut used: Vec<usize> = (0..w.kernel[axis]).map(|t| shift(t) % w.stride[axis]).collect();
            used.sort_unstable();
            used.dedup();
            phases[axis] = used;
            len[axis] = w.output[axis].checked_add(shift(w.kernel[axis] - 1) / w.stride[axis])?;
        }
        let mut spread = Spread { phases, len, taps: Vec::with_capacity(w.taps()) };
        let counts = spread.phases.each_ref().map(Vec::len);
        counts
            .iter()
            .chain(&len)
            .try_fold(4usize, |size, &n| size.checked_mul(n))
            .filter(|&n| n < isize::MAX as usize)?;
        for tap in 0..w.taps() {
            let taps = [tap / (w.kernel[1] * w.kernel[2]), tap / w.kernel[2] % w.kernel[1], tap % w.kernel[2]];
            let mut phase = 0;
            let mut place = 0;
            for axis in 0..3 {
                let shift = taps[axis] * w.dilation[axis];
                let own = spread.phases[axis].iter().position(|&p| p == shift % w.stride[axis])?;
                phase = phase * counts[axis] + own;
                place = place * len[axis] + shift / w.stride[axis];
            }
            spread.taps.push(phase * spread.phase_size() + place);
        }
        Some(spread)
    }

    fn phase_size(&self) -> usize {
        self.len.iter().product()
    }

    /// Elements of the copy of one plane.
    pub fn size(&self) -> usize {
        self.phases.iter().map(Vec::len).product::<usize>() * self.phase_size()
    }

    /// Returns the start of output row `row` (of all depths) in the copy.
    pub fn row_start(&self, w: &Window, row: usize) -> usize {
        (row / w.output[1] * self.len[1] + row % w.output[1]) * self.len[2]
    }

    /// Elements from the first output to the last in the copy.
    pub fn span(&self, w: &Window) -> usize {
        self.row_start(w, w.output[0] * w.output[1] - 1) + w.output[2]
    }

    /// Writes all of `copy` from a plane.
    pub fn copy(&self, w: &Window, plane: &[f32], copy: &mut [f32]) {
        let [_, height, width] = w.input;
        let mut rows = copy.chunks_exact_mut(self.len[2]);
        for &phase_z in &self.phases[0] {
            for &phase_y in &self.phases[1] {
                for &phase_x in &self.phases[2] {
                    for z in self.positions(w, 0, phase_z) {
                        for y in self.positions(w, 1, phase_y) {
                            let Some(row) = rows.next() else { return };
                            match (z, y) {
                                (Some(z), Some(y)) => {
                                    let line = &plane[(z * height + y) * width..][..width];
                                    copy_row(line, phase_x, w.pad[2], w.stride[2], row);
                                }
                                _ => row.fill(0.0),
                            }
                        }
                    }
                }
            }
        }
    }

    /// Input positions of one phase along an axis; `None` in the padding.
    fn positions(&self, w: &Window, axis: usize, phase: usize) -> impl Iterator<Item = Option<usize>> {
        let (stride, pad, input) = (w.stride[axis], w.pad[axis], w.input[axis]);
        (0..self.len[axis]).map(move |i| (i * stride + phase).checked_sub(pad).filter(|&p| p < input))
    }
}

/// Copies every `stride`-th element of the padded row, from `phase` on.
fn copy_row(line: &[f32], phase: usize, pad: usize, stride: usize, row: &mut [f32]) {
    let low = pad.saturating_sub(phase).div_ceil(stride).min(row.len());
    let high = (line.len() + pad).saturating_sub(phase).div_ceil(stride).clamp(low, row.len());
    row[..low].fill(0.0);
    row[high..].fill(0.0);
    if low == high {
        return;
    }
    let (line, row) = (&line[low * stride + phase - pad..], &mut row[low..high]);
    match stride {
        1 => row.copy_from_slice(&line[..row.len()]),
        2 => every_other(line, row),
        _ => row.iter_mut().zip(line.iter().step_by(stride)).for_each(|(to, &from)| *to = from),
    }
}

multiversion! {
    fn every_other(line: &[f32], row: &mut [f32]) {
        let mut pairs = line.chunks_exact(2);
        let (most, last) = row.split_at_mut(row.len() - 1);
        for (to, pair) in most.iter_mut().zip(&mut pairs) {
            *to = pair[0];
        }
        // The last one may lack a neighbour.
        if let Some(to) = last.first_mut() {
            *to = line[2 * most.len()];
        }
    }
}
