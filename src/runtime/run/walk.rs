//! Permutations of a value's elements: the source of each position of the result.
//!
//! Never: arithmetic.

pub use crate::graph::axes::strides;

use super::value::{Data, same};

/// Axis of the result: offset of its first position in the source, step from position to position, and number of
/// positions.
pub type Axis = (i64, i64, usize);

/// Returns the offsets of all positions, the last axis fastest.
pub fn offsets(axes: &[Axis]) -> Vec<usize> {
    let mut all = vec![0i64];
    for &(first, step, count) in axes {
        all = all.iter().flat_map(|&base| (0..count as i64).map(move |i| base + first + i * step)).collect();
    }
    // Not negative: every axis is inside its dimension.
    all.into_iter().map(|i| i as usize).collect()
}

/// Walk through a source, run by run of its last axes.
pub struct Walk {
    /// First position of each run.
    starts: Vec<usize>,
    step: i64,
    count: usize,
}

impl Walk {
    /// Makes a walk of the result's `axes`, which must be inside the source.
    pub fn new(axes: &[Axis]) -> Walk {
        let mut outer: Vec<Axis> = axes.iter().copied().filter(|axis| axis.2 != 1 || axis.0 != 0).collect();
        let (mut first, mut step, mut count) = outer.pop().unwrap_or((0, 1, 1));
        // Axes that continue where the run ends extend it.
        while let Some(&(f, s, c)) = outer.last()
            && s == step * count as i64
        {
            (first, count) = (first + f, count * c);
            outer.pop();
        }
        if count == 1 {
            step = 1;
        }
        let starts = offsets(&outer).into_iter().map(|start| (start as i64 + first) as usize).collect();
        Walk { starts, step, count }
    }

    /// Returns the elements in the order of the walk.
    pub fn take(&self, data: &Data) -> Data {
        same!(data, values => self.of(values))
    }

    fn of<T: Copy>(&self, values: &[T]) -> Vec<T> {
        let mut made = Vec::with_capacity(self.starts.len() * self.count);
        for &start in &self.starts {
            // In bounds: every axis is inside the source.
            match self.step {
                1 => made.extend_from_slice(&values[start..start + self.count]),
                _ => made.extend((0..self.count as i64).map(|i| values[(start as i64 + i * self.step) as usize])),
            }
        }
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_visit_the_positions_of_all_axes() {
        let source: Vec<i64> = (0..120).collect();
        let walks: [&[Axis]; 7] = [
            &[(0, 60, 2), (0, 12, 5), (0, 1, 12)],
            &[(0, 1, 12), (0, 60, 2), (0, 12, 5)],
            &[(60, 60, 1), (24, 12, 3), (0, 1, 12)],
            &[(119, -1, 120)],
            &[(0, 60, 2), (36, -12, 3), (11, -2, 5)],
            &[(0, 60, 2), (0, 12, 0)],
            &[],
        ];
        for axes in walks {
            let expected: Vec<i64> = offsets(axes).into_iter().map(|i| i as i64).collect();
            assert_eq!(Walk::new(axes).take(&Data::I64(source.clone())), Data::I64(expected), "{axes:?}");
        }
    }
}
