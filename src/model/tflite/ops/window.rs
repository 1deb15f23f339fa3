//! Windows that move over height and width: strides, padding, and the size of what they leave.

use crate::model::tflite::file::Operator;
use crate::{Result, bail};

/// Window of a convolution or pooling, by height and width.
#[derive(Clone, Copy)]
pub struct Window {
    pub kernel: [usize; 2],
    pub strides: [usize; 2],
    pub dilations: [usize; 2],
    /// Cells before and behind each side.
    pub pads: [[usize; 2]; 2],
}

impl Window {
    /// Reads `Padding`, the first option of all operators with windows, and strides. `sides` are height and width.
    pub fn of(operator: &Operator, sides: [usize; 2], kernel: [usize; 2], dilations: [usize; 2]) -> Result<Window> {
        let strides = [operator.length(2, 0, "the stride")?, operator.length(1, 0, "the stride")?];
        let mut window = Window { kernel, strides, dilations, pads: [[0; 2]; 2] };
        if kernel.contains(&0) || kernel.iter().any(|&side| side > 1 << 20) {
            bail!("a filter of {}x{}", kernel[0], kernel[1])
        }
        match operator.byte(0)? {
            // SAME: as many places as strides fit, the odd cell behind.
            0 => {
                for side in 0..2 {
                    let places = sides[side].div_ceil(strides[side]);
                    let covered = places.saturating_sub(1) * strides[side] + window.extent(side);
                    let total = covered.saturating_sub(sides[side]);
                    window.pads[side] = [total / 2, total - total / 2];
                }
            }
            1 => {}
            other => bail!("padding {other} is not known"),
        }
        Ok(window)
    }

    /// Returns the length that a filter covers.
    fn extent(&self, side: usize) -> usize {
        (self.kernel[side] - 1) * self.dilations[side] + 1
    }

    /// Returns the height and width of the output.
    pub fn places(&self, sides: [usize; 2]) -> Result<[usize; 2]> {
        let mut places = [0; 2];
        for side in 0..2 {
            let whole = sides[side] + self.pads[side].iter().sum::<usize>();
            let Some(room) = whole.checked_sub(self.extent(side)) else {
                bail!("a filter of {} is larger than its input of {whole}", self.extent(side))
            };
            places[side] = room / self.strides[side] + 1;
        }
        Ok(places)
    }

    /// Returns the padding in ONNX's order: all before, then all behind.
    pub fn onnx_pads(&self) -> Vec<i64> {
        let [[top, bottom], [left, right]] = self.pads;
        ints(&[top, left, bottom, right])
    }
}

pub fn ints(lengths: &[usize]) -> Vec<i64> {
    lengths.iter().map(|&length| length as i64).collect()
}
