//! MatMul, whose right side is packed like the filters of a 1x1 convolution, constant or not, matrix by matrix.
//!
//! Never: how the packing came about.

use crate::chip::QuantType;
use crate::{Result, bail};

use super::accumulator::Output;
use super::conv::{Dense, products, rows};
use super::elementwise::{broadcast, indices};
use super::step::Step;
use super::value::{Value, Whole};

pub fn matmul(step: &Step) -> Result<Vec<Value>> {
    if let Some(layout @ "native_kn") = step.node.text("input1_layout") {
        bail!("the layout {layout} is unknown to ESP-DL 3.3.9");
    }
    match step.quant_type() {
        QuantType::S8 => matmul_of::<i8, i8>(step),
        QuantType::S16 => matmul_of::<i16, i16>(step),
        QuantType::W8A16 => matmul_of::<i16, i8>(step),
        QuantType::F32 => step.unsupported(),
    }
}

fn matmul_of<T: Whole, W: Whole>(step: &Step) -> Result<Vec<Value>> {
    let (a, b) = (step.input(0)?, step.input(1)?);
    let wide = |dims: &[usize], left: bool| match *dims {
        [n] if left => vec![1, n],
        [n] => vec![n, 1],
        _ => dims.to_vec(),
    };
    let (a_dims, b_dims) = (wide(&a.dims, true), wide(&b.dims, false));
    let (&[ref a_batch @ .., m, k], &[ref b_batch @ .., c, n]) = (a_dims.as_slice(), b_dims.as_slice()) else {
        bail!("shapes {:?} and {:?} are no matrices", a.dims, b.dims);
    };
    if k != c || k == 0 {
        bail!("matrices of shapes {:?} and {:?} do not fit", a.dims, b.dims);
    }
    if step.optional(2).is_some() {
        bail!("a third input has no meaning to MatMul");
    }
    let output = Output::new(step.family(), step.relu()?, a.exponent(), &b.exponents, step.exponent()?, n)?;
    let lanes = step.quant_type().lanes(step.family());
    let bias = vec![0; n];
    let batch = broadcast(a_batch, b_batch)?;
    let (left, right) = (a.whole::<T>()?, b.whole::<W>()?);
    let mut values = Vec::new();
    for (i, j) in indices(a_batch, &batch).into_iter().zip(indices(b_batch, &batch)) {
        // In bounds: the indices count matrices of the operands' shapes.
        let rows = rows(&right[j * k * n..(j + 1) * k * n], n, k, 1, lanes)?;
        let dense = Dense { rows: &rows, bias: &bias, lanes, output: &output };
        values.extend(products(&left[i * m * k..(i + 1) * m * k], k, &dense));
    }
    let mut dims = batch;
    dims.extend((a.dims.len() > 1).then_some(m));
    dims.extend((b.dims.len() > 1).then_some(n));
    if dims.is_empty() {
        dims.push(1);
    }
    step.whole(dims, values)
}
