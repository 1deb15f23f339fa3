//! MatMul: products of matrices, repeated over leading axes as in numpy.
//! <https://onnx.ai/onnx/operators/onnx__MatMul.html>

use std::marker::PhantomData;

use super::limits;
use super::operands::{checked_len, constant, exactly, expect_float, required};
use super::{Call, Fact, Kernel, Operator, Treatment, Weights};
use crate::chip::{Chip, Effect, Family, Kernels, Limit, Runtime, Support};
use crate::graph::{DataType, Element, Tensor};
use crate::kernels::batched::{self, Batched};
use crate::kernels::dense::{Dense, DenseShape};
use crate::kernels::real::Real;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "MatMul",
    treatment: Treatment { weights: Weights::Whole, ..Treatment::COMPUTING },
    chip: Support::Runs(&Chip {
        kernels: Kernels::INTEGER,
        packs_weights: true,
        fuses: &["Relu"],
        limits: &[&RANK, &PLAIN_ROWS, &limits::exponents::SHIFT],
        ..Chip::PLAIN
    }),
    infer,
    prepare,
};

pub static RANK: Limit = Limit {
    name: "matmul-rank",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: |node| {
        let rank = (0..2).filter_map(|port| node.rank(port)).max().filter(|&rank| rank > 4);
        Ok(rank.map(|rank| format!("MatMul of {rank} dimensions; the runtime has up to 4")))
    },
    help: "merge dimensions with a Reshape before it",
    source: "dl_module_matmul.hpp",
};

/// esp-ppq 1.3.12, which targets a later release, always writes this form.
pub static PLAIN_ROWS: Limit = Limit {
    name: "matmul-plain-rows",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: Some(Runtime::PLAIN_ROWS),
    check: |node| {
        let is_plain = node.text("input1_layout", "")? == "native_kn" && !node.is_constant(1);
        let what =
            || "its right side is not packed (input1_layout native_kn), which the chip does not support".to_string();
        Ok(is_plain.then(what))
    },
    help: "export with the packing nodes, or update ESP-DL",
    source: "dl_module_matmul.hpp",
};

fn infer(call: &Call) -> Result<Vec<Fact>> {
    let (fact, _, y_shape) = shapes(call)?;
    Ok(vec![Fact::new(fact.data_type, y_shape)])
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    match shapes(call)?.0.data_type {
        DataType::F64 => build::<f64>(call),
        _ => build::<f32>(call),
    }
}

fn build<T: Real + Element>(call: &Call) -> Result<Box<dyn Kernel>> {
    let (_, batched, y_shape) = shapes(call)?;
    let weights = call.inputs[1].as_ref().filter(|b| b.shape.len() <= 2).and_then(constant::<T>);
    if let Some(b) = weights.filter(|_| !batched.pairs.is_empty()) {
        // With one matrix for all, the leading axes of the other side are additional rows.
        let shape = DenseShape {
            rows: batched.pairs.len() * batched.rows,
            depth: batched.depth,
            columns: batched.columns,
            transposed_a: false,
            transposed_b: false,
        };
        let len = shape.rows * shape.depth;
        return Ok(Box::new(Layer { dense: Dense::new(shape, b)?, len, y_shape }));
    }
    Ok(Box::new(MatMul { batched, y_shape, real: PhantomData::<T> }))
}

