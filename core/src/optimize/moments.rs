//! Second moments of a filter's inputs: sums of products of two elements, of which each pair is computed once.

use crate::kernels::matmul::{Matrix, multiply};

/// Rows that are multiplied at once, by all columns from the first of them on.
const BLOCK: usize = 96;

/// Symmetric matrix; of its elements, those on and right of the diagonal's blocks are there.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    size: usize,
    /// Blocks of rows, each without the columns before its first row.
    sums: Vec<f64>,
}

impl Moments {
    /// Makes moments of no inputs.
    pub fn zero(size: usize) -> Moments {
        Moments { size, sums: vec![0.0; offset(size, size)] }
    }

    /// Number of elements of the filter.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Sums, in an order that is also that of [`products`].
    pub fn sums_mut(&mut self) -> &mut [f64] {
        &mut self.sums
    }

    /// Returns the sum of the products of two elements.
    pub fn of(&self, a: usize, b: usize) -> f64 {
        self.sums[place(self.size, a.min(b), a.max(b))]
    }

    /// Makes moments of a whole symmetric matrix, row after row.
    #[cfg(test)]
    pub fn dense(matrix: &[f64]) -> Moments {
        let mut moments = Moments::zero(matrix.len().isqrt());
        let size = moments.size;
        for (row, column) in (0..size).flat_map(|row| (row..size).map(move |column| (row, column))) {
            moments.sums[place(size, row, column)] = matrix[row * size + column];
        }
        moments
    }
}

/// Returns the place of an element on the diagonal or right of it.
fn place(size: usize, row: usize, column: usize) -> usize {
    let first = row / BLOCK * BLOCK;
    offset(size, first) + (row - first) * (size - first) + column - first
}

/// Returns the number of sums before a block of rows. `first` is a multiple of [`BLOCK`], or `size`.
fn offset(size: usize, first: usize) -> usize {
    let whole = first / BLOCK;
    let of_whole = BLOCK * whole * size - BLOCK * BLOCK * (whole * whole.saturating_sub(1) / 2);
    let rest = first - whole * BLOCK;
    of_whole + rest * (size - whole * BLOCK)
}

/// Computes the sums of products of all pairs of rows.
pub fn products(rows: Matrix<f32>) -> Vec<f32> {
    let size = rows.rows;
    let mut products = vec![0.0; offset(size, size)];
    for first in (0..size).step_by(BLOCK) {
        let last = size.min(first + BLOCK);
        let block = &mut products[offset(size, first)..offset(size, last)];
        multiply(rows.lines(first..last), rows.lines(first..size).transposed(), block);
    }
    products
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_has_its_sum() {
        for size in [1, 9, BLOCK, BLOCK + 1, 3 * BLOCK + 7] {
            let data: Vec<f32> = (0..size * 5).map(|at| (at * 7 % 11) as f32 - 5.0).collect();
            let row = |at: usize| &data[at * 5..][..5];
            let mut moments = Moments::zero(size);
            let products = products(Matrix::dense(&data, size, 5));
            assert_eq!(products.len(), moments.sums_mut().len());
            moments.sums_mut().iter_mut().zip(products).for_each(|(sum, product)| *sum += f64::from(product));
            for (a, b) in (0..size).flat_map(|a| (0..size).map(move |b| (a, b))) {
                let sum: f32 = row(a).iter().zip(row(b)).map(|(x, y)| x * y).sum();
                assert_eq!(moments.of(a, b), f64::from(sum), "{a} {b} of {size}");
            }
        }
    }
}
