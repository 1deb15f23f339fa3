//! Equal: x == y. <https://onnx.ai/onnx/operators/onnx__Equal.html>

use super::elementwise::{infer_bool, logical, numbers};
use super::limits;
use super::{Kernel, Operator, Shared, Treatment};
use crate::Result;
use crate::chip::{Axes, Buffer, Chip, Kernels, Scales, Support};
use crate::graph::Tensor;

pub static OPERATOR: Operator = Operator {
    name: "Equal",
    treatment: Treatment { shared: Shared::Widest, float_outputs: &[0], ..Treatment::PLAIN },
    chip: Support::Runs(&Chip {
        kernels: Kernels::INTEGER,
        axes: Axes::OneForAll,
        scales: Scales::OneForInputs,
        limits: &[&limits::broadcast::RANK],
        buffer: Buffer::Overwritten,
        ..Chip::PLAIN
    }),
    infer: infer_bool,
    prepare: |_| Ok(Box::new(Equal)),
};

struct Equal;

impl Kernel for Equal {
    fn run(&self, inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        if matches!(inputs.first(), Some(Some(Tensor::Bool(_)))) {
            return logical(inputs, |a, b| a == b);
        }
        numbers!(zip, "Equal", inputs, |x, y| x == y, |x, y| x == y)
    }
}
