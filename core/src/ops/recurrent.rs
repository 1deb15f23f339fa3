//! Parts shared by LSTM, GRU and RNN: sizes, directions, activations and the walk over a sequence.
//!
//! Results are computed in float64 and rounded once, so that long sequences do not drift.

use std::borrow::Cow;

use crate::graph::{DataType, Tensor};
use crate::{Result, bail};

use super::cast::cast;
use super::operands::{checked_len, optional, required};
use super::{Call, Fact};

/// Activation of a gate, in float64.
pub type Activation = Box<dyn Fn(f64) -> f64 + Send + Sync>;

/// Sizes and options of a recurrent node.
pub struct Shape {
    /// Number of steps of the longest sequence.
    pub sequence: usize,
    /// Number of sequences.
    pub batch: usize,
    /// Length of the input vector of a step.
    pub input: usize,
    /// Length of the hidden state (`hidden_size`).
    pub hidden: usize,
    /// Directions; `true` runs from the end.
    pub directions: Vec<bool>,
    /// Set if the batch is the first axis instead of the sequence.
    pub batch_first: bool,
    /// Bound on the magnitude of an activation's input; infinite without one.
    pub clip: f64,
    /// Type of inputs and outputs; the arithmetic is in float64.
    pub data_type: DataType,
    /// Number of output ports of the node.
    pub outputs: usize,
}

impl Shape {
    /// Reads the sizes from a call. `gates` is 4 for LSTM, 3 for GRU, 1 for RNN.
    pub fn of(call: &Call, gates: usize, operator: &str) -> Result<Shape> {
        let (x, w, r) = (required(call, 0, operator)?, required(call, 1, operator)?, required(call, 2, operator)?);
        let directions = match call.attributes.text("direction").unwrap_or("forward") {
            "forward" => vec![false],
            "reverse" => vec![true],
            "bidirectional" => vec![false, true],
            other => bail!("{operator} has no direction {other}"),
        };
        let batch_first = call.attributes.int_or("layout", 0) != 0;
        let ([first, second, input], [d, rows, columns], [rd, r_rows, hidden]) =
            (x.shape.as_slice(), w.shape.as_slice(), r.shape.as_slice())
        else {
            bail!("{operator} takes inputs of 3 axes, not {:?}, {:?} and {:?}", x.shape, w.shape, r.shape);
        };
        let fits = *d == directions.len()
            && rd == d
            && columns == input
            && Some(*rows) == hidden.checked_mul(gates)
            && r_rows == rows;
        if !fits {
            bail!("{operator} has W {:?} and R {:?} for an input {:?}", w.shape, r.shape, x.shape);
        }
        let (sequence, batch) = if batch_first { (*second, *first) } else { (*first, *second) };
        let state = checked_len(&[batch, *d, *hidden])?;
        checked_len(&[sequence, batch, *d, *hidden])?;
        expect_len(call, 3, 2 * d * rows, &format!("the bias of {operator}"))?;
        // Port 6 is the cell state of LSTM; the others have none.
        for port in [5, 6] {
            expect_len(call, port, state, &format!("the initial state of {operator}"))?;
        }
        let clip = call.attributes.float("clip").map_or(f64::INFINITY, f64::from);
        if clip.is_nan() || clip < 0.0 {
            bail!("{operator} has clip {clip}, which leaves no number between its bounds");
        }
        Ok(Shape {
            sequence,
            batch,
            input: *input,
            hidden: *hidden,
            directions,
            batch_first,
            clip,
            data_type: x.data_type,
            outputs: call.outputs,
        })
    }

    /// Facts of Y, then of each state.
    pub fn facts(&self) -> Vec<Fact> {
        let (s, d, b, h) = (self.sequence, self.directions.len(), self.batch, self.hidden);
        let (all, last) =
            if self.batch_first { (vec![b, s, d, h], vec![b, d, h]) } else { (vec![s, d, b, h], vec![d, b, h]) };
        (0..self.outputs).map(|o| Fact::new(self.data_type, if o == 0 { all.clone() } else { last.clone() })).collect()
    }

