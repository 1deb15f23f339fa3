//! GATHER, SELECT, ARG_MAX, CUMSUM, CAST, and constants that the model computes: SHAPE, FILL, DEQUANTIZE.

use super::axis;
use crate::graph::{Attribute, Tensor};
use crate::model::tflite::file::Operator;
use crate::model::tflite::layout::Layout;
use crate::model::tflite::lowering::{Lowering, Placed};
use crate::model::tflite::weights::{count, data_type};
use crate::{Result, bail};

/// Half floats are widened where they are read.
pub fn dequantize(l: &mut Lowering, op: &Operator) -> Result<()> {
    let input = op.input(0)?;
    let weights = l.weights(input, "integers")?;
    if weights.slice::<f32>().is_none() {
        bail!("elements of type {} without a scale", weights.data_type().name())
    }
    let shape = weights.shape().to_vec();
    let id = l.constant_of(op.output()?, "", weights);
    l.set(op.output()?, id, Layout::Plain, shape)
}

pub fn gather(l: &mut Lowering, op: &Operator) -> Result<()> {
    let (input, places) = (op.input(0)?, op.input(1)?);
    let (shape, of_places) = (l.shape(input)?, l.shape(places)?);
    let along = axis(op.int(0, 0)?.into(), shape.len())?;
    if op.int(1, 0)? != 0 {
        bail!("a batch of indices is not supported")
    }
    if let (Some(constant), Some(at)) = (l.constant(input)?, l.constant(places)?)
        && let (1, Some(ints), Some(at)) = (constant.rank(), constant.to_i64s(), at.to_i64s())
    {
        let taken: Option<Vec<i64>> =
            at.iter().map(|&at| usize::try_from(at).ok().and_then(|at| ints.get(at)).copied()).collect();
        if let Some(taken) = taken.filter(|_| of_places.len() <= 1) {
            return set_ints(l, op, taken, of_places.len() == 1);
        }
    }
    let (x, at) = (l.plain(input)?, l.plain(places)?);
    let made = [&shape[..along], &of_places, &shape[along + 1..]].concat();
    let attributes = [("axis", Attribute::Int(along as i64))];
    l.emit(op, "Gather", &[Some(x), Some(at)], attributes, Placed::new(Layout::Plain, made))
}

pub fn select(l: &mut Lowering, op: &Operator) -> Result<()> {
    let tensors = [op.input(0)?, op.input(1)?, op.input(2)?];
    let mut shape = Vec::new();
    for tensor in tensors {
        shape = super::binary::broadcast(&shape, &l.shape(tensor)?)?;
    }
    let is_first = shape.len() == 4 && tensors.iter().any(|&tensor| l.is_first(tensor));
    let layout = if is_first { Layout::First } else { Layout::Plain };
    let mut inputs = Vec::new();
    for tensor in tensors {
        inputs.push(Some(l.broadcast(tensor, layout, shape.len())?));
    }
    l.emit(op, "Where", &inputs, [], Placed::new(layout, shape))
}

pub fn arg_max(l: &mut Lowering, op: &Operator) -> Result<()> {
    arg(l, op, "ArgMax")
}

pub fn arg_min(l: &mut Lowering, op: &Operator) -> Result<()> {
    arg(l, op, "ArgMin")
}

fn arg(l: &mut Lowering, op: &Operator, onnx: &str) -> Result<()> {
    let input = op.input(0)?;
    let mut shape = l.shape(input)?;
    let &[along] = l.ints(op.input(1)?, "axis")?.as_slice() else { bail!("not one axis") };
    let along = axis(along, shape.len())?;
    let x = l.plain(input)?;
    shape.remove(along);
    let attributes = [("axis", Attribute::Int(along as i64)), ("keepdims", Attribute::Int(0))];
    l.emit(op, onnx, &[Some(x)], attributes, Placed::new(Layout::Plain, shape))
}

pub fn cumsum(l: &mut Lowering, op: &Operator) -> Result<()> {
    let input = op.input(0)?;
    let shape = l.shape(input)?;
    let (x, along) = (l.plain(input)?, l.plain(op.input(1)?)?);
    let attributes =
        [("exclusive", Attribute::Int(op.flag(0)?.into())), ("reverse", Attribute::Int(op.flag(1)?.into()))];
    l.emit(op, "CumSum", &[Some(x), Some(along)], attributes, Placed::new(Layout::Plain, shape))
}

pub fn cast(l: &mut Lowering, op: &Operator) -> Result<()> {
    let input = op.input(0)?;
    let to = data_type(l.file.tensors[op.output()?].kind)?;
    let (layout, shape) = (l.layout(input), l.shape(input)?);
    let x = l.laid(input, layout)?;
    l.emit(op, "Cast", &[Some(x)], [("to", Attribute::Int(to.to_onnx()))], Placed::new(layout, shape))
}

/// All shapes are known: a free batch is 1.
pub fn shape(l: &mut Lowering, op: &Operator) -> Result<()> {
    let shape = l.shape(op.input(0)?)?;
    set_ints(l, op, super::window::ints(&shape), true)
}

/// Sets an output to integers that the model would compute from shapes: a vector, or one number.
pub fn set_ints(l: &mut Lowering, op: &Operator, ints: Vec<i64>, is_vector: bool) -> Result<()> {
    let output = op.output()?;
    let shape = if is_vector { vec![ints.len()] } else { Vec::new() };
    let elements = Tensor::new(&shape, ints)?;
    let id = l.constant_of(output, "", elements);
    l.set(output, id, Layout::Plain, shape)
}

pub fn fill(l: &mut Lowering, op: &Operator) -> Result<()> {
    let output = op.output()?;
    let given = l.constant(op.input(0)?)?.and_then(|shape| shape.to_i64s());
    let shape: Option<Vec<usize>> = match given {
        Some(given) => given.iter().map(|&length| usize::try_from(length).ok()).collect(),
        None => Some(l.file.tensors[output].shape.clone()),
    };
    let Some(shape) = shape else { bail!("a shape with a negative length") };
    let length = count(&shape)?;
    if length > 1 << 22 {
        bail!("a constant of shape {shape:?} is larger than a chip's memory")
    }
    let value = l.weights(op.input(1)?, "value")?;
    let elements = match (value.slice::<f32>(), value.to_i64s().as_deref()) {
        (Some(&[number]), _) => Tensor::new(&shape, vec![number; length])?,
        (_, Some(&[number])) => Tensor::new(&shape, vec![number; length])?,
        _ => bail!("a value of type {}", value.data_type().name()),
    };
    let id = l.constant_of(output, "", elements);
    l.set(output, id, Layout::Plain, shape)
}
