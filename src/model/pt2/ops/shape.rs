//! Shapes that the exporter computes at run time, which onnxsim folds.

use crate::graph::{Attribute, Tensor, ValueId};
use crate::model::pt2::lowering::Lowering;

/// Adds the node of a value's shape.
pub fn of(l: &mut Lowering, x: ValueId) -> ValueId {
    l.node("Shape", &[x], [])
}

/// Adds the node of a part of a shape.
pub fn part(l: &mut Lowering, shape: ValueId, start: i64, end: i64) -> ValueId {
    let bounds = [start, end, 0].map(|int| l.int_constant(vec![int]));
    l.node("Slice", &[shape, bounds[0], bounds[1], bounds[2]], [])
}

/// Adds the node that joins parts of a shape.
pub fn joined(l: &mut Lowering, parts: &[ValueId]) -> ValueId {
    l.node("Concat", parts, [("axis", Attribute::Int(0))])
}

/// Adds the node of as many equal integers.
pub fn filled(l: &mut Lowering, count: usize, value: i64) -> ValueId {
    let count = l.int_constant(vec![count as i64]);
    let value = Tensor::new(&[1], vec![value]).unwrap_or_else(|_| Tensor::scalar(value));
    l.node("ConstantOfShape", &[count], [("value", Attribute::Tensor(value))])
}

/// Adds a Reshape to a shape that is computed.
pub fn reshape(l: &mut Lowering, x: ValueId, shape: ValueId) -> ValueId {
    l.node("Reshape", &[x, shape], [("allowzero", Attribute::Int(0))])
}
