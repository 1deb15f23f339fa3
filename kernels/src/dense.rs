//! Fully connected layers: `y = alpha * a b + beta * c`, with `b` packed once.

use super::buffer;
use super::matmul::{Matrix, multiply};
use super::real::{Real, clamp};
use super::simd::Level;
use super::tile::{self, Columns, Epilogue, Panels};
use crate::Result;

/// Sizes of a fully connected layer: `a` is rows x depth, `b` is depth x columns. Each may be stored transposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DenseShape {
    /// Rows of `a` and of the result.
    pub rows: usize,
    /// Columns of `a`, rows of `b`.
    pub depth: usize,
    /// Columns of `b` and of the result.
    pub columns: usize,
    /// Set if `a` is stored as depth x rows.
    pub transposed_a: bool,
    /// Set if `b` is stored as columns x depth.
    pub transposed_b: bool,
}

/// A fully connected layer with its weights, ready to run.
pub struct Dense<T> {
    shape: DenseShape,
    weights: Weights<T>,
}

enum Weights<T> {
    /// float32: in blocks of columns.
    Blocks(Blocks),
    /// Weights as they were passed in.
    Plain(Vec<T>),
}

/// Columns that are packed together: as many as fit the registers that hold the sums of one row.
const BLOCK: usize = 128;

/// A matrix in blocks of [`BLOCK`] columns, each block in row-major order; the last one may be narrower.
struct Blocks {
    level: Level,
    data: Vec<f32>,
    depth: usize,
    columns: usize,
}

impl<T: Real> Dense<T> {
    /// Packs `b`, which has depth * columns elements. Fails if memory does not suffice.
    pub fn new(shape: DenseShape, b: &[T]) -> Result<Dense<T>> {
        Dense::at_level(Level::detect(), shape, b)
    }

    /// Like [`Dense::new`], with vectors no wider than `level`.
    fn at_level(level: Level, shape: DenseShape, b: &[T]) -> Result<Dense<T>> {
        let weights = match T::single(b) {
            Some(b) if shape.depth > 0 && shape.columns > 0 => Weights::Blocks(Blocks::pack(level, &shape, b)?),
            _ => Weights::Plain(b.to_vec()),
        };
        Ok(Dense { shape, weights })
    }

    /// Runs the layer. `bias` comes with its strides along rows and columns; `scales` are alpha and beta.
    pub fn run(
        &self,
        a: &[T],
        bias: Option<(&[T], (usize, usize))>,
        scales: (T, T),
        range: Option<(T, T)>,
    ) -> Result<Vec<T>> {
        T::multiply(self, a, bias, scales, range)
    }
}

