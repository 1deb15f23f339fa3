//! Mod: the remainder, with the sign of the divisor, or of the dividend if fmod is 1.
//! <https://onnx.ai/onnx/operators/onnx__Mod.html>

use super::elementwise::{infer_broadcast, numbers};
use super::limits;
use super::{Call, Kernel, Operator, Treatment};
use crate::Result;
use crate::chip::{Axes, Buffer, Chip, Support};
use crate::graph::Tensor;

pub static OPERATOR: Operator = Operator {
    name: "Mod",
    treatment: Treatment::PLAIN,
    chip: Support::Runs(&Chip {
        axes: Axes::OneForAll,
        limits: &[&limits::broadcast::RANK],
        buffer: Buffer::Overwritten,
        ..Chip::PLAIN
    }),
    infer: infer_broadcast,
    prepare,
};

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    Ok(Box::new(Mod { truncated: call.attributes.int_or("fmod", 0) != 0 }))
}

struct Mod {
    truncated: bool,
}

impl Kernel for Mod {
    fn run(&self, inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        if self.truncated {
            return numbers!(combine, "Mod", inputs, |x, y| x % y, |i, j| i.checked_rem(j).unwrap_or(0));
        }
        numbers!(combine, "Mod", inputs, |x, y| x - (x / y).floor() * y, |i, j| {
            let rest = i.checked_rem(j).unwrap_or(0);
            // The remainder of unsigned numbers is never below 0.
            if rest != 0 && (rest < 0 as _) != (j < 0 as _) { rest.wrapping_add(j) } else { rest }
        })
    }
}
