//! Operators that move elements, or sum a fixed number of them.

use crate::Result;
use crate::graph::axes::from_front;
use crate::graph::{Attribute, Attributes, DataType, Node, Tensor, ValueId};
use crate::ops::{self, Call, Fact};

use super::super::tape::{Tape, attributes};
use super::{At, Found};

/// Operators that keep the order of the elements.
pub fn same(tape: &mut Tape, at: &At) -> Found {
    let Some(shape) = at.input(0).and_then(|x| tape.forward.shape(x)).map(<[usize]>::to_vec) else { return Ok(None) };
    Ok(Some(vec![(0, tape.reshape(at.gradient, &shape)?)]))
}

/// Transpose: the inverse order of axes.
pub fn transpose(tape: &mut Tape, at: &At) -> Found {
    let rank = tape.shape(at.gradient).len();
    let order: Vec<usize> = match at.node.attributes.ints("perm") {
        Some(order) => order.iter().filter_map(|&axis| usize::try_from(axis).ok()).collect(),
        None => (0..rank).rev().collect(),
    };
    let mut inverse = vec![0i64; rank];
    for (to, &from) in order.iter().enumerate() {
        if let Some(place) = inverse.get_mut(from) {
            *place = to as i64;
        }
    }
    let perm = attributes([("perm", Attribute::Ints(inverse))]);
    Ok(Some(vec![(0, tape.op_with("Transpose", &[at.gradient], perm)?)]))
}

/// Concat: a part of the gradient for each input.
pub fn concat(tape: &mut Tape, at: &At) -> Found {
    let rank = tape.shape(at.gradient).len();
    let Some(axis) = from_front(at.node.attributes.int_or("axis", 0), rank) else { return Ok(None) };
    let length = |value: &Option<ValueId>| tape.forward.shape((*value)?)?.get(axis).copied();
    let Some(lengths) = at.node.inputs.iter().map(length).collect::<Option<Vec<usize>>>() else { return Ok(None) };
    let count = lengths.len();
    let lengths = tape.ints(&lengths)?;
    let along = attributes([("axis", Attribute::Int(axis as i64))]);
    let parts = tape.node("Split", vec![Some(at.gradient), Some(lengths)], along, count)?;
    Ok(Some(parts.into_iter().enumerate().collect()))
}

/// Split: the gradients of the parts, joined.
pub fn split(tape: &mut Tape, node: &Node, gradients: &[Option<ValueId>]) -> Found {
    let mut parts = Vec::new();
    let mut rank = 0;
    for (output, gradient) in node.outputs.iter().zip(gradients) {
        let shape = output.and_then(|value| tape.forward.shape(value)).map(<[usize]>::to_vec);
        let Some(shape) = shape else { return Ok(None) };
        rank = shape.len();
        parts.push(match gradient {
            Some(gradient) => *gradient,
            None => tape.constant(Tensor::zeros(DataType::F32, &shape)),
        });
    }
    let Some(axis) = from_front(node.attributes.int_or("axis", 0), rank) else { return Ok(None) };
    let along = attributes([("axis", Attribute::Int(axis as i64))]);
    Ok(Some(vec![(0, tape.op_with("Concat", &parts, along)?)]))
}

/// Operators that choose elements by constants. Their kernel shows where each element comes from: it is run on places.
pub fn scattered(tape: &mut Tape, at: &At) -> Found {
    let Some(shape) = at.input(0).and_then(|x| tape.forward.shape(x)).map(<[usize]>::to_vec) else { return Ok(None) };
    let Some(places) = places(tape, at, &shape)? else { return Ok(None) };
    let count: usize = shape.iter().product();
    let mut from = vec![None; count];
    let is_moved_once = places
        .iter()
        .enumerate()
        .filter(|(_, place)| **place > 0)
        .all(|(to, &place)| from.get_mut(place - 1).is_some_and(|from| from.replace(to).is_none()));
    let gradient = tape.reshape(at.gradient, &[places.len()])?;
    let moved = match is_moved_once {
        true => gathered(tape, gradient, places.len(), &from)?,
        false => added(tape, gradient, &places, count)?,
    };
    Ok(Some(vec![(0, tape.reshape(moved, &shape)?)]))
}

/// Places of float32 are exact up to here.
const MOST: usize = 1 << 24;

