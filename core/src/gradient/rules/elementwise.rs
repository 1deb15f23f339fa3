//! Operators that compute each element from elements at the same place, with broadcasting.

use crate::Result;
use crate::graph::{Attributes, Tensor, ValueId};

use super::super::tape::Tape;
use super::{At, Found};

/// Differentiates by the first input with central differences; the other inputs are constants.
pub fn by_difference(tape: &mut Tape, at: &At) -> Found {
    let (Some(x), Some(y)) = (at.input(0), at.output()) else { return Ok(None) };
    let others: Vec<ValueId> = at.node.inputs.iter().skip(1).flatten().copied().collect();
    let is_constant = |value: &ValueId| tape.forward.value(*value).constant.is_some();
    if !others.iter().all(is_constant) || tape.forward.shape(x) != tape.forward.shape(y) {
        return Ok(None);
    }
    let x = tape.value(x);
    let others: Vec<ValueId> = others.into_iter().map(|value| tape.value(value)).collect();
    // Float32 has 7 digits: half of them for the step, relative to numbers around 1.
    const STEP: f32 = 1.0 / 2048.0;
    let mut shifted = |step: f32| -> Result<ValueId> {
        let step = tape.number(step);
        let moved = tape.op("Add", &[x, step])?;
        tape.op_with(&at.node.op, &[&[moved], others.as_slice()].concat(), at.node.attributes.clone())
    };
    let (above, below) = (shifted(STEP)?, shifted(-STEP)?);
    let difference = tape.op("Sub", &[above, below])?;
    let scale = tape.number(0.5 / STEP);
    let slope = tape.op("Mul", &[difference, scale])?;
    let gradient = tape.op("Mul", &[at.gradient, slope])?;
    Ok(Some(vec![(0, gradient)]))
}

/// The slope is 1 where the output is above 0, else 0.
pub fn relu(tape: &mut Tape, at: &At) -> Found {
    let Some(y) = at.output() else { return Ok(None) };
    let y = tape.value(y);
    let slope = tape.op("Sign", &[y])?;
    Ok(Some(vec![(0, tape.op("Mul", &[at.gradient, slope])?)]))
}

/// The slope is 1 where the output equals the input, else 0.
pub fn clip(tape: &mut Tape, at: &At) -> Found {
    let (Some(x), Some(y)) = (at.input(0), at.output()) else { return Ok(None) };
    let (x, y) = (tape.value(x), tape.value(y));
    let is_inside = tape.op("Equal", &[x, y])?;
    let zero = tape.number(0.0);
    Ok(Some(vec![(0, tape.op("Where", &[is_inside, at.gradient, zero])?)]))
}

/// Sigmoid: y (1 - y). Tanh: 1 - y^2. Exp: y.
pub fn of_output(tape: &mut Tape, at: &At) -> Found {
    let Some(y) = at.output() else { return Ok(None) };
    let y = tape.value(y);
    let slope = match at.node.op.as_str() {
        "Exp" => y,
        op => {
            let square = tape.op("Mul", &[y, y])?;
            let minuend = if op == "Tanh" { tape.number(1.0) } else { y };
            tape.op("Sub", &[minuend, square])?
        }
    };
    Ok(Some(vec![(0, tape.op("Mul", &[at.gradient, slope])?)]))
}

/// Add, Sub, Sum and Mean: the gradient, with a factor.
pub fn sum(tape: &mut Tape, at: &At) -> Found {
    let count = at.node.inputs.len();
    let mut found = Vec::new();
    for port in 0..count {
        let Some(input) = at.input(port).filter(|&value| tape.is_needed(value)) else { continue };
        let gradient = match at.node.op.as_str() {
            "Sub" if port == 1 => tape.op("Neg", &[at.gradient])?,
            "Mean" => {
                let share = tape.number(1.0 / count as f32);
                tape.op("Mul", &[at.gradient, share])?
            }
            _ => at.gradient,
        };
        found.push((port, summed(tape, gradient, input)?));
    }
    Ok(Some(found))
}

/// Mul: the gradient times the other factor.
pub fn product(tape: &mut Tape, at: &At) -> Found {
    let [Some(a), Some(b)] = *at.node.inputs.as_slice() else { return Ok(None) };
    let mut found = Vec::new();
    for (port, input, other) in [(0, a, b), (1, b, a)] {
        if tape.is_needed(input) {
            let other = tape.value(other);
            let gradient = tape.op("Mul", &[at.gradient, other])?;
            found.push((port, summed(tape, gradient, input)?));
        }
    }
    Ok(Some(found))
}

/// Div: g / b, and -g y / b.
pub fn quotient(tape: &mut Tape, at: &At) -> Found {
    let ([Some(a), Some(b)], Some(y)) = (at.node.inputs.as_slice(), at.output()) else { return Ok(None) };
    let divisor = tape.value(*b);
    let by_first = tape.op("Div", &[at.gradient, divisor])?;
    let mut found = Vec::new();
    if tape.is_needed(*a) {
        found.push((0, summed(tape, by_first, *a)?));
    }
    if tape.is_needed(*b) {
        let y = tape.value(y);
        let product = tape.op("Mul", &[by_first, y])?;
        let gradient = tape.op("Neg", &[product])?;
        found.push((1, summed(tape, gradient, *b)?));
    }
    Ok(Some(found))
}

/// Max and Min: the gradient where the operand is the output.
pub fn extreme(tape: &mut Tape, at: &At) -> Found {
    let Some(y) = at.output() else { return Ok(None) };
    let mut found = Vec::new();
    for port in 0..at.node.inputs.len() {
        let Some(input) = at.input(port).filter(|&value| tape.is_needed(value)) else { continue };
        let (x, y, zero) = (tape.value(input), tape.value(y), tape.number(0.0));
        let is_taken = tape.op("Equal", &[x, y])?;
        let gradient = tape.op("Where", &[is_taken, at.gradient, zero])?;
        found.push((port, summed(tape, gradient, input)?));
    }
    Ok(Some(found))
}

/// Where: the gradient where the operand is taken.
pub fn choice(tape: &mut Tape, at: &At) -> Found {
    let [Some(condition), _, _] = *at.node.inputs.as_slice() else { return Ok(None) };
    let condition = tape.value(condition);
    let zero = tape.number(0.0);
    let mut found = Vec::new();
    for (port, [taken, left]) in [(1, [at.gradient, zero]), (2, [zero, at.gradient])] {
        let Some(input) = at.input(port).filter(|&value| tape.is_needed(value)) else { continue };
        let gradient = tape.op("Where", &[condition, taken, left])?;
        found.push((port, summed(tape, gradient, input)?));
    }
    Ok(Some(found))
}

/// Sums a gradient of a broadcast result to the shape of an operand.
pub fn summed(tape: &mut Tape, gradient: ValueId, operand: ValueId) -> Result<ValueId> {
    let shape = tape.forward.shape(operand).unwrap_or_default().to_vec();
    tape.sum_to(gradient, &shape)
}

/// Multiplies by a number.
pub fn scaled(tape: &mut Tape, value: ValueId, by: f32) -> Result<ValueId> {
    if by == 1.0 {
        return Ok(value);
    }
    let by = tape.constant(Tensor::scalar(by));
    tape.op_with("Mul", &[value, by], Attributes::default())
}
