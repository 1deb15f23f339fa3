//! Order of axes: TFLite has channels last, ONNX has them in front of height and width.

/// Order of the axes of a value that stands for a tensor of rank 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// TFLite's own, of any rank.
    Plain,
    /// Channels before height and width.
    First,
}

/// Axes of TFLite by place in ONNX's order.
pub const TO_FIRST: [usize; 4] = [0, 3, 1, 2];

/// Axes of ONNX's order by place in TFLite's.
pub const TO_LAST: [usize; 4] = [0, 2, 3, 1];

/// Returns a shape of rank 4 with its channels first; others stay.
pub fn first(shape: &[usize]) -> Vec<usize> {
    match *shape {
        [n, h, w, c] => vec![n, c, h, w],
        _ => shape.to_vec(),
    }
}

/// Returns `true` if the elements are in the same order in both layouts: one channel, or one place.
pub fn is_unit(shape: &[usize]) -> bool {
    matches!(*shape, [_, h, w, c] if c == 1 || h == 1 && w == 1)
}

impl Layout {
    /// Returns the place of one of TFLite's axes.
    pub fn axis(self, axis: usize) -> usize {
        match self {
            Layout::Plain => axis,
            Layout::First => TO_LAST.get(axis).copied().unwrap_or(axis),
        }
    }

    /// Returns a list with an element for each axis in this layout's order.
    pub fn order<T: Copy>(self, by_axis: &[T]) -> Vec<T> {
        match (self, by_axis) {
            (Layout::First, &[n, h, w, c]) => vec![n, c, h, w],
            _ => by_axis.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_orders_are_inverse() {
        for axis in 0..4 {
            assert_eq!(TO_FIRST[TO_LAST[axis]], axis);
            assert_eq!(Layout::First.order(&[0, 1, 2, 3])[Layout::First.axis(axis)], axis);
        }
        assert!(is_unit(&[1, 1, 1, 8]) && is_unit(&[1, 4, 5, 1]) && !is_unit(&[1, 1, 2, 2]) && !is_unit(&[1, 1, 8]));
    }
}
