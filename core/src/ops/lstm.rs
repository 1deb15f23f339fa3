//! LSTM: long short-term memory over a sequence; gates in the order i, o, f, c. <https://onnx.ai/onnx/operators/onnx__LSTM.html>

use super::limits;
use super::recurrent::{Activation, Shape, activations, dot, expect_len, numbers};
use super::{Call, Fact, Kernel, Operator, Shared, Treatment};
use crate::Result;
use crate::chip::{Chip, Effect, Family, Limit, Support};
use crate::graph::Tensor;

pub static OPERATOR: Operator = Operator {
    name: "LSTM",
    treatment: Treatment { shared: Shared::Sequence, cell_inputs: &[3, 6], cell_outputs: &[2], ..Treatment::COMPUTING },
    chip: Support::Runs(&Chip {
        outputs: Some(3),
        limits: &[
            &limits::recurrent::DIRECTION,
            &limits::recurrent::CLIP,
            &limits::recurrent::LENGTHS,
            &limits::recurrent::BATCH,
            &limits::recurrent::LAYOUT,
            &PEEPHOLES,
            &limits::recurrent::ACTIVATIONS,
            &INPUT_FORGET,
            &OUTPUTS,
        ],
        ..Chip::PLAIN
    }),
    infer,
    prepare,
};

pub static PEEPHOLES: Limit = Limit {
    name: "lstm-peepholes",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: |node| Ok(node.input(7).map(|_| format!("{} with peepholes, which the runtime ignores", node.op()))),
    help: "train without peepholes",
    source: "dl_module_lstm.hpp",
};

pub static INPUT_FORGET: Limit = Limit {
    name: "lstm-input-forget",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: |node| Ok((node.int("input_forget", 0)? != 0).then(|| "LSTM with input_forget 1".to_string())),
    help: "export with input_forget 0",
    source: "dl_module_lstm.hpp",
};

/// A model may omit outputs, its file must not.
pub static OUTPUTS: Limit = Limit {
    name: "lstm-outputs",
    effect: Effect::Crashes,
    on: Family::ALL,
    until: None,
    check: |node| limits::recurrent::missing_outputs(node, 3),
    help: "export the model with all outputs of the layer, even unused ones",
    source: "dl_module_lstm.hpp",
};

fn infer(call: &Call) -> Result<Vec<Fact>> {
    Ok(Shape::of(call, 4, "LSTM")?.facts())
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    let shape = Shape::of(call, 4, "LSTM")?;
    let directions = shape.directions.len();
    expect_len(call, 7, 3 * directions * shape.hidden, "the peepholes of LSTM")?;
    let activations = activations(call, &["Sigmoid", "Tanh", "Tanh"], directions)?;
    Ok(Box::new(Lstm { shape, activations, coupled: call.attributes.int_or("input_forget", 0) != 0 }))
}

struct Lstm {
    shape: Shape,
    /// Activations f, g and h of each direction.
    activations: Vec<Activation>,
    coupled: bool,
}

impl Kernel for Lstm {
    fn run(&self, inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let s = &self.shape;
        let (n, k) = (s.hidden, s.input);
        let (w, r) = (numbers(&inputs, 1)?.unwrap_or_default(), numbers(&inputs, 2)?.unwrap_or_default());
        let (bias, peepholes) = (numbers(&inputs, 3)?, numbers(&inputs, 7)?);
        s.walk(&inputs, &[5, 6], |d, x, states| {
            let [f, g, h] = [0, 1, 2].map(|i| &self.activations[3 * d + i]);
            let gate = |gate: usize, unit: usize, hidden: &[f64]| {
                let row = (d * 4 + gate) * n + unit;
                let b = bias
                    .as_ref()
                    .map_or(0.0, |b| b[d * 8 * n + gate * n + unit] + b[d * 8 * n + (4 + gate) * n + unit]);
                dot(&w[row * k..(row + 1) * k], x) + dot(&r[row * n..(row + 1) * n], hidden) + b
            };
            let peep = |which: usize, unit: usize, cell: f64| {
                peepholes.as_ref().map_or(0.0, |p| p[(d * 3 + which) * n + unit] * cell)
            };
            let (hidden, cells) = (states[0].clone(), states[1].clone());
            for (unit, &cell) in cells.iter().enumerate() {
                let i = f(s.clipped(gate(0, unit, &hidden) + peep(0, unit, cell)));
                let forget = match self.coupled {
                    true => 1.0 - i,
                    false => f(s.clipped(gate(2, unit, &hidden) + peep(2, unit, cell))),
                };
                let next = forget * cell + i * g(s.clipped(gate(3, unit, &hidden)));
                let o = f(s.clipped(gate(1, unit, &hidden) + peep(1, unit, next)));
                states[1][unit] = next;
                states[0][unit] = o * h(next);
            }
        })
    }
}
