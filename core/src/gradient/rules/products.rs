//! Gemm and MatMul.

use crate::Result;
use crate::graph::{Attribute, ValueId};

use super::super::tape::{Tape, attributes};
use super::elementwise::{scaled, summed};
use super::{At, Found};

/// Y = alpha A' B' + beta C.
pub fn gemm(tape: &mut Tape, at: &At) -> Found {
    let [Some(a), Some(b), ..] = *at.node.inputs.as_slice() else { return Ok(None) };
    let flag = |name| at.node.attributes.int_or(name, 0) != 0;
    let (turned_a, turned_b) = (flag("transA"), flag("transB"));
    let alpha = at.node.attributes.float_or("alpha", 1.0);
    let mut found = Vec::new();
    if tape.is_needed(a) {
        let b = tape.value(b);
        let (operands, turns) =
            if turned_a { ([b, at.gradient], [turned_b, true]) } else { ([at.gradient, b], [false, !turned_b]) };
        found.push((0, product(tape, operands, turns, alpha)?));
    }
    if tape.is_needed(b) {
        let a = tape.value(a);
        let (operands, turns) =
            if turned_b { ([at.gradient, a], [true, turned_a]) } else { ([a, at.gradient], [!turned_a, false]) };
        found.push((1, product(tape, operands, turns, alpha)?));
    }
    if let Some(c) = at.input(2).filter(|&value| tape.is_needed(value)) {
        let gradient = scaled(tape, at.gradient, at.node.attributes.float_or("beta", 1.0))?;
        found.push((2, summed(tape, gradient, c)?));
    }
    Ok(Some(found))
}

fn product(tape: &mut Tape, operands: [ValueId; 2], turns: [bool; 2], alpha: f32) -> Result<ValueId> {
    let turned = |turn: bool| Attribute::Int(turn.into());
    let attributes =
        attributes([("transA", turned(turns[0])), ("transB", turned(turns[1])), ("alpha", Attribute::Float(alpha))]);
    tape.op_with("Gemm", &operands, attributes)
}

/// MatMul of matrices, and of stacks of them.
pub fn matmul(tape: &mut Tape, at: &At) -> Found {
    let [Some(a), Some(b)] = *at.node.inputs.as_slice() else { return Ok(None) };
    if [a, b].iter().any(|&value| tape.forward.shape(value).is_none_or(|shape| shape.len() < 2)) {
        return Ok(None);
    }
    let mut found = Vec::new();
    if tape.is_needed(a) {
        let turned = transposed(tape, b)?;
        let gradient = tape.op("MatMul", &[at.gradient, turned])?;
        found.push((0, summed(tape, gradient, a)?));
    }
    if tape.is_needed(b) {
        let turned = transposed(tape, a)?;
        let gradient = tape.op("MatMul", &[turned, at.gradient])?;
        found.push((1, summed(tape, gradient, b)?));
    }
    Ok(Some(found))
}

/// Turns the matrices of a value of the network; constants at once.
fn transposed(tape: &mut Tape, value: ValueId) -> Result<ValueId> {
    let rank = tape.forward.shape(value).map_or(0, <[usize]>::len);
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(rank - 1, rank - 2);
    if let Some(turned) = tape.forward.value(value).constant.as_ref().and_then(|it| it.transpose(&order)) {
        return Ok(tape.constant(turned));
    }
    let value = tape.value(value);
    let order = Attribute::Ints(order.into_iter().map(|axis| axis as i64).collect());
    tape.op_with("Transpose", &[value], attributes([("perm", order)]))
}