/// Returns the place of each element of the first output among those of the input, from 1; 0 for one that is filled in.
fn places(tape: &Tape, at: &At, shape: &[usize]) -> Result<Option<Vec<usize>>> {
    let count: usize = shape.iter().product();
    if count >= MOST || at.node.outputs.len() != 1 {
        return Ok(None);
    }
    let numbered = Tensor::new(shape, (1..=count).map(|place| place as f32).collect())?;
    let mut inputs = vec![Some(numbered.clone())];
    let mut facts = vec![Some(Fact::new(DataType::F32, shape))];
    let mut attributes = at.node.attributes.clone();
    attributes.0.remove("value");
    for (port, input) in at.node.inputs.iter().enumerate().skip(1) {
        // The number that Pad fills in is none.
        let is_filler = at.node.op == "Pad" && port == 2;
        let constant = match input.filter(|_| !is_filler) {
            None => None,
            Some(value) => match &tape.forward.value(value).constant {
                Some(constant) => Some(constant.clone()),
                None => return Ok(None),
            },
        };
        facts.push(constant.clone().map(Fact::of));
        inputs.push(constant);
    }
    let call = Call { attributes: &attributes, opset: tape.forward.opset, inputs: &facts, outputs: 1 };
    let Some(operator) = ops::find(&at.node.op) else { return Ok(None) };
    let chosen = (operator.prepare)(&call)?.run(inputs)?;
    let chosen = chosen.first().and_then(|chosen| chosen.slice::<f32>());
    Ok(chosen.map(|chosen| chosen.iter().map(|&place| place as usize).collect()))
}

/// Takes each element from its place in the gradient; those that went nowhere have none.
fn gathered(tape: &mut Tape, gradient: ValueId, count: usize, from: &[Option<usize>]) -> Result<ValueId> {
    let from: Vec<i64> = from.iter().map(|from| from.unwrap_or(count) as i64).collect();
    let source = match from.contains(&(count as i64)) {
        true => {
            let zero = tape.constant(Tensor::zeros(DataType::F32, &[1]));
            tape.op_with("Concat", &[gradient, zero], attributes([("axis", Attribute::Int(0))]))?
        }
        false => gradient,
    };
    let from = tape.constant(Tensor::new(&[from.len()], from)?);
    tape.op("Gather", &[source, from])
}

/// Adds the gradients of all places that an element went to.
fn added(tape: &mut Tape, gradient: ValueId, places: &[usize], count: usize) -> Result<ValueId> {
    let zeros = tape.constant(Tensor::zeros(DataType::F32, &[count + 1]));
    let places = tape.ints(places)?;
    let add = attributes([("reduction", Attribute::Text("add".to_string()))]);
    let sums = tape.op_with("ScatterElements", &[zeros, places, gradient], add)?;
    let (start, end, axis) = (tape.ints(&[1])?, tape.ints(&[count + 1])?, tape.ints(&[0])?);
    tape.op("Slice", &[sums, start, end, axis])
}

/// Resize, by copies or by interpolation.
pub fn resize(tape: &mut Tape, at: &At) -> Found {
    match at.node.attributes.text("mode") {
        None | Some("nearest") => scattered(tape, at),
        Some(_) => interpolated(tape, at),
    }
}

/// Resize by interpolation: the transposed matrix of each of the last two axes.
fn interpolated(tape: &mut Tape, at: &At) -> Found {
    let Some(x) = at.input(0) else { return Ok(None) };
    let facts = ops::input_facts(tape.forward, at.node)?;
    let call = Call::of(tape.forward, at.node, &facts);
    let axes = ops::resize::taps(&call)?;
    let shape = tape.forward.shape(x).unwrap_or_default().to_vec();
    let rank = shape.len();
    if rank < 3 || axes.iter().take(rank - 2).any(Option::is_some) {
        return Ok(None);
    }
    let mut gradient = at.gradient;
    for (axis, (taps, &inputs)) in axes.iter().zip(&shape).enumerate() {
        let Some(taps) = taps else { continue };
        let outputs = taps.len();
        let mut matrix = vec![0.0f32; outputs * inputs];
        let is_last = axis + 1 == rank;
        for (output, taps) in taps.iter().enumerate() {
            for &(input, weight) in taps.iter().flatten() {
                let at = if is_last { output * inputs + input } else { input * outputs + output };
                matrix[at] += weight as f32;
            }
        }
        let size = if is_last { [outputs, inputs] } else { [inputs, outputs] };
        let matrix = tape.constant(Tensor::new(&size, matrix)?);
        let operands = if is_last { [gradient, matrix] } else { [matrix, gradient] };
        gradient = tape.op_with("MatMul", &operands, Attributes::default())?;
    }
    Ok(Some(vec![(0, gradient)]))
}
