//! LSTM and GRU with the inner roundings of ESP-DL's kernels.
//!
//! esp-ppq: `LSTM_quant_forward` and `GRU_quant_forward` of `executor/op/torch/espdl.py`. Products with W and R, the
//! cell state and the GRU's candidate are rounded to 16 bits at 2^-9 (`LSTM_QUANT_EXPONENT`, `GRU_QUANT_EXPONENT` of
//! `core/common.py`), in float32 or, at 16 bits, in float64. These roundings apply even if the ports are not quantized,
//! since the chip always rounds.

use std::borrow::Cow;
use std::sync::Arc;

use crate::Result;
use crate::chip::Rounding;
use crate::exec::FakeQuant;
use crate::graph::{DataType, Tensor};
use crate::kernels::activation::tanh;
use crate::kernels::real::Real;
use crate::kernels::rounding::fake_quantize;
use crate::ops::recurrent::{Shape, dot, numbers};
use crate::ops::{Call, Kernel};

const INNER_EXPONENT: i32 = -9;
const INNER_BITS: u32 = 16;

/// Rounding of the hidden state.
#[derive(Debug, Clone)]
pub struct Hidden {
    pub rounding: Rounding,
    /// Quantization of the first output, if it is active: it applies to the state at every step.
    pub output: Option<FakeQuant>,
    /// float64 in all steps, for 16-bit layers.
    pub wide: bool,
}

pub fn lstm(call: &Call, hidden: Hidden) -> Result<Arc<dyn Kernel>> {
    Ok(Arc::new(Recurrent { shape: Shape::of(call, 4, "LSTM")?, hidden, cell: Cell::Lstm }))
}

pub fn gru(call: &Call, hidden: Hidden) -> Result<Arc<dyn Kernel>> {
    Ok(Arc::new(Recurrent { shape: Shape::of(call, 3, "GRU")?, hidden, cell: Cell::Gru }))
}

#[derive(Clone, Copy)]
enum Cell {
    Lstm,
    Gru,
}

struct Recurrent {
    shape: Shape,
    hidden: Hidden,
    cell: Cell,
}

impl Kernel for Recurrent {
    fn run(&self, inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        if self.hidden.wide { self.compute::<f64>(&inputs) } else { self.compute::<f32>(&inputs) }
    }
}

/// Weights of one direction, with precomputed parts for a step.
struct Weights<'a> {
    w: &'a [f64],
    r: &'a [f64],
    bias: Option<&'a [f64]>,
    input: usize,
    hidden: usize,
}

impl Recurrent {
    fn compute<T: Real>(&self, inputs: &[Option<Tensor>]) -> Result<Vec<Tensor>> {
        let s = &self.shape;
        let (n, k) = (s.hidden, s.input);
        let gates = match self.cell {
            Cell::Lstm => 4,
            Cell::Gru => 3,
        };
        let (w, r) = (numbers(inputs, 1)?.unwrap_or_default(), numbers(inputs, 2)?.unwrap_or_default());
        let bias: Option<Cow<[f64]>> = numbers(inputs, 3)?;
        let states: &[usize] = if gates == 4 { &[5, 6] } else { &[5] };
        let data_type = if self.hidden.wide { DataType::F64 } else { DataType::F32 };
        s.walk_as(data_type, inputs, states, |d, x, states| {
            let weights = Weights {
                w: &w[d * gates * n * k..][..gates * n * k],
                r: &r[d * gates * n * n..][..gates * n * n],
                bias: bias.as_ref().map(|b| &b[d * 2 * gates * n..][..2 * gates * n]),
                input: k,
                hidden: n,
            };
            match self.cell {
                Cell::Lstm => self.lstm::<T>(&weights, x, states),
                Cell::Gru => self.gru::<T>(&weights, x, states),
            }
        })
    }

    /// Gates in ONNX's order i, o, f, c.
    fn lstm<T: Real>(&self, weights: &Weights, x: &[f64], states: &mut [Vec<f64>]) {
        let n = weights.hidden;
        let (mut xw, hr) = self.products::<T>(weights, x, &states[0]);
        if let Some(bias) = weights.bias {
            for (i, v) in xw.iter_mut().enumerate() {
                *v += T::from_f64(bias[i]) + T::from_f64(bias[4 * n + i]);
            }
        }
        let gate = |g: usize, unit: usize| xw[g * n + unit] + hr[g * n + unit];
        let old = states[1].iter().map(|&c| T::from_f64(c));
        let mut cells: Vec<T> =
            old.enumerate().map(|(u, c)| sigmoid(gate(2, u)) * c + sigmoid(gate(0, u)) * tanh(gate(3, u))).collect();
        self.inner(&mut cells);
        let mut h: Vec<T> = cells.iter().enumerate().map(|(u, &c)| sigmoid(gate(1, u)) * tanh(c)).collect();
        self.output(&mut h);
        states[0] = h.into_iter().map(T::to_f64).collect();
        states[1] = cells.into_iter().map(T::to_f64).collect();
    }

    /// Gates in ONNX's order z, r, h; the reset gate scales R h + Rb, as in ESP-DL's kernel.
    fn gru<T: Real>(&self, weights: &Weights, x: &[f64], states: &mut [Vec<f64>]) {
        let n = weights.hidden;
        let (xw, hr) = self.products::<T>(weights, x, &states[0]);
        let bias = |gate: usize, unit: usize| T::from_f64(weights.bias.map_or(0.0, |b| b[gate * n + unit]));
        let open = |gate: usize, unit: usize| {
            sigmoid(xw[gate * n + unit] + hr[gate * n + unit] + (bias(gate, unit) + bias(gate + 3, unit)))
        };
        let mut candidates: Vec<T> =
            (0..n).map(|u| xw[2 * n + u] + bias(2, u) + open(1, u) * (hr[2 * n + u] + bias(5, u))).collect();
        self.inner(&mut candidates);
        let mut h: Vec<T> = (0..n)
            .map(|u| {
                let z = open(0, u);
                (T::ONE - z) * tanh(candidates[u]) + z * T::from_f64(states[0][u])
            })
            .collect();
        self.output(&mut h);
        states[0] = h.into_iter().map(T::to_f64).collect();
    }

    /// Computes W x and R h of every gate, each rounded.
    fn products<T: Real>(&self, weights: &Weights, x: &[f64], h: &[f64]) -> (Vec<T>, Vec<T>) {
        let rows = |matrix: &[f64], columns: usize, vector: &[f64]| -> Vec<T> {
            let mut products: Vec<T> =
                matrix.chunks_exact(columns.max(1)).map(|row| T::from_f64(dot(row, vector))).collect();
            self.inner(&mut products);
            products
        };
        (rows(weights.w, weights.input, x), rows(weights.r, weights.hidden, h))
    }

    fn inner<T: Real>(&self, values: &mut [T]) {
        fake_quantize(values, INNER_EXPONENT, INNER_BITS, self.hidden.rounding);
    }

    fn output<T: Real>(&self, values: &mut [T]) {
        if let Some(FakeQuant { exponents, bits, rounding, .. }) = &self.hidden.output
            && let Some(&exponent) = exponents.first()
        {
            fake_quantize(values, exponent, *bits, *rounding);
        }
    }
}

fn sigmoid<T: Real>(x: T) -> T {
    T::ONE / (T::ONE + (T::ZERO - x).exponential())
}
