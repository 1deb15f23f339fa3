//! Positions of a sliding window: shapes, strides, dilations and padding of up to three spatial axes.

/// Geometry of a convolution or pooling. With fewer than three axes, the first ones have size 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Lengths of the input's spatial axes, without padding.
    pub input: [usize; 3],
    /// Lengths of the output's spatial axes.
    pub output: [usize; 3],
    /// Taps along each axis.
    pub kernel: [usize; 3],
    /// Input elements from one output to the next.
    pub stride: [usize; 3],
    /// Input elements from one tap to the next.
    pub dilation: [usize; 3],
    /// Padding before the first element.
    pub pad: [usize; 3],
    /// Padding after the last element, as declared; `output` gives the actual extent of the windows.
    pub pad_end: [usize; 3],
}

impl Window {
    /// Counts the elements of an input plane.
    pub fn inputs(&self) -> usize {
        self.input.iter().product()
    }

    /// Counts the elements of an output plane.
    pub fn outputs(&self) -> usize {
        self.output.iter().product()
    }

    /// Counts the taps of the window.
    pub fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Returns `true` if each output reads exactly the input element at its own position.
    pub fn is_pointwise(&self) -> bool {
        self.kernel == [1; 3] && self.stride == [1; 3] && self.pad == [0; 3] && self.input == self.output
    }

    /// Input position that tap `tap` of output `output` reads along `axis`; may be outside the input.
    #[inline(always)]
    pub fn position(&self, axis: usize, output: usize, tap: usize) -> isize {
        (output * self.stride[axis] + tap * self.dilation[axis]) as isize - self.pad[axis] as isize
    }

    /// Outputs along `axis` whose tap `tap` is inside the input.
    pub fn inside(&self, axis: usize, tap: usize) -> std::ops::Range<usize> {
        let stride = self.stride[axis] as isize;
        let shift = self.pad[axis] as isize - (tap * self.dilation[axis]) as isize;
        // Smallest output with output * stride >= shift, and the first past the input's end.
        let low = if shift > 0 { (shift + stride - 1) / stride } else { 0 } as usize;
        let end = self.input[axis] as isize + shift;
        let high = if end > 0 { (end + stride - 1) / stride } else { 0 } as usize;
        let high = high.min(self.output[axis]);
        low.min(high)..high
    }

    /// Taps along `axis` that are inside the input for output `output`.
    pub fn taps_inside(&self, axis: usize, output: usize) -> std::ops::Range<usize> {
        let start = (output * self.stride[axis]) as isize - self.pad[axis] as isize;
        let dilation = self.dilation[axis] as isize;
        let low = if start < 0 { (-start + dilation - 1) / dilation } else { 0 } as usize;
        let left = self.input[axis] as isize - start;
        let high = if left > 0 { (left + dilation - 1) / dilation } else { 0 } as usize;
        let high = high.min(self.kernel[axis]);
        low.min(high)..high
    }
}