    /// Returns the input at one step of one sequence.
    pub fn step<'a>(&self, x: &'a [f64], t: usize, b: usize) -> &'a [f64] {
        let at = if self.batch_first { b * self.sequence + t } else { t * self.batch + b };
        &x[at * self.input..(at + 1) * self.input]
    }

    fn output_at(&self, t: usize, d: usize, b: usize) -> usize {
        let directions = self.directions.len();
        let at = if self.batch_first {
            (b * self.sequence + t) * directions + d
        } else {
            (t * directions + d) * self.batch + b
        };
        at * self.hidden
    }

    fn state_at(&self, d: usize, b: usize) -> usize {
        let at = if self.batch_first { b * self.directions.len() + d } else { d * self.batch + b };
        at * self.hidden
    }

    /// Runs [`Shape::walk_as`] in the type of the input.
    pub fn walk(
        &self,
        inputs: &[Option<Tensor>],
        initial: &[usize],
        cell: impl FnMut(usize, &[f64], &mut [Vec<f64>]),
    ) -> Result<Vec<Tensor>> {
        self.walk_as(self.data_type, inputs, initial, cell)
    }

    /// Walks every direction and sequence. `cell(direction, input, states)` updates the states; the first one is the
    /// output.
    pub fn walk_as(
        &self,
        data_type: DataType,
        inputs: &[Option<Tensor>],
        initial: &[usize],
        mut cell: impl FnMut(usize, &[f64], &mut [Vec<f64>]),
    ) -> Result<Vec<Tensor>> {
        let x = numbers(inputs, 0)?.unwrap_or_default();
        let lengths = self.lengths(inputs)?;
        let (h, directions) = (self.hidden, self.directions.len());
        let mut y = vec![0.0; self.sequence * directions * self.batch * h];
        let mut last = vec![vec![0.0; directions * self.batch * h]; initial.len()];
        for &port in initial {
            if let Some(Some(t)) = inputs.get(port)
                && t.len() != directions * self.batch * h
            {
                bail!("an initial state of shape {:?} does not fit {directions} x {} x {h}", t.shape(), self.batch);
            }
        }
        let starts: Vec<_> = initial.iter().map(|&port| numbers(inputs, port)).collect::<Result<_>>()?;
        for (d, &reverse) in self.directions.iter().enumerate() {
            for (b, &length) in lengths.iter().enumerate() {
                let at = self.state_at(d, b);
                let start = |s: &Option<Cow<[f64]>>| s.as_ref().map_or(vec![0.0; h], |v| v[at..at + h].to_vec());
                let mut states: Vec<Vec<f64>> = starts.iter().map(start).collect();
                for i in 0..length {
                    let t = if reverse { length - 1 - i } else { i };
                    cell(d, self.step(&x, t, b), &mut states);
                    let to = self.output_at(t, d, b);
                    y[to..to + h].copy_from_slice(&states[0]);
                }
                last.iter_mut().zip(&states).for_each(|(l, s)| l[at..at + h].copy_from_slice(s));
            }
        }
        let all = std::iter::once(y).chain(last).zip(self.facts());
        all.map(|(values, fact)| cast(Tensor::new(&fact.shape, values)?, data_type)).collect()
    }

    /// Returns the number of steps of each sequence: input 4, or all.
    fn lengths(&self, inputs: &[Option<Tensor>]) -> Result<Vec<usize>> {
        let Some(Some(lengths)) = inputs.get(4) else { return Ok(vec![self.sequence; self.batch]) };
        let whole = lengths.to_i64s().unwrap_or_default();
        let lengths: Option<Vec<usize>> = whole.iter().map(|&l| usize::try_from(l).ok()).collect();
        match lengths {
            Some(l) if l.len() == self.batch && l.iter().all(|&n| n <= self.sequence) => Ok(l),
            _ => bail!("sequence_lens {whole:?} do not fit {} sequences of {} steps", self.batch, self.sequence),
        }
    }

    /// Returns the input of an activation, within `clip`.
    pub(super) fn clipped(&self, v: f64) -> f64 {
        v.clamp(-self.clip, self.clip)
    }
}

