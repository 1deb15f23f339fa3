//! LogSoftmax: normalizes over one axis; before operator set 13 over all axes from it on.
//! <https://onnx.ai/onnx/operators/onnx__LogSoftmax.html>

use super::elementwise::infer_same;
use super::normalize_rows::{Rows, Softmax};
use super::{Operator, Treatment, limits};
use crate::chip::{Axes, Chip, Support};

pub static OPERATOR: Operator = Operator {
    name: "LogSoftmax",
    treatment: Treatment { float_outputs: &[0], ..Treatment::PLAIN },
    chip: Support::Runs(&Chip {
        axes: Axes::Attribute { default: -1 },
        limits: &[&limits::exponents::EXPONENTIALS],
        ..Chip::PLAIN
    }),
    infer: infer_same,
    prepare: |call| Ok(Box::new(Softmax { rows: Rows::of_softmax(call)?, log: true })),
};
