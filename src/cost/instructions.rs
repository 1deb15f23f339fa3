//! Instructions of the vector kernels' inner loops, counted from the macros of ESP-DL 3.3.9 (`dl/base/isa`): one call
//! computes all output channels of one pixel (`conv_operation_shell` in `dl_base.hpp`).

use crate::chip::Family;

/// Shape of a convolution at one pixel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pixel {
    /// Kernels that run it: with vector instructions.
    pub family: Family,
    /// Set for 16-bit values.
    pub is_wide: bool,
    /// Height and width of the filter.
    pub filter: [usize; 2],
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Set if the kernel computes an activation in its last pass.
    pub has_activation: bool,
}

/// Instructions of one pixel.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Count {
    /// Instructions of the blocks of output channels.
    pub blocks: f64,
    /// Instructions of the output channels that fill no block.
    pub rest: f64,
}

impl Pixel {
    /// Returns elements in a vector register.
    pub fn lanes(&self) -> usize {
        if self.is_wide { 8 } else { 16 }
    }

    /// Returns `true` if channels fill all blocks.
    pub fn is_aligned(&self) -> bool {
        self.inputs.is_multiple_of(self.lanes()) && self.outputs.is_multiple_of(self.lanes())
    }

    fn taps(&self) -> f64 {
        (self.filter[0] * self.filter[1]) as f64
    }

    /// 1x1 and 3x3 filters have kernels of their own; others loop over rows and columns.
    fn loops(&self) -> f64 {
        match self.filter {
            [1, 1] | [3, 3] => 0.0,
            [height, _] => 4.0 * self.taps() + 8.0 * height as f64,
        }
    }

    /// Counts a convolution in which every output channel reads every input channel.
    pub fn dense(&self) -> Count {
        let (lanes, is_s3) = (self.lanes(), self.family == Family::S3);
        let (blocks, left) = ((self.inputs / lanes) as f64, (self.inputs % lanes) as f64);
        let mut overhead = match (is_s3, self.is_wide) {
            (false, _) => 11.0,
            (true, false) => 25.0,
            (true, true) => 26.0,
        };
        overhead += f64::from(u8::from(self.has_activation));
        let per_tap = if self.is_aligned() {
            let (block, more) = match (is_s3, self.is_wide) {
                (false, false) => (17.0, 5.0),
                (false, true) => (11.0, 3.0),
                (true, false) => (17.0, 4.0),
                (true, true) => (9.0, 4.0),
            };
            block * blocks + more
        } else {
            overhead += if is_s3 { 15.0 } else { 4.0 };
            let (block, tail) = match (is_s3, self.is_wide) {
                (false, false) => (18.0, 14.0),
                (false, true) => (12.0, 12.0),
                (true, false) => (18.0, 13.0),
                (true, true) => (10.0, 10.0),
            };
            let whole = if blocks > 0.0 { 10.0 } else { 0.0 };
            let partial = if left > 0.0 { tail + left } else { 0.0 };
            block * blocks + whole + partial
        };
        let block = overhead + self.taps() * per_tap + self.loops();
        let (call, per_block, tail) = if is_s3 { (45.0, 6.0, 14.0) } else { (20.0, 7.0, 10.0) };
        let whole = if blocks > 0.0 { per_block * blocks + 8.0 } else { 0.0 };
        let partial = if left > 0.0 { tail } else { 0.0 };
        let single = call + self.taps() * (whole + partial) + self.loops();
        Count { blocks: (self.outputs / lanes) as f64 * block, rest: (self.outputs % lanes) as f64 * single }
    }

    /// Counts a convolution of each channel with a filter of its own.
    pub fn depthwise(&self) -> f64 {
        let lanes = self.lanes();
        let (blocks, left) = ((self.outputs / lanes) as f64, self.outputs % lanes);
        let (unrolled, looped) = if self.family == Family::S3 { (23.0, 28.0) } else { (7.0, 12.0) };
        let block = match self.filter {
            [3, 3] => 2.0 * self.taps() + unrolled,
            [height, _] => 2.0 * self.taps() + 6.0 * height as f64 + looped,
        };
        match left {
            0 => blocks * block,
            _ => blocks * (block + self.taps()) + 6.0 * self.taps() + 20.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixel(family: Family, filter: usize, inputs: usize, outputs: usize) -> Pixel {
        Pixel { family, is_wide: false, filter: [filter; 2], inputs, outputs, has_activation: false }
    }

    #[test]
    fn a_full_block_takes_17_instructions_for_256_products() {
        let of = |inputs| pixel(Family::P4, 1, inputs, 16).dense().blocks;
        assert_eq!(of(32) - of(16), 17.0);
        assert_eq!(pixel(Family::P4, 1, 16, 16).dense(), Count { blocks: 33.0, rest: 0.0 });
        assert_eq!(pixel(Family::S3, 3, 16, 16).dense().blocks, 25.0 + 9.0 * 21.0);
    }

    #[test]
    fn channels_that_fill_no_block_are_computed_one_by_one() {
        let count = pixel(Family::P4, 1, 16, 17).dense();
        assert_eq!(count, Count { blocks: 15.0 + 28.0, rest: 20.0 + 15.0 });
        assert_eq!(pixel(Family::S3, 3, 3, 8).dense(), Count { blocks: 0.0, rest: 8.0 * (45.0 + 9.0 * 14.0) });
    }

    #[test]
    fn depthwise_filters_of_three_are_unrolled() {
        assert_eq!(pixel(Family::P4, 3, 32, 32).depthwise(), 2.0 * 25.0);
        assert_eq!(pixel(Family::S3, 3, 16, 16).depthwise(), 41.0);
        assert_eq!(pixel(Family::P4, 5, 16, 16).depthwise(), 50.0 + 30.0 + 12.0);
        assert_eq!(pixel(Family::P4, 3, 8, 8).depthwise(), 54.0 + 20.0);
    }
}
