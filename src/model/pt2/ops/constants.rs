//! Tensors that are made of numbers alone.

use crate::Result;
use crate::graph::{DataType, Element, Tensor};
use crate::model::pt2::lowering::{Call, Lowering, filled};
use crate::{Error, bail};

fn fill<'a>(l: &mut Lowering<'a>, call: Call<'a>, value: f64) -> Result<()> {
    let (shape, kind) = (l.output_shape(call)?, l.output_kind(call)?);
    l.program.claim(shape.iter().product())?;
    let Some(tensor) = filled(&shape, value, kind) else { bail!("shape {shape:?} is too large") };
    let y = l.constant(tensor);
    l.set(call, y)
}

pub fn zeros<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    fill(l, call, 0.0)
}

pub fn ones<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    fill(l, call, 1.0)
}

pub fn full<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let value = l.float(call, "fill_value", 0.0)?;
    fill(l, call, value)
}

pub fn scalar_tensor<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let value = l.float(call, "s", 0.0)?;
    fill(l, call, value)
}

pub fn eye<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (shape, kind) = (l.output_shape(call)?, l.output_kind(call)?);
    let &[rows, columns] = shape.as_slice() else { bail!("has shape {shape:?}") };
    l.program.claim(rows.saturating_mul(columns))?;
    let ones = (0..rows * columns).map(|at| if at / columns == at % columns { 1f32 } else { 0.0 });
    let ones = l.constant(Tensor::new(&shape, ones.collect())?);
    let y = super::unary::to(l, ones, DataType::F32, kind);
    l.set(call, y)
}

pub fn arange<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (start, step) = (l.float(call, "start", 0.0)?, l.float(call, "step", 1.0)?);
    let (shape, kind) = (l.output_shape(call)?, l.output_kind(call)?);
    let &[length] = shape.as_slice() else { bail!("has shape {shape:?}") };
    l.program.claim(length)?;
    let at = |n: usize| start + n as f64 * step;
    fn of<T: Element>(length: usize, at: impl Fn(usize) -> T) -> Result<Tensor> {
        Tensor::new(&[length], (0..length).map(at).collect())
    }
    let tensor = match kind {
        DataType::F32 => of(length, |n| at(n) as f32),
        DataType::F64 => of(length, at),
        DataType::I32 => of(length, |n| at(n) as i32),
        DataType::I64 => of(length, |n| at(n) as i64),
        other => Err(Error::new(format!("of {} is not supported", other.name()))),
    }?;
    let y = l.constant(tensor);
    l.set(call, y)
}
