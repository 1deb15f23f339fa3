//! Two operands of different shapes, by ONNX's rule of broadcasting.
//!
//! Never: the operation on them.

use crate::kernels::integer::elementwise::Operand;
use crate::{Result, bail};

/// Broadcasts two shapes by ONNX's rule.
pub fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>> {
    let rank = a.len().max(b.len());
    let at =
        |dims: &[usize], i: usize| (i + dims.len()).checked_sub(rank).and_then(|i| dims.get(i).copied()).unwrap_or(1);
    (0..rank)
        .map(|i| match (at(a, i), at(b, i)) {
            (x, y) if x == y || y == 1 => Ok(x),
            (1, y) => Ok(y),
            _ => bail!("shapes {a:?} and {b:?} do not broadcast"),
        })
        .collect()
}

/// Returns, for every element of `dims`, the index into an operand of shape `own`.
pub fn indices(own: &[usize], dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![0usize; dims.len()];
    let mut step = 1;
    let skipped = dims.len().saturating_sub(own.len());
    for (i, &size) in own.iter().enumerate().rev() {
        // In bounds: `dims` is at least as long as `own`.
        strides[skipped + i] = if size == 1 { 0 } else { step };
        step *= size;
    }
    let mut all = vec![0usize];
    for (&size, &stride) in dims.iter().zip(&strides) {
        all = all.iter().flat_map(|&base| (0..size).map(move |i| base + i * stride)).collect();
    }
    all
}

/// Pairs of operands' elements, in the order of the result: runs of neighbours.
pub struct Pairs {
    /// Shape of the result.
    pub dims: Vec<usize>,
    /// Elements per run: of both operands (1 if repeated), and of the result.
    pub inner: [usize; 3],
    /// First element of each run in the operands.
    starts: Vec<[usize; 2]>,
}

impl Pairs {
    /// Merges dimensions like ESP-DL (`get_elemwise_operation_args`), which has loops over four.
    pub fn new(a: &[usize], b: &[usize]) -> Result<Pairs> {
        let dims = broadcast(a, b)?;
        let merged = merged(a, b, &dims);
        let rank = merged.len();
        if rank > 4 {
            bail!("shapes {a:?} and {b:?} need {rank} loops, but the chip has 4");
        }
        let Some((&inner, outer)) = merged.split_last() else {
            return Ok(Pairs { dims, inner: [1; 3], starts: vec![[0; 2]] });
        };
        let sizes = |of: usize| -> Vec<usize> { outer.iter().map(|size| size[of]).collect() };
        let start = |of: usize| indices(&sizes(of), &sizes(2)).into_iter().map(move |i| i * inner[of]);
        Ok(Pairs { dims, inner, starts: start(0).zip(start(1)).map(|(a, b)| [a, b]).collect() })
    }

    /// Visits the operands of each run, whose elements must fit the operands' shapes.
    pub fn runs<'a, T: Copy>(
        &'a self,
        a: &'a [T],
        b: &'a [T],
    ) -> impl Iterator<Item = (Operand<'a, T>, Operand<'a, T>)> {
        let [inner_a, inner_b, inner] = self.inner;
        // In bounds: starts and lengths are of the operands' shapes.
        let operand = move |values: &'a [T], start: usize, own: usize| match own {
            1 if inner != 1 => Operand::One(values[start]),
            _ => Operand::Each(&values[start..start + own]),
        };
        self.starts.iter().map(move |&[i, j]| (operand(a, i, inner_a), operand(b, j, inner_b)))
    }

    /// Applies `op` to each pair.
    pub fn each<T: Copy, U>(&self, a: &[T], b: &[T], op: impl Fn(T, T) -> U) -> Vec<U> {
        let run =
            |(a, b): (Operand<T>, Operand<T>)| (0..self.inner[2]).map(|i| op(a.at(i), b.at(i))).collect::<Vec<U>>();
        self.runs(a, b).flat_map(run).collect()
    }
}

/// Returns sizes along each dimension after merging: of both operands and of the result.
fn merged(a: &[usize], b: &[usize], dims: &[usize]) -> Vec<[usize; 3]> {
    let rank = dims.len();
    let wide = |own: &[usize]| [vec![1; rank.saturating_sub(own.len())], own.to_vec()].concat();
    let (mut a, mut b, mut out) = (wide(a), wide(b), dims.to_vec());
    let mut left = rank;
    for i in 0..rank {
        let mut j = i + 1;
        while j < rank {
            // In bounds: all three have `rank` entries.
            if a[i] == b[i] && a[j] == b[j] {
                (a[i], b[i]) = (a[i] * a[j], b[i] * b[j]);
            } else if a[i] == 1 && a[j] == 1 {
                b[i] *= b[j];
            } else if b[i] == 1 && b[j] == 1 {
                a[i] *= a[j];
            } else {
                break;
            }
            out[i] *= out[j];
            (a[j], b[j], out[j]) = (1, 1, 1);
            j += 1;
        }
        if j == rank {
            left = i + 1;
            break;
        }
    }
    // In bounds: `left` is at most the rank.
    (0..left).map(|i| [a[i], b[i], out[i]]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_are_merged_as_the_chip_does() {
        assert_eq!(merged(&[1, 8, 8, 16], &[1, 8, 8, 16], &[1, 8, 8, 16]), [[1024, 1024, 1024]]);
        assert_eq!(merged(&[1, 8, 8, 16], &[1, 1, 1, 16], &[1, 8, 8, 16]), [[64, 1, 64], [16, 16, 16]]);
        assert_eq!(merged(&[1, 8, 8, 16], &[1], &[1, 8, 8, 16]), [[1024, 1, 1024]]);
    }

    #[test]
    fn operands_are_repeated_along_axes_of_1() {
        assert_eq!(indices(&[2, 1], &[2, 3]), [0, 0, 0, 1, 1, 1]);
        assert_eq!(indices(&[3], &[2, 3]), [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn runs_give_the_pairs_that_indices_give() {
        let shapes: [(&[usize], &[usize]); 7] = [
            (&[2, 3, 4], &[3, 1]),
            (&[2, 1, 4], &[3, 1]),
            (&[1], &[2, 2]),
            (&[2, 2], &[]),
            (&[], &[]),
            (&[1, 5, 1, 2], &[3, 1, 4, 1]),
            (&[2, 0], &[1]),
        ];
        for (a, b) in shapes {
            let pairs = Pairs::new(a, b).unwrap();
            let (left, right): (Vec<usize>, Vec<usize>) =
                ((0..a.iter().product()).collect(), (0..b.iter().product()).collect());
            let expected: Vec<(usize, usize)> =
                indices(a, &pairs.dims).into_iter().zip(indices(b, &pairs.dims)).collect();
            assert_eq!(pairs.each(&left, &right, |i, j| (i, j)), expected, "{a:?} {b:?}");
        }
    }
}
