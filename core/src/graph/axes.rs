//! Arithmetic on shapes: axes by number, strides, the size limit.

/// Maximum number of elements of a tensor: 2^28, a gigabyte of float32, far beyond the memory of these chips.
pub const MAX_ELEMENTS: usize = 1 << 28;

/// Returns the number of an axis from the front; a negative one counts from the end. `None` outside of the tensor.
pub fn from_front(axis: i64, rank: usize) -> Option<usize> {
    let axis = if axis < 0 { axis.checked_add_unsigned(rank as u64)? } else { axis };
    usize::try_from(axis).ok().filter(|&axis| axis < rank)
}

/// Returns the row-major strides of a shape.
pub fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_count_from_either_end() {
        let axes = [0, 2, -1, -3, 3, -4, i64::MIN, i64::MAX];
        assert_eq!(axes.map(|axis| from_front(axis, 3)), [Some(0), Some(2), Some(2), Some(0), None, None, None, None]);
        assert_eq!(from_front(0, 0), None);
    }

    #[test]
    fn the_last_axis_has_stride_one() {
        assert_eq!((strides(&[2, 3, 4]), strides(&[])), (vec![12, 4, 1], vec![]));
    }
}
