//! RNN: a plain recurrent cell over a sequence. <https://onnx.ai/onnx/operators/onnx__RNN.html>

use super::recurrent::{Activation, Shape, activations, dot, numbers};
use super::{Call, Fact, Kernel, Operator, Treatment};
use crate::Result;
use crate::chip::Support;
use crate::graph::Tensor;

pub static OPERATOR: Operator = Operator {
    name: "RNN",
    treatment: Treatment::FLOAT,
    chip: Support::Lacks { instead: Some("train with GRU or LSTM, which ESP-DL supports") },
    infer,
    prepare,
};

fn infer(call: &Call) -> Result<Vec<Fact>> {
    Ok(Shape::of(call, 1, "RNN")?.facts())
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    let shape = Shape::of(call, 1, "RNN")?;
    let activations = activations(call, &["Tanh"], shape.directions.len())?;
    Ok(Box::new(Rnn { shape, activations }))
}

struct Rnn {
    shape: Shape,
    activations: Vec<Activation>,
}

impl Kernel for Rnn {
    fn run(&self, inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let s = &self.shape;
        let (n, k) = (s.hidden, s.input);
        let (w, r) = (numbers(&inputs, 1)?.unwrap_or_default(), numbers(&inputs, 2)?.unwrap_or_default());
        let bias = numbers(&inputs, 3)?;
        s.walk(&inputs, &[5], |d, x, states| {
            let hidden = states[0].clone();
            for unit in 0..n {
                let row = d * n + unit;
                let b = bias.as_ref().map_or(0.0, |b| b[d * 2 * n + unit] + b[(d * 2 + 1) * n + unit]);
                let sum = dot(&w[row * k..][..k], x) + dot(&r[row * n..][..n], &hidden) + b;
                states[0][unit] = self.activations[d](s.clipped(sum));
            }
        })
    }
}
