//! GRU: gated recurrent unit over a sequence; gates in the order z, r, h. <https://onnx.ai/onnx/operators/onnx__GRU.html>

use super::limits;
use super::recurrent::{Activation, Shape, activations, dot, numbers};
use super::{Call, Fact, Kernel, Operator, Shared, Treatment};
use crate::Result;
use crate::chip::{Chip, Effect, Family, Limit, Support};
use crate::graph::Tensor;

pub static OPERATOR: Operator = Operator {
    name: "GRU",
    treatment: Treatment { shared: Shared::Sequence, cell_inputs: &[3], ..Treatment::PLAIN },
    chip: Support::Runs(&Chip {
        outputs: Some(2),
        limits: &[
            &limits::recurrent::DIRECTION,
            &limits::recurrent::CLIP,
            &limits::recurrent::LENGTHS,
            &limits::recurrent::BATCH,
            &limits::recurrent::LAYOUT,
            &limits::recurrent::ACTIVATIONS,
            &RESET,
            &OUTPUTS,
        ],
        ..Chip::PLAIN
    }),
    infer,
    prepare,
};

pub static RESET: Limit = Limit {
    name: "gru-linear-before-reset",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: |node| Ok((node.int("linear_before_reset", 0)? == 0).then(|| "GRU with linear_before_reset 0".to_string())),
    help: "export with linear_before_reset 1, PyTorch's form",
    source: "dl_module_gru.hpp",
};

/// A model may omit outputs, its file must not.
pub static OUTPUTS: Limit = Limit {
    name: "gru-outputs",
    effect: Effect::Crashes,
    on: Family::ALL,
    until: None,
    check: |node| limits::recurrent::missing_outputs(node, 2),
    help: "export the model with all outputs of the layer, even unused ones",
    source: "dl_module_gru.hpp",
};

fn infer(call: &Call) -> Result<Vec<Fact>> {
    Ok(Shape::of(call, 3, "GRU")?.facts())
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    let shape = Shape::of(call, 3, "GRU")?;
    let activations = activations(call, &["Sigmoid", "Tanh"], shape.directions.len())?;
    Ok(Box::new(Gru { shape, activations, reset_after: call.attributes.int_or("linear_before_reset", 0) != 0 }))
}

struct Gru {
    shape: Shape,
    /// Activations f and g of each direction.
    activations: Vec<Activation>,
    /// `linear_before_reset`: the reset gate scales R h + b instead of h.
    reset_after: bool,
}

impl Kernel for Gru {
    fn run(&self, inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let s = &self.shape;
        let (n, k) = (s.hidden, s.input);
        let (w, r) = (numbers(&inputs, 1)?.unwrap_or_default(), numbers(&inputs, 2)?.unwrap_or_default());
        let bias = numbers(&inputs, 3)?;
        s.walk(&inputs, &[5], |d, x, states| {
            let [f, g] = [0, 1].map(|i| &self.activations[2 * d + i]);
            let row = |gate: usize, unit: usize| (d * 3 + gate) * n + unit;
            let of_x = |gate: usize, unit: usize| dot(&w[row(gate, unit) * k..][..k], x);
            let of_h = |gate: usize, unit: usize, h: &[f64]| dot(&r[row(gate, unit) * n..][..n], h);
            // Biases of W come first, then those of R, three gates later.
            let b = |gate: usize, unit: usize| bias.as_ref().map_or(0.0, |b| b[d * 6 * n + gate * n + unit]);
            let hidden = states[0].clone();
            let gate = |gate: usize, unit: usize| {
                f(s.clipped(of_x(gate, unit) + of_h(gate, unit, &hidden) + b(gate, unit) + b(gate + 3, unit)))
            };
            let reset: Vec<f64> = (0..n).map(|unit| gate(1, unit)).collect();
            let scaled: Vec<f64> = reset.iter().zip(&hidden).map(|(r, h)| r * h).collect();
            for unit in 0..n {
                let z = gate(0, unit);
                let recurrent = match self.reset_after {
                    true => reset[unit] * (of_h(2, unit, &hidden) + b(5, unit)),
                    false => of_h(2, unit, &scaled) + b(5, unit),
                };
                let candidate = g(s.clipped(of_x(2, unit) + recurrent + b(2, unit)));
                states[0][unit] = (1.0 - z) * candidate + z * hidden[unit];
            }
        })
    }
}