/// [`Dense::run`], compiled in this crate.
pub(super) fn run<T: Real>(
    dense: &Dense<T>,
    a: &[T],
    bias: Option<(&[T], (usize, usize))>,
    (alpha, beta): (T, T),
    range: Option<(T, T)>,
) -> Result<Vec<T>> {
    let s = &dense.shape;
    if s.rows == 0 || s.columns == 0 {
        return Ok(Vec::new());
    }
    let mut y = match &dense.weights {
        Weights::Blocks(blocks) => {
            let y = blocks.times(T::single(a).unwrap_or_default(), s.rows, s.transposed_a)?;
            T::from_single(y).unwrap_or_default()
        }
        Weights::Plain(weights) => {
            let mut y = buffer::repeated(s.rows * s.columns, T::ZERO)?;
            let a = oriented(a, s.rows, s.depth, s.transposed_a);
            multiply(a, oriented(weights, s.depth, s.columns, s.transposed_b), &mut y);
            y
        }
    };
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

impl Blocks {
    fn pack(level: Level, shape: &DenseShape, b: &[f32]) -> Result<Blocks> {
        let (depth, columns) = (shape.depth, shape.columns);
        let (down, right) = if shape.transposed_b { (1, depth) } else { (columns, 1) };
        assert!(b.len() == depth * columns, "the number of weights does not match the shape");
        let mut data = buffer::repeated(depth * columns, 0.0)?;
        for (block, data) in data.chunks_mut(depth * BLOCK).enumerate() {
            let width = data.len() / depth;
            for (k, row) in data.chunks_exact_mut(width).enumerate() {
                for (c, v) in row.iter_mut().enumerate() {
                    *v = b[k * down + (block * BLOCK + c) * right];
                }
            }
        }
        Ok(Blocks { level: level.min(Level::detect()), data, depth, columns })
    }

    /// Multiplies `a` by this matrix. `a` has `rows` rows, or is stored transposed.
    fn times(&self, a: &[f32], rows: usize, transposed: bool) -> Result<Vec<f32>> {
        // Checked here because memory safety below depends on it.
        assert!(a.len() == rows * self.depth, "the input's length does not match the shape");
        let strides = if transposed { (1, rows) } else { (self.depth, 1) };
        // A single row needs no packing: it is contiguous either way.
        let panels = if rows > 1 { Some(Panels::pack(a, rows, self.depth, strides)?) } else { None };
        let wide: Vec<usize> = (0..self.depth).map(|k| k * BLOCK).collect();
        let narrow: Vec<usize> = (0..self.depth).map(|k| k * (self.columns % BLOCK)).collect();
        let e = Epilogue { bias: None, range: None };
        // SAFETY: a block holds `depth` rows of its width; the blocks' columns together are all columns
        // of the result, and each call writes them in every row. The level is at most the processor's.
        unsafe {
            buffer::written(rows * self.columns, |y: *mut f32| {
                for (block, data) in self.data.chunks(self.depth * BLOCK).enumerate() {
                    let width = data.len() / self.depth;
                    let places = if width == BLOCK { &wide } else { &narrow };
                    let b = Columns { base: data.as_ptr(), places };
                    let y = y.wrapping_add(block * BLOCK);
                    match &panels {
                        Some(panels) => tile::multiply(self.level, panels, b, width, y, self.columns, e),
                        None => tile::multiply_row(self.level, a, b, width, y, e),
                    }
                }
            })
        }
    }
}

fn oriented<T>(data: &[T], rows: usize, columns: usize, transposed: bool) -> Matrix<'_, T> {
    if transposed { Matrix::dense(data, columns, rows).transposed() } else { Matrix::dense(data, rows, columns) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::naive::{narrow, whole, widen};
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn equals_the_definition_bit_by_bit(
            (rows, depth, columns) in (0usize..20, 0usize..40, 0usize..300),
            (transposed_a, transposed_b, clamped) in any::<(bool, bool, bool)>(),
            seed in any::<u64>(),
        ) {
            let (a, b, c) = (whole(rows * depth, seed), whole(depth * columns, seed ^ 1), whole(columns, seed ^ 2));
            let at_a = |r: usize, k: usize| if transposed_a { a[k * rows + r] } else { a[r * depth + k] };
            let at_b = |k: usize, c: usize| if transposed_b { b[c * depth + k] } else { b[k * columns + c] };
            let mut expected = Vec::new();
            for r in 0..rows {
                for (i, c) in c.iter().enumerate() {
                    expected.push((0..depth).map(|k| at_a(r, k) * at_b(k, i)).sum::<f64>() * 2.0 + c * 0.5);
                }
            }
            let range = clamped.then_some((0.0, 6000.0));
            if clamped {
                clamp(&mut expected, (0.0, 6000.0));
            }
            let shape = DenseShape { rows, depth, columns, transposed_a, transposed_b };
            let y = Dense::new(shape.clone(), &b).unwrap().run(&a, Some((&c, (0, 1))), (2.0, 0.5), range).unwrap();
            prop_assert_eq!(&y, &expected);
            let (a, b, c) = (narrow(&a), narrow(&b), narrow(&c));
            for level in Level::available() {
                let dense = Dense::at_level(level, shape.clone(), &b).unwrap();
                let range = clamped.then_some((0.0, 6000.0));
                let y = dense.run(&a, Some((&c, (0, 1))), (2.0, 0.5), range).unwrap();
                prop_assert_eq!(&widen(&y), &expected, "{:?}", level);
            }
        }
    }
}
