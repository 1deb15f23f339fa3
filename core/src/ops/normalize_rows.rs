//! Rows of a tensor that are normalized together, for Softmax and similar operators.

use crate::graph::{Element, Tensor};
use crate::kernels::real::Real;
use crate::{Result, bail};

use super::axes::normalize;
use super::operands::required;
use super::{Call, Kernel};

/// Rows of a tensor, in blocks of `length` x `inner` elements; each row runs along `length`.
#[derive(Debug, Clone, Copy)]
pub struct Rows {
    pub length: usize,
    pub inner: usize,
}

impl Rows {
    pub fn along(shape: &[usize], axis: usize) -> Rows {
        let product = |s: &[usize]| s.iter().product();
        Rows { length: shape[axis], inner: product(&shape[axis + 1..]) }
    }

    /// Takes all axes from `axis` on as one row.
    pub fn from(shape: &[usize], axis: usize) -> Rows {
        Rows { length: shape[axis..].iter().product(), inner: 1 }
    }

    pub fn of_softmax(call: &Call) -> Result<Rows> {
        let x = required(call, 0, "Softmax")?;
        let rank = x.shape.len();
        let modern = call.opset >= 13;
        let axis = call.attributes.int_or("axis", if modern { -1 } else { 1 });
        // Before operator set 13 the axis may be the rank: rows of one element.
        if !modern && axis == rank as i64 {
            return Ok(Rows { length: 1, inner: 1 });
        }
        let axis = normalize(axis, rank)?;
        Ok(if modern { Rows::along(&x.shape, axis) } else { Rows::from(&x.shape, axis) })
    }

    /// Calls `f` with every row, gathered if its elements are not contiguous, and writes it back.
    pub fn for_each<T: Real>(&self, values: &mut [T], mut f: impl FnMut(&mut [T])) {
        if self.inner == 1 {
            return values.chunks_mut(self.length.max(1)).for_each(f);
        }
        let mut row = vec![T::ZERO; self.length];
        for block in values.chunks_mut((self.length * self.inner).max(1)) {
            for i in 0..self.inner {
                row.iter_mut().zip(block.iter().skip(i).step_by(self.inner)).for_each(|(r, v)| *r = *v);
                f(&mut row);
                block.iter_mut().skip(i).step_by(self.inner).zip(&row).for_each(|(v, r)| *v = *r);
            }
        }
    }
}

pub struct Softmax {
    pub rows: Rows,
    pub log: bool,
}

impl Kernel for Softmax {
    fn run(&self, inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let Some(x) = inputs.into_iter().next().flatten() else { bail!("input 0 is missing") };
        Ok(vec![match &x {
            Tensor::F64(_) => self.rows_of::<f64>(x, f64::exp, f64::ln)?,
            _ => self.rows_of::<f32>(x, f32::exp, f32::ln)?,
        }])
    }
}

impl Softmax {
    fn rows_of<T: Real + Element>(&self, x: Tensor, exp: fn(T) -> T, ln: fn(T) -> T) -> Result<Tensor> {
        let shape = x.shape().to_vec();
        let Some(mut values) = x.into_vec::<T>() else { bail!("Softmax takes float32 or float64") };
        self.rows.for_each(&mut values, |row| {
            let top = row.iter().copied().fold(T::NEG_INFINITY, |a, b| if b > a { b } else { a });
            let mut sum = T::ZERO;
            for v in row.iter() {
                sum += exp(*v - top);
            }
            let log_sum = ln(sum);
            for v in row {
                *v = if self.log { *v - top - log_sum } else { exp(*v - top) / sum };
            }
        });
        Tensor::new(&shape, values)
    }
}
