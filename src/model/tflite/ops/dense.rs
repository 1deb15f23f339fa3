//! FULLY_CONNECTED and BATCH_MATMUL: Gemm and MatMul.

use crate::graph::{Attribute, ValueId};
use crate::model::tflite::file::Operator;
use crate::model::tflite::layout::Layout;
use crate::model::tflite::lowering::{Activation, Lowering, Placed};
use crate::{Result, bail};

/// Weights are `[outputs, inputs]`, as those of Gemm with `transB`.
pub fn fully_connected(l: &mut Lowering, op: &Operator) -> Result<()> {
    if op.byte(1)? != 0 {
        bail!("weights in a shuffled order are not supported")
    }
    let (input, weights) = (op.input(0)?, op.input(1)?);
    let of_weights = l.shape(weights)?;
    let &[outputs, inputs] = of_weights.as_slice() else { bail!("weights of shape {of_weights:?}") };
    let shape = l.shape(input)?;
    let count = shape.iter().product::<usize>();
    if inputs == 0 || !count.is_multiple_of(inputs) {
        bail!("weights for {inputs} inputs, and the input has shape {shape:?}")
    }
    let keeps = op.flag(2)? && shape.last() == Some(&inputs);
    let activation = Activation::fused(op, 0)?;
    if keeps && shape.len() > 2 {
        let x = l.plain(input)?;
        let mut shape = shape;
        shape.pop();
        shape.push(outputs);
        return product(l, op, x, Placed::new(Layout::Plain, shape).with(activation));
    }
    let rows = count / inputs;
    let x = match *shape {
        [_, last] if last == inputs => l.plain(input)?,
        _ => {
            let (flat, actual) = l.flat(input)?;
            match actual == [rows, inputs] {
                true => flat,
                false => {
                    let name = format!("{}/Reshape", l.base(op));
                    let target = l.int_constant(&format!("{name}/shape"), vec![rows as i64, inputs as i64]);
                    l.node(&name, "Reshape", &[Some(flat), Some(target)], [])
                }
            }
        }
    };
    let placed = Placed::new(Layout::Plain, vec![rows, outputs]).with(activation);
    match op.optional(2) {
        Some(bias) => {
            let (w, b) = (l.plain(weights)?, l.plain(bias)?);
            l.emit(op, "Gemm", &[Some(x), Some(w), Some(b)], [("transB", Attribute::Int(1))], placed)
        }
        None => product(l, op, x, placed),
    }
}

/// Adds a MatMul with transposed weights, and an Add if there is a bias.
fn product(l: &mut Lowering, op: &Operator, x: ValueId, placed: Placed) -> Result<()> {
    let weights = op.input(1)?;
    let base = l.base(op);
    let w = match l.constant(weights)? {
        Some(constant) => l.reordered(weights, "/io", constant, &[1, 0])?,
        None => {
            let w = l.plain(weights)?;
            l.node(&format!("{base}/Transpose"), "Transpose", &[Some(w)], [("perm", Attribute::Ints(vec![1, 0]))])
        }
    };
    let Some(bias) = op.optional(2) else { return l.emit(op, "MatMul", &[Some(x), Some(w)], [], placed) };
    let bias = l.plain(bias)?;
    let made = l.node(&format!("{base}/MatMul"), "MatMul", &[Some(x), Some(w)], []);
    l.emit(op, "Add", &[Some(made), Some(bias)], [], placed)
}

pub fn batch_matmul(l: &mut Lowering, op: &Operator) -> Result<()> {
    let mut sides = Vec::new();
    for (port, field) in [(0, 0), (1, 1)] {
        let tensor = op.input(port)?;
        let (value, mut shape) = (l.plain(tensor)?, l.shape(tensor)?);
        let rank = shape.len();
        if rank < 2 {
            bail!("an input of shape {shape:?}")
        }
        let value = match op.flag(field)? {
            false => value,
            true => {
                shape.swap(rank - 1, rank - 2);
                let mut order: Vec<i64> = (0..rank as i64).collect();
                order.swap(rank - 1, rank - 2);
                let name = format!("{}/Transpose", l.base(op));
                l.node(&name, "Transpose", &[Some(value)], [("perm", Attribute::Ints(order))])
            }
        };
        sides.push((value, shape));
    }
    let [(x, left), (y, right)] = sides.as_slice() else { bail!("an input is missing") };
    let (left_batch, [rows, inner]) = split(left)?;
    let (right_batch, [of_right, columns]) = split(right)?;
    if inner != of_right {
        bail!("{left:?} times {right:?}")
    }
    let mut shape = super::binary::broadcast(left_batch, right_batch)?;
    shape.extend([rows, columns]);
    l.emit(op, "MatMul", &[Some(*x), Some(*y)], [], Placed::new(Layout::Plain, shape))
}

/// Splits a shape before its last two axes.
fn split(shape: &[usize]) -> Result<(&[usize], [usize; 2])> {
    match shape {
        [batch @ .., rows, columns] => Ok((batch, [*rows, *columns])),
        _ => bail!("a matrix of shape {shape:?}"),
    }
}
