//! Filters between ONNX's order (N, C, then H and W, or W) and the order in which ESP-DL's kernels read them (esp-ppq
//! 1.3.12, `ResetParamLayoutPattern` in `export_patterns.py`).
//!
//! With `a` lanes: `[N/a][H][W][C][a]`, then the remaining `N mod a` filters as `[n][H][W][C]`, in a grouped
//! convolution as `[C][H][W][n]`. Plain: `[N][H][W][C]`, grouped `[H][W][C][N]`.
//!
//! Never: nodes.

use crate::Result;
use crate::bail;

/// Filters of a convolution before packing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filter<'a> {
    /// Lengths N, C (input channels per group), then H and W, or W.
    pub shape: &'a [usize],
    /// Set if `group` is above 1: ESP-DL then runs its depthwise kernel.
    pub grouped: bool,
    /// Channels per block (`QuantType::lanes`); `None` for the plain order.
    pub lanes: Option<usize>,
}

/// Sizes of a [`Filter`], whose product is known to fit.
#[derive(Clone, Copy)]
struct Sizes {
    n: usize,
    c: usize,
    area: usize,
}

impl Filter<'_> {
    fn sizes(&self, values: usize) -> Result<Sizes> {
        let [n, c, h, w] = match *self.shape {
            [n, c, w] => [n, c, 1, w],
            [n, c, h, w] => [n, c, h, w],
            _ => bail!(
                "a filter of shape {:?} has rank {}, but ESP-DL stores ranks 3 and 4",
                self.shape,
                self.shape.len()
            ),
        };
        let count = self.shape.iter().try_fold(1usize, |product, &d| product.checked_mul(d));
        if count != Some(values) {
            bail!("a filter of shape {:?} cannot hold {values} values", self.shape);
        }
        if self.lanes == Some(0) {
            bail!("a block of 0 channels cannot hold a filter");
        }
        // A zero elsewhere may hide that the product of these two alone is too large.
        let Some(area) = h.checked_mul(w) else { bail!("a filter of {h} x {w} is larger than memory") };
        Ok(Sizes { n, c, area })
    }

    /// Visits the index in ONNX's order of every value, in the order of storage.
    fn walk(&self, Sizes { n, c, area }: Sizes, mut visit: impl FnMut(usize)) {
        // If one size is 0, another may be arbitrarily large.
        if n == 0 || c == 0 || area == 0 {
            return;
        }
        let mut at = |filter: usize, channel: usize, place: usize| visit((filter * c + channel) * area + place);
        let lanes = self.lanes.unwrap_or(1);
        let full = if self.lanes.is_some() { n / lanes * lanes } else { 0 };
        for first in (0..full).step_by(lanes) {
            for place in 0..area {
                for channel in 0..c {
                    (first..first + lanes).for_each(|filter| at(filter, channel, place));
                }
            }
        }
        match (self.grouped, self.lanes) {
            (false, _) => {
                for filter in full..n {
                    (0..area).for_each(|place| (0..c).for_each(|channel| at(filter, channel, place)));
                }
            }
            (true, Some(_)) => {
                for channel in 0..c {
                    (0..area).for_each(|place| (full..n).for_each(|filter| at(filter, channel, place)));
                }
            }
            (true, None) => {
                for place in 0..area {
                    (0..c).for_each(|channel| (0..n).for_each(|filter| at(filter, channel, place)));
                }
            }
        }
    }

    /// Reorders from ONNX's order to that of storage.
    pub fn pack<T: Copy>(&self, values: &[T]) -> Result<Vec<T>> {
        let sizes = self.sizes(values.len())?;
        let mut stored = Vec::with_capacity(values.len());
        // In bounds: `sizes` has checked the shape against the number of values.
        self.walk(sizes, |index| stored.push(values[index]));
        Ok(stored)
    }

    /// Reorders from storage to ONNX's order.
    pub fn unpack<T: Copy>(&self, stored: &[T]) -> Result<Vec<T>> {
        let sizes = self.sizes(stored.len())?;
        let mut values = stored.to_vec();
        let mut next = stored.iter();
        self.walk(sizes, |index| {
            if let Some(&value) = next.next() {
                // In bounds: `sizes` has checked the shape against the number of values.
                values[index] = value;
            }
        });
        Ok(values)
    }

    /// Returns `dims` of the tensor in the file, which do not show the order of its bytes.
    pub fn stored_dims(&self) -> Vec<usize> {
        match self.shape {
            [n, c, space @ ..] if self.grouped => [space, &[*n, *c]].concat(),
            [n, c, space @ ..] => [space, &[*c, *n]].concat(),
            other => other.to_vec(),
        }
    }

    /// Returns the order's name, which follows `layout ==> ` in the tensor's `doc_string`.
    pub fn layout(&self) -> String {
        let space = if self.shape.len() == 3 { "W" } else { "HW" };
        let filters = self.shape.first().copied().unwrap_or_default();
        match self.lanes {
            None if self.grouped => format!("{space}CN"),
            None => format!("N{space}C"),
            Some(a) => {
                let rest = if filters.checked_rem(a).unwrap_or(0) == 0 { "" } else { "_UNALIGNED" };
                format!("(N/{a}){space}C{a}{rest}")
            }
        }
    }
}

/// Packs the constant right side of MatMul, `[..., C, N]`: each matrix like the filter of a 1x1 convolution; `dims`
/// stay.
pub fn pack_matmul<T: Copy>(values: &[T], dims: &[usize], lanes: Option<usize>) -> Result<Vec<T>> {
    let &[.., c, n] = dims else { bail!("a matrix needs two dimensions, but {dims:?} has {}", dims.len()) };
    let count = dims.iter().try_fold(1usize, |product, &d| product.checked_mul(d));
    if count != Some(values.len()) {
        bail!("matrices of shape {dims:?} cannot hold {} values", values.len());
    }
    // Without values there are no matrices, however large they would be.
    let matrix = c.saturating_mul(n).max(1);
    let mut stored = Vec::with_capacity(values.len());
    for matrix in values.chunks_exact(matrix) {
        stored.extend(pack_gemm(matrix, c, n, lanes)?);
    }
    Ok(stored)
}

/// Packs the weights of Gemm with `transB` 0, `[C, N]`, like the filter of a 1x1 convolution.
pub fn pack_gemm<T: Copy>(values: &[T], c: usize, n: usize, lanes: Option<usize>) -> Result<Vec<T>> {
    if c.checked_mul(n) != Some(values.len()) {
        bail!("weights of shape [{c}, {n}] cannot hold {} values", values.len());
    }
    // In bounds: checked by the line above.
    let rows: Vec<T> = (0..n).flat_map(|column| (0..c).map(move |row| values[row * n + column])).collect();
    Filter { shape: &[n, c, 1, 1], grouped: false, lanes }.pack(&rows)
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
