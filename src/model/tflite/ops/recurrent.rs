//! UNIDIRECTIONAL_SEQUENCE_LSTM: LSTM, from zero states.

use crate::graph::{Attribute, Tensor};
use crate::model::tflite::file::Operator;
use crate::model::tflite::layout::Layout;
use crate::model::tflite::lowering::Lowering;
use crate::{Error, Result, bail};

/// Gates in ONNX's order (input, output, forget, cell) by TFLite's (input, forget, cell, output).
const GATES: [usize; 4] = [0, 3, 1, 2];

pub fn lstm(l: &mut Lowering, op: &Operator) -> Result<()> {
    let help = "export the model from PyTorch, whose LSTM becomes one layer that ESP-DL has";
    let has = |ports: &[usize]| ports.iter().any(|&port| op.optional(port).is_some());
    for (ports, what) in
        [(&[9, 10, 11][..], "peepholes"), (&[16, 17], "a projection"), (&[20, 21, 22, 23], "normalization")]
    {
        if has(ports) {
            return Err(Error::new(format!("an LSTM with {what} is not supported")).with_help(help));
        }
    }
    if op.byte(0)? != 4 || op.float(1, 0.0)? != 0.0 {
        return Err(
            Error::new("an LSTM with another activation than tanh, or with clipping, is not supported").with_help(help)
        );
    }
    let input = op.input(0)?;
    let shape = l.shape(input)?;
    let &[a, b, features] = shape.as_slice() else { bail!("an input of shape {shape:?}") };
    let w = joined(l, op, 1, "weights")?;
    let r = joined(l, op, 5, "weights of the state")?;
    let bias = joined(l, op, 12, "biases")?;
    let &[rows, of_input] = w.shape() else { bail!("weights of shape {:?}", w.shape()) };
    let hidden = rows / 4;
    if of_input != features || r.shape() != [rows, hidden] || bias.shape() != [rows] {
        bail!("weights of shapes {:?}, {:?} and {:?}", w.shape(), r.shape(), bias.shape())
    }
    let base = l.base(op);
    let Some(bias) = bias.into_vec::<f32>() else { bail!("biases that are no floats") };
    let both = [bias, vec![0.0; rows]].concat();
    let w = l.add_constant(&format!("{base}/W"), w.reshape(&[1, rows, features])?);
    let r = l.add_constant(&format!("{base}/R"), r.reshape(&[1, rows, hidden])?);
    let bias = l.add_constant(&format!("{base}/B"), Tensor::new(&[1, 2 * rows], both)?);
    // ONNX has the steps first.
    let is_time_first = op.flag(3)?;
    let mut x = l.plain(input)?;
    let swapped = || [("perm", Attribute::Ints(vec![1, 0, 2]))];
    if !is_time_first {
        x = l.node(&format!("{base}/Transpose"), "Transpose", &[Some(x)], swapped());
    }
    let steps = l.value(&format!("{base}/Y"));
    let attributes = [("hidden_size", Attribute::Int(hidden as i64))];
    l.node_to(&base, "LSTM", &[Some(x), Some(w), Some(r), Some(bias)], attributes, &[steps]);
    let axes = l.int_constant(&format!("{base}/Squeeze/axes"), vec![1]);
    let mut y = l.node(&format!("{base}/Squeeze"), "Squeeze", &[Some(steps), Some(axes)], []);
    if !is_time_first {
        y = l.node(&format!("{base}/Transpose"), "Transpose", &[Some(y)], swapped());
    }
    l.set(op.output()?, y, Layout::Plain, vec![a, b, hidden])
}

/// Joins the tensors of the four gates along the first axis.
fn joined(l: &mut Lowering, op: &Operator, first: usize, what: &str) -> Result<Tensor> {
    let mut all = Vec::new();
    let mut shape: Vec<usize> = Vec::new();
    for gate in GATES {
        let Some(tensor) = op.optional(first + gate) else { bail!("an LSTM without an input gate is not supported") };
        let gate = l.weights(tensor, what)?;
        if !shape.is_empty() && gate.shape() != shape {
            bail!("gates of shapes {shape:?} and {:?}", gate.shape())
        }
        shape = gate.shape().to_vec();
        let Some(elements) = gate.into_vec::<f32>() else { bail!("{what} that are no floats") };
        all.extend(elements);
    }
    match shape.first_mut() {
        Some(rows) => *rows *= 4,
        None => bail!("{what} without dimensions"),
    }
    Tensor::new(&shape, all)
}
