//! MatMul, whose right side is packed like the filters of a 1x1 convolution, constant or not, matrix by matrix.
//!
//! Never: packing.

use crate::chip::QuantType;
use crate::kernels::integer::Conv;
use crate::{Result, bail};

use super::accumulator::Sums;
use super::broadcast::{broadcast, indices};
use super::conv::{product, rows};
use super::kernel::Kernel;
use super::node_context::Step;
use super::value::QuantizedInteger;

pub fn matmul(step: &Step) -> Result<Kernel> {
    if let Some(layout @ "native_kn") = step.node.text("input1_layout") {
        bail!("the layout {layout} is not supported by ESP-DL 3.3.9");
    }
    match step.quant_type() {
        QuantType::S8 => matmul_of::<i8, i8>(step),
        QuantType::S16 => matmul_of::<i16, i16>(step),
        QuantType::W8A16 => matmul_of::<i16, i8>(step),
        QuantType::F32 => step.unsupported(),
    }
}

fn matmul_of<T: QuantizedInteger, W: QuantizedInteger>(step: &Step) -> Result<Kernel> {
    let (a, b) = (step.quantized::<T>(0)?, step.quantized::<W>(1)?);
    let wide = |dims: &[usize], left: bool| match *dims {
        [n] if left => vec![1, n],
        [n] => vec![n, 1],
        _ => dims.to_vec(),
    };
    let (a_dims, b_dims) = (wide(&a.dims, true), wide(&b.dims, false));
    let (&[ref a_batch @ .., m, k], &[ref b_batch @ .., c, n]) = (a_dims.as_slice(), b_dims.as_slice()) else {
        bail!("shapes {:?} and {:?} are not those of matrices", a.dims, b.dims);
    };
    if k != c || k == 0 {
        bail!("matrices of shapes {:?} and {:?} do not fit", a.dims, b.dims);
    }
    if step.optional(2).is_some() {
        bail!("MatMul has a third input, which the chip does not support");
    }
    let batch = broadcast(a_batch, b_batch)?;
    let mut pairs: Vec<(usize, usize)> = indices(a_batch, &batch).into_iter().zip(indices(b_batch, &batch)).collect();
    let mut rows_of_a = m;
    if b_batch.iter().product::<usize>() == 1 {
        // All rows by one matrix: a single product.
        (rows_of_a, pairs) = (pairs.len() * m, vec![(0, 0)]);
    }
    let mut dims = batch;
    dims.extend((a.dims.len() > 1).then_some(m));
    dims.extend((b.dims.len() > 1).then_some(n));
    if dims.is_empty() {
        dims.push(1);
    }
    let right = Right {
        rows: rows_of_a,
        k,
        n,
        lanes: step.quant_type().lanes(step.family()),
        sums: Sums::new(step, &b.exponents, n, false)?,
    };
    // Products of a constant are prepared here, others at each run.
    let prepared = match &b.constant {
        Some(data) => {
            let matrices = data.quantized::<W>()?.chunks_exact((k * n).max(1));
            Some(matrices.map(|matrix| right.prepare::<T, W>(matrix)).collect::<Result<Vec<Conv>>>()?)
        }
        None => None,
    };
    step.makes(dims, move |inputs| {
        let left = inputs.quantized::<T>(0)?;
        let mut values = Vec::new();
        for &(i, j) in &pairs {
            // In bounds: the indices count matrices of the operands' shapes.
            let left = &left[i * right.rows * k..(i + 1) * right.rows * k];
            match prepared.as_ref().map(|all| &all[j]) {
                Some(conv) => values.extend(conv.run(left)?),
                None => {
                    let matrix = &inputs.quantized::<W>(1)?[j * k * n..(j + 1) * k * n];
                    values.extend(right.prepare::<T, W>(matrix)?.run(left)?);
                }
            }
        }
        Ok(values)
    })
}

/// Properties of the products that do not depend on the right side's elements.
struct Right {
    /// Rows of the left side.
    rows: usize,
    k: usize,
    n: usize,
    lanes: Option<usize>,
    sums: Sums,
}

impl Right {
    fn prepare<T: QuantizedInteger, W: QuantizedInteger>(&self, matrix: &[W]) -> Result<Conv> {
        let rows = rows(matrix, self.n, self.k, 1, self.lanes)?;
        self.sums.conv::<T>(product(self.rows, self.k, self.n), &rows, &vec![0; self.n])
    }
}
