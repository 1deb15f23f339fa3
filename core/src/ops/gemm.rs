//! Gemm: `Y = alpha * A' * B' + beta * C`. <https://onnx.ai/onnx/operators/onnx__Gemm.html>

use std::marker::PhantomData;

use super::limits;
use super::operands::{checked_len, constant, elements, exactly, expect_float, optional, required};
use super::{Call, Fact, Kernel, Operator, Treatment, Weights};
use crate::chip::{Chip, Effect, Family, Kernels, Limit, Support};
use crate::graph::{DataType, Element, Tensor};
use crate::kernels::dense::{Dense, DenseShape};
use crate::kernels::real::Real;
use crate::{Error, Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "Gemm",
    treatment: Treatment {
        weights: Weights::ByChannel(|attributes| usize::from(attributes.int_or("transB", 0) != 1)),
        ..Treatment::COMPUTING
    },
    chip: Support::Runs(&Chip {
        kernels: Kernels::INTEGER,
        packs_weights: true,
        fuses: &["Relu"],
        limits: &[&TRANSPOSED, &limits::exponents::SHIFT],
        ..Chip::PLAIN
    }),
    infer,
    prepare,
};

/// The exporter writes a Transpose instead.
pub static TRANSPOSED: Limit = Limit {
    name: "gemm-trans-a",
    effect: Effect::NotLoaded,
    on: Family::ALL,
    until: None,
    check: |node| {
        let is_turned = node.is_written() && node.int("transA", 0)? != 0;
        Ok(is_turned.then(|| "Gemm with transA, which the loader refuses".to_string()))
    },
    help: "put a Transpose before its first input",
    source: "dl_module_gemm.hpp",
};

fn infer(call: &Call) -> Result<Vec<Fact>> {
    let (a, shape) = shapes(call)?;
    Ok(vec![Fact::new(a.data_type, [shape.rows, shape.columns])])
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    match shapes(call)?.0.data_type {
        DataType::F64 => build::<f64>(call),
        _ => build::<f32>(call),
    }
}

/// Returns the fact of `A`, and the sizes.
fn shapes<'a>(call: &Call<'a>) -> Result<(&'a Fact, DenseShape)> {
    let (a, b) = (required(call, 0, "Gemm")?, required(call, 1, "Gemm")?);
    expect_float(a.data_type, "Gemm")?;
    let (transposed_a, transposed_b) =
        (call.attributes.int_or("transA", 0) != 0, call.attributes.int_or("transB", 0) != 0);
    let (&[a0, a1], &[b0, b1]) = (a.shape.as_slice(), b.shape.as_slice()) else {
        return Err(Error::new(format!("Gemm takes two matrices, not {:?} and {:?}", a.shape, b.shape))
            .with_help("put a Flatten before it, or use MatMul"));
    };
    let (rows, depth) = if transposed_a { (a1, a0) } else { (a0, a1) };
    let (b_depth, columns) = if transposed_b { (b1, b0) } else { (b0, b1) };
    if depth != b_depth {
        bail!("Gemm cannot multiply {:?} by {:?}: {depth} columns meet {b_depth} rows", a.shape, b.shape);
    }
    for shape in [[rows, depth], [depth, columns], [rows, columns]] {
        checked_len(&shape)?;
    }
    if let Some(c) = optional(call, 2) {
        bias_strides(&c.shape, rows, columns)?;
    }
    Ok((a, DenseShape { rows, depth, columns, transposed_a, transposed_b }))
}

/// Strides of C along rows and columns, 0 if it is repeated.
fn bias_strides(shape: &[usize], rows: usize, columns: usize) -> Result<(usize, usize)> {
    let (r, c) = match *shape {
        [] => (1, 1),
        [c] => (1, c),
        [r, c] => (r, c),
        _ => bail!("Gemm has a C of shape {shape:?}, which is not a matrix"),
    };
    if (r != 1 && r != rows) || (c != 1 && c != columns) {
        bail!("Gemm has a C of shape {shape:?} for a result of [{rows}, {columns}]");
    }
    Ok((if r == 1 { 0 } else { c }, if c == 1 { 0 } else { 1 }))
}

fn build<T: Real + Element>(call: &Call) -> Result<Box<dyn Kernel>> {
    let (_, shape) = shapes(call)?;
    let bias = match optional(call, 2) {
        Some(c) => Some((bias_strides(&c.shape, shape.rows, shape.columns)?, c.shape.iter().product())),
        None => None,
    };
    let packed = call.inputs[1].as_ref().and_then(constant::<T>).map(|b| Dense::new(shape.clone(), b)).transpose()?;
    let (alpha, beta) = (call.attributes.float_or("alpha", 1.0), call.attributes.float_or("beta", 1.0));
    Ok(Box::new(Gemm { shape, packed, bias, alpha, beta, real: PhantomData::<T> }))
}

struct Gemm<T> {
    shape: DenseShape,
    /// Packed `B`, if it is constant.
    packed: Option<Dense<T>>,
    /// Strides of C along rows and columns, and its length.
    bias: Option<((usize, usize), usize)>,
    alpha: f32,
    beta: f32,
    real: PhantomData<T>,
}

impl<T: Real + Element> Gemm<T> {
    fn compute(&self, inputs: &[Option<Tensor>], range: Option<(f32, f32)>) -> Result<Vec<Tensor>> {
        let s = &self.shape;
        let a = exactly::<T>(inputs, 0, s.rows * s.depth)?;
        let bias = match self.bias {
            Some((strides, len)) => Some((exactly::<T>(inputs, 2, len)?, strides)),
            None => None,
        };
        let range = range.map(|(low, high)| (T::from_f32(low), T::from_f32(high)));
        let scales = (T::from_f32(self.alpha), T::from_f32(self.beta));
        let y = match &self.packed {
            Some(packed) => packed.run(a, bias, scales, range)?,
            None => {
                let b = elements::<T>(inputs, 1)?.unwrap_or_default();
                if b.len() != s.depth * s.columns {
                    bail!("Gemm has a B of {} elements, expected {}", b.len(), s.depth * s.columns);
                }
                Dense::new(s.clone(), b)?.run(a, bias, scales, range)?
            }
        };
        Ok(vec![Tensor::new(&[s.rows, s.columns], y)?])
    }
}

impl<T: Real + Element> Kernel for Gemm<T> {
    fn run(&self, inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        self.compute(&inputs, None)
    }

    fn reads(&self, port: usize) -> bool {
        port != 1 || self.packed.is_none()
    }

    fn can_clamp(&self) -> bool {
        true
    }

    fn run_clamped(&self, inputs: Vec<Option<Tensor>>, low: f32, high: f32) -> Result<Vec<Tensor>> {
        self.compute(&inputs, Some((low, high)))
    }
}
