//! Many matrix products of one size.

use super::buffer;
use super::matmul::{Matrix, multiply as product};
use super::real::Real;
use crate::{Result, bail};

/// Products of dense row-major matrices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batched {
    /// Rows of each `a` and of each result.
    pub rows: usize,
    /// Columns of each `a`, rows of each `b`.
    pub depth: usize,
    /// Columns of each `b` and of each result.
    pub columns: usize,
    /// Matrices of each product, in order: its index into `a` and its index into `b`.
    pub pairs: Vec<(usize, usize)>,
}

impl Batched {
    /// Returns `true` if all products share one `b` and take `a` in order: they are then computed as one product.
    fn is_one(&self) -> bool {
        self.pairs.iter().enumerate().all(|(i, &pair)| pair == (i, 0))
    }
}

/// Returns the products one after the other, in the order of `pairs`. Fails if a slice is too short for them.
pub fn multiply<T: Real>(s: &Batched, a: &[T], b: &[T]) -> Result<Vec<T>> {
    let (a_size, b_size, y_size) = (s.rows * s.depth, s.depth * s.columns, s.rows * s.columns);
    let mut y = buffer::repeated(s.pairs.len() * y_size, T::ZERO)?;
    if y.is_empty() {
        return Ok(y);
    }
    let (Some(a_last), Some(b_last)) = (s.pairs.iter().map(|p| p.0).max(), s.pairs.iter().map(|p| p.1).max()) else {
        return Ok(y);
    };
    if a.len() < (a_last + 1) * a_size || b.len() < (b_last + 1) * b_size {
        bail!("matrices of {} and {} elements are too small for their shapes", a.len(), b.len());
    }
    if s.is_one() {
        let rows = s.pairs.len() * s.rows;
        product(
            Matrix::dense(&a[..rows * s.depth], rows, s.depth),
            Matrix::dense(&b[..b_size], s.depth, s.columns),
            &mut y,
        );
        return Ok(y);
    }
    for (&(i, j), y) in s.pairs.iter().zip(y.chunks_mut(y_size)) {
        let a = Matrix::dense(&a[i * a_size..][..a_size], s.rows, s.depth);
        product(a, Matrix::dense(&b[j * b_size..][..b_size], s.depth, s.columns), y);
    }
    Ok(y)
}
