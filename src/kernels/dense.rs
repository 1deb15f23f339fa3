//! Fully connected layers: `y = alpha * a b + beta * c`, with `b` packed once.

use super::buffer;
use super::matmul::{Matrix, multiply};
use super::real::{Real, clamp};
use crate::Result;

/// `a` is rows x depth, `b` depth x columns; each lies transposed in memory where said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DenseShape {
    pub rows: usize,
    pub depth: usize,
    pub columns: usize,
    pub transposed_a: bool,
    pub transposed_b: bool,
}

/// A fully connected layer with its weights, ready to run.
pub struct Dense<T> {
    shape: DenseShape,
    weights: Vec<T>,
}

impl<T: Real> Dense<T> {
    pub fn new(shape: DenseShape, b: &[T]) -> Dense<T> {
        Dense { shape, weights: b.to_vec() }
    }

    /// `bias` comes with its strides along rows and columns; `scales` are alpha and beta.
    pub fn run(
        &self,
        a: &[T],
        bias: Option<(&[T], (usize, usize))>,
        (alpha, beta): (T, T),
        range: Option<(T, T)>,
    ) -> Result<Vec<T>> {
        let s = &self.shape;
        let mut y = buffer::repeated(s.rows * s.columns, T::ZERO)?;
        if y.is_empty() {
            return Ok(y);
        }
        let a = oriented(a, s.rows, s.depth, s.transposed_a);
        multiply(a, oriented(&self.weights, s.depth, s.columns, s.transposed_b), &mut y);
        for (r, row) in y.chunks_mut(s.columns).enumerate() {
            if alpha != T::ONE {
                row.iter_mut().for_each(|v| *v = *v * alpha);
            }
            if let Some((bias, (down, right))) = bias {
                for (c, v) in row.iter_mut().enumerate() {
                    let b = bias[r * down + c * right];
                    *v += if beta == T::ONE { b } else { b * beta };
                }
            }
            if let Some(range) = range {
                clamp(row, range);
            }
        }
        Ok(y)
    }
}

fn oriented<T>(data: &[T], rows: usize, columns: usize, transposed: bool) -> Matrix<'_, T> {
    if transposed { Matrix::dense(data, columns, rows).transposed() } else { Matrix::dense(data, rows, columns) }
}