/// Returns the fact of `A`, the products to compute, and the result's shape.
fn shapes<'a>(call: &Call<'a>) -> Result<(&'a Fact, Batched, Vec<usize>)> {
    let (a, b) = (required(call, 0, "MatMul")?, required(call, 1, "MatMul")?);
    expect_float(a.data_type, "MatMul")?;
    if a.shape.is_empty() || b.shape.is_empty() {
        bail!("MatMul does not take scalars: shapes {:?} and {:?}", a.shape, b.shape);
    }
    // A vector is a row on the left and a column on the right; its axis is then dropped again.
    let a_shape = if a.shape.len() == 1 { vec![1, a.shape[0]] } else { a.shape.clone() };
    let b_shape = if b.shape.len() == 1 { vec![b.shape[0], 1] } else { b.shape.clone() };
    let (a_batch, [rows, depth]) = split(&a_shape)?;
    let (b_batch, [b_depth, columns]) = split(&b_shape)?;
    if depth != b_depth {
        bail!("MatMul cannot multiply {:?} by {:?}: {depth} columns meet {b_depth} rows", a.shape, b.shape);
    }
    let batch = broadcast(a_batch, b_batch)?;
    let mut y_shape = batch.clone();
    if a.shape.len() > 1 {
        y_shape.push(rows);
    }
    if b.shape.len() > 1 {
        y_shape.push(columns);
    }
    checked_len(&a.shape)?;
    checked_len(&b.shape)?;
    let pairs = if checked_len(&y_shape)? == 0 {
        Vec::new()
    } else {
        places(a_batch, &batch)?.into_iter().zip(places(b_batch, &batch)?).collect()
    };
    Ok((a, Batched { rows, depth, columns, pairs }, y_shape))
}

fn split(shape: &[usize]) -> Result<(&[usize], [usize; 2])> {
    match shape {
        [batch @ .., rows, columns] => Ok((batch, [*rows, *columns])),
        _ => bail!("MatMul takes matrices, not shape {shape:?}"),
    }
}

fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>> {
    let rank = a.len().max(b.len());
    let at = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |i| shape[i]);
    (0..rank)
        .map(|axis| match (at(a, axis), at(b, axis)) {
            (m, n) if m == n => Ok(m),
            (1, n) | (n, 1) => Ok(n),
            _ => bail!("MatMul cannot broadcast leading axes {a:?} and {b:?}"),
        })
        .collect()
}

/// Returns the index of the operand's matrix for each product, in order.
fn places(own: &[usize], batch: &[usize]) -> Result<Vec<usize>> {
    let count = checked_len(batch)?;
    let lead = batch.len() - own.len();
    let place = |mut product: usize| {
        let (mut place, mut stride) = (0, 1);
        for axis in (lead..batch.len()).rev() {
            let (index, size) = (product % batch[axis], own[axis - lead]);
            product /= batch[axis];
            if size != 1 {
                place += index * stride;
            }
            stride *= size;
        }
        place
    };
    Ok((0..count).map(place).collect())
}

/// Product with constant weights.
struct Layer<T> {
    dense: Dense<T>,
    /// Elements of `A`.
    len: usize,
    y_shape: Vec<usize>,
}

impl<T: Real + Element> Layer<T> {
    fn compute(&self, inputs: &[Option<Tensor>], range: Option<(T, T)>) -> Result<Vec<Tensor>> {
        let a = exactly::<T>(inputs, 0, self.len)?;
        Ok(vec![Tensor::new(&self.y_shape, self.dense.run(a, None, (T::ONE, T::ONE), range)?)?])
    }
}

impl<T: Real + Element> Kernel for Layer<T> {
    fn run(&self, inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        self.compute(&inputs, None)
    }

    fn can_clamp(&self) -> bool {
        true
    }

    fn run_clamped(&self, inputs: Vec<Option<Tensor>>, low: f32, high: f32) -> Result<Vec<Tensor>> {
        self.compute(&inputs, Some((T::from_f32(low), T::from_f32(high))))
    }
}

struct MatMul<T> {
    batched: Batched,
    y_shape: Vec<usize>,
    real: PhantomData<T>,
}

impl<T: Real + Element> Kernel for MatMul<T> {
    fn run(&self, inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let len = |port: usize| inputs.get(port).and_then(Option::as_ref).map_or(0, Tensor::len);
        let (a, b) = (exactly::<T>(&inputs, 0, len(0))?, exactly::<T>(&inputs, 1, len(1))?);
        Ok(vec![Tensor::new(&self.y_shape, batched::multiply(&self.batched, a, b)?)?])
    }
}