/// Converts a constant or run-time input to float64.
pub fn numbers(inputs: &[Option<Tensor>], port: usize) -> Result<Option<Cow<'static, [f64]>>> {
    let Some(Some(tensor)) = inputs.get(port) else { return Ok(None) };
    let wide = cast(tensor.clone(), DataType::F64)?;
    Ok(wide.into_vec::<f64>().map(Cow::Owned))
}

/// Computes W x + R h + biases of one row of a gate.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Returns activations by direction and gate; `defaults` are those of one direction.
pub fn activations(call: &Call, defaults: &[&str], directions: usize) -> Result<Vec<Activation>> {
    let names: Vec<String> = match call.attributes.get("activations") {
        Some(crate::graph::Attribute::Texts(names)) => names.clone(),
        _ => defaults.iter().map(|n| n.to_string()).cycle().take(defaults.len() * directions).collect(),
    };
    if names.len() != defaults.len() * directions {
        bail!("activations {names:?} are not {} for each of {directions} directions", defaults.len());
    }
    let mut alphas = call.attributes.floats("activation_alpha").unwrap_or_default().iter().copied();
    let mut betas = call.attributes.floats("activation_beta").unwrap_or_default().iter().copied();
    names.iter().map(|name| activation(name, &mut alphas, &mut betas)).collect()
}

fn activation(
    name: &str,
    alphas: &mut impl Iterator<Item = f32>,
    betas: &mut impl Iterator<Item = f32>,
) -> Result<Activation> {
    let mut alpha = |default: f32| f64::from(alphas.next().unwrap_or(default));
    let mut beta = |default: f32| f64::from(betas.next().unwrap_or(default));
    Ok(match name.to_ascii_lowercase().as_str() {
        "sigmoid" => Box::new(|x: f64| 1.0 / (1.0 + (-x).exp())),
        "tanh" => Box::new(f64::tanh),
        "relu" => Box::new(|x: f64| x.max(0.0)),
        "softsign" => Box::new(|x: f64| x / (1.0 + x.abs())),
        "softplus" => Box::new(|x: f64| x.exp().ln_1p()),
        "leakyrelu" => {
            let a = alpha(0.01);
            Box::new(move |x| if x < 0.0 { a * x } else { x })
        }
        "thresholdedrelu" => {
            let a = alpha(1.0);
            Box::new(move |x| if x > a { x } else { 0.0 })
        }
        "elu" => {
            let a = alpha(1.0);
            Box::new(move |x| if x < 0.0 { a * x.exp_m1() } else { x })
        }
        "hardsigmoid" => {
            let (a, b) = (alpha(0.2), beta(0.5));
            Box::new(move |x| (a * x + b).clamp(0.0, 1.0))
        }
        "affine" => {
            let (a, b) = (alpha(1.0), beta(0.0));
            Box::new(move |x| a * x + b)
        }
        "scaledtanh" => {
            let (a, b) = (alpha(1.0), beta(1.0));
            Box::new(move |x| a * (b * x).tanh())
        }
        other => bail!("there is no activation {other}"),
    })
}

/// Fails if an optional input does not have `len` elements.
pub fn expect_len(call: &Call, port: usize, len: usize, what: &str) -> Result<()> {
    match optional(call, port) {
        Some(fact) if fact.shape.iter().product::<usize>() != len => {
            bail!("{what} has shape {:?}, but {len} elements are needed", fact.shape)
        }
        _ => Ok(()),
    }
}
