//! Recurrent layers: one node for each layer, with the gates in ONNX's order.

use crate::graph::{Attribute, Tensor, ValueId};
use crate::model::pt2::lowering::{Call, Lowering};
use crate::{Error, Result, bail};

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Gru,
    Lstm,
    Rnn(&'static str),
}

impl Kind {
    fn op(self) -> &'static str {
        match self {
            Kind::Gru => "GRU",
            Kind::Lstm => "LSTM",
            Kind::Rnn(_) => "RNN",
        }
    }

    /// Places of ONNX's gates in PyTorch's order.
    fn gates(self) -> &'static [usize] {
        match self {
            Kind::Gru => &[1, 0, 2],
            Kind::Lstm => &[0, 3, 1, 2],
            Kind::Rnn(_) => &[0],
        }
    }
}

pub fn gru<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    recurrent(l, call, Kind::Gru)
}

pub fn lstm<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    recurrent(l, call, Kind::Lstm)
}

pub fn rnn_tanh<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    recurrent(l, call, Kind::Rnn("Tanh"))
}

pub fn rnn_relu<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    recurrent(l, call, Kind::Rnn("Relu"))
}

fn recurrent<'a>(l: &mut Lowering<'a>, call: Call<'a>, kind: Kind) -> Result<()> {
    let parameters = l.inputs_of(call, "params")?;
    let has_biases = l.flag(call, "has_biases", true)?;
    let directions = if l.flag(call, "bidirectional", false)? { 2 } else { 1 };
    let layers = usize::try_from(l.int(call, "num_layers", 1)?).unwrap_or_default();
    let each = if has_biases { 4 } else { 2 };
    if layers == 0 || layers.checked_mul(directions * each) != Some(parameters.len()) {
        return Err(Error::new(format!("has {} weights for {layers} layers: a projection", parameters.len()))
            .with_help("ESP-DL has no proj_size: use a Linear behind the layer"));
    }
    let shape = l.shape(call, "input")?;
    if shape.len() != 3 {
        return Err(Error::new(format!("its input has shape {shape:?}, without a batch"))
            .with_help("export the model with an input that has a batch of 1"));
    }
    let is_batch_first = l.flag(call, "batch_first", false)?;
    let states = match kind {
        Kind::Lstm => l.inputs_of(call, "hx")?,
        _ => vec![l.input(call, "hx")?],
    };
    let mut x = l.input(call, "input")?;
    if is_batch_first {
        x = swapped(l, x);
    }
    let mut last = vec![Vec::new(); states.len()];
    for (n, of_layer) in parameters.chunks(each * directions).enumerate() {
        let weights = Weights::of(l, kind, of_layer, each)?;
        let start = n * directions;
        let mut inputs = vec![Some(x), Some(weights.w), Some(weights.r), weights.b, None];
        for &state in &states {
            let state = if layers == 1 { state } else { slice(l, state, start, start + directions) };
            inputs.push(Some(state));
        }
        let made = l.node_of(kind.op(), inputs, attributes(kind, weights.hidden, directions), 1 + states.len());
        x = joined(l, made[0], directions);
        for (all, &state) in last.iter_mut().zip(&made[1..]) {
            all.push(state);
        }
    }
    if is_batch_first {
        x = swapped(l, x);
    }
    let mut outputs = vec![x];
    for states in last {
        outputs.push(match states.as_slice() {
            [one] => *one,
            several => l.node("Concat", several, [("axis", Attribute::Int(0))]),
        });
    }
    l.set_all(call, &outputs)
}

fn swapped(l: &mut Lowering, x: ValueId) -> ValueId {
    l.node("Transpose", &[x], [("perm", Attribute::Ints(vec![1, 0, 2]))])
}

fn slice(l: &mut Lowering, state: ValueId, start: usize, end: usize) -> ValueId {
    let ints = [start as i64, end as i64, 0].map(|int| l.int_constant(vec![int]));
    l.node("Slice", &[state, ints[0], ints[1], ints[2]], [])
}

/// Puts the directions side by side: `[steps, directions, batch, hidden]` becomes `[steps, batch, directions * hidden]`.
fn joined(l: &mut Lowering, y: ValueId, directions: usize) -> ValueId {
    if directions == 1 {
        let axes = l.int_constant(vec![1]);
        return l.node("Squeeze", &[y, axes], []);
    }
    let moved = l.node("Transpose", &[y], [("perm", Attribute::Ints(vec![0, 2, 1, 3]))]);
    let shape = l.int_constant(vec![0, 0, -1]);
    l.node("Reshape", &[moved, shape], [("allowzero", Attribute::Int(0))])
}

fn attributes(kind: Kind, hidden: usize, directions: usize) -> Vec<(&'static str, Attribute)> {
    let mut attributes = vec![("hidden_size", Attribute::Int(hidden as i64))];
    match kind {
        Kind::Gru => attributes.push(("linear_before_reset", Attribute::Int(1))),
        Kind::Lstm => {}
        Kind::Rnn(activation) => {
            attributes.push(("activations", Attribute::Texts(vec![activation.to_string(); directions])));
        }
    }
    if directions == 2 {
        attributes.push(("direction", Attribute::Text("bidirectional".to_string())));
    }
    attributes
}

/// Weights of one layer in ONNX's form.
struct Weights {
    w: ValueId,
    r: ValueId,
    b: Option<ValueId>,
    hidden: usize,
}

impl Weights {
    /// Joins the weights of the directions, `each` parameters for one.
    fn of(l: &mut Lowering, kind: Kind, parameters: &[ValueId], each: usize) -> Result<Weights> {
        let shape = |l: &Lowering, at: usize| l.graph.shape(parameters[at]).map(<[usize]>::to_vec).unwrap_or_default();
        let (of_w, of_r) = (shape(l, 0), shape(l, 1));
        let (&[rows, features], &[_, hidden]) = (of_w.as_slice(), of_r.as_slice()) else {
            bail!("weights of shapes {of_w:?} and {of_r:?}")
        };
        let gates = kind.gates().len();
        if hidden == 0 || rows != gates * hidden {
            bail!("weights of shapes {of_w:?} and {of_r:?}")
        }
        let directions = parameters.len() / each;
        let mut joined = |first: usize, columns: usize, width: usize| -> Result<ValueId> {
            let mut all = Vec::new();
            for direction in 0..directions {
                for at in first..first + width {
                    all.extend(ordered(l, kind, parameters[direction * each + at], hidden * columns)?);
                }
            }
            let name = l.graph.value(parameters[first]).name.clone();
            let shape = match first {
                2 => vec![directions, 2 * rows],
                _ => vec![directions, rows, columns],
            };
            Ok(l.named_constant(&name, Tensor::new(&shape, all)?))
        };
        let (w, r) = (joined(0, features, 1)?, joined(1, hidden, 1)?);
        let b = if each == 4 { Some(joined(2, 1, 2)?) } else { None };
        Ok(Weights { w, r, b, hidden })
    }
}

/// Returns the elements of a parameter with its gates in ONNX's order; `block` is the number of elements of a gate.
fn ordered(l: &Lowering, kind: Kind, parameter: ValueId, block: usize) -> Result<Vec<f32>> {
    let gates = kind.gates();
    match l.tensor(parameter).and_then(|tensor| tensor.slice::<f32>()) {
        Some(elements) if elements.len() == gates.len() * block => {
            Ok(gates.iter().flat_map(|&gate| &elements[gate * block..(gate + 1) * block]).copied().collect())
        }
        Some(elements) => bail!("{} weights in place of {}", elements.len(), gates.len() * block),
        None => bail!("its weights are no constants"),
    }
}
