//! LSTM and GRU in float (`forward_float` in `dl_module_lstm.hpp` and `dl_module_gru.hpp`): functions, not tables.
//!
//! Never: batches.

use std::sync::Arc;

use crate::Result;
use crate::chip::Family;
use crate::espdl::DataType;

use super::function::{sigmoid, tanh};
use super::kernel::Kernel;
use super::node_context::Step;
use super::recurrent::Shape;
use super::value::{Data, Fact};

/// Sums like vector code, with four sums of fused products; the S3 adds them before the remaining products, the P4
/// after them (`dl_tie728_dotprod_f32`, `dl_esp32p4_dotprod_f32`).
fn dot(row: &[f32], x: &[f32], family: Family) -> f32 {
    let rest = row.len() / 4 * 4;
    // In bounds: `rest` is at most the length.
    let (pairs, last) = (row[..rest].iter().zip(x), row[rest..].iter().zip(x.iter().skip(rest)));
    if family == Family::C {
        return pairs.chain(last).fold(0.0, |sum, (w, x)| sum + w * x);
    }
    let mut sums = [0f32; 4];
    pairs.enumerate().for_each(|(i, (w, x))| sums[i % 4] = w.mul_add(*x, sums[i % 4]));
    let tail = |from: f32| last.fold(from, |sum, (w, x)| w.mul_add(*x, sum));
    let [first, second, third, fourth] = sums;
    match family {
        Family::P4 => tail(first) + second + (third + fourth),
        _ => tail(first + second + (third + fourth)),
    }
}

struct Cell {
    hidden: usize,
    family: Family,
    /// Weights of inputs and of the hidden state; `bias` has the same order.
    weights: [Vec<f32>; 2],
    bias: Option<[Vec<f32>; 2]>,
}

impl Cell {
    fn products(&self, of: usize, x: &[f32]) -> Vec<f32> {
        // `of` is 0 or 1.
        self.weights[of].chunks_exact(x.len().max(1)).map(|row| dot(row, x, self.family)).collect()
    }

    fn lstm(&self, x: &[f32], h: &mut [f32], c: &mut [f32]) {
        let (input, hidden, n) = (self.products(0, x), self.products(1, h), self.hidden);
        // In bounds: four gates of n products each, and as many biases.
        let gate = |i: usize| match &self.bias {
            Some([wb, rb]) => input[i] + (wb[i] + hidden[i] + rb[i]),
            None => input[i] + hidden[i],
        };
        for (k, (h, c)) in h.iter_mut().zip(c).enumerate() {
            let (i, o) = (sigmoid(gate(k)), sigmoid(gate(n + k)));
            let (f, g) = (sigmoid(gate(2 * n + k)), tanh(gate(3 * n + k)));
            *c = f * *c + i * g;
            *h = o * tanh(*c);
        }
    }

    fn gru(&self, x: &[f32], h: &mut [f32]) {
        let (mut input, mut hidden, n) = (self.products(0, x), self.products(1, h), self.hidden);
        if let Some([wb, rb]) = &self.bias {
            input.iter_mut().zip(wb).for_each(|(x, b)| *x += b);
            hidden.iter_mut().zip(rb).for_each(|(x, b)| *x += b);
        }
        // In bounds: three gates of n products each.
        for (k, h) in h.iter_mut().enumerate() {
            let (z, r) = (sigmoid(input[k] + hidden[k]), sigmoid(input[n + k] + hidden[n + k]));
            let new = tanh(input[2 * n + k] + r * hidden[2 * n + k]);
            *h = (1.0 - z) * new + z * *h;
        }
    }
}

pub fn cells(step: &Step, gates: usize) -> Result<Kernel> {
    let shape = Shape::new(step, gates)?;
    let Shape { directions, hidden, inputs, rows, .. } = shape;
    let held = |index: usize, length: usize| -> Result<bool> {
        let is_given = shape.held(step, index, length)?.is_some();
        if is_given {
            step.floats(index)?;
        }
        Ok(is_given)
    };
    let bias = if held(3, directions * 2 * rows)? { Some(step.floats(3)?.constant()?.floats()?) } else { None };
    let (has_h, has_c) = (held(5, directions * hidden)?, gates == 4 && held(6, directions * hidden)?);
    let (ws, rs) = (step.floats(1)?.constant()?.floats()?, step.floats(2)?.constant()?.floats()?);
    step.floats(0)?;
    // In bounds: lengths are checked against the shapes above.
    let cell = |d: usize| Cell {
        hidden,
        family: step.family(),
        weights: [
            ws[d * rows * inputs..(d + 1) * rows * inputs].to_vec(),
            rs[d * rows * hidden..(d + 1) * rows * hidden].to_vec(),
        ],
        bias: bias.map(|b| {
            [b[2 * d * rows..(2 * d + 1) * rows].to_vec(), b[(2 * d + 1) * rows..(2 * d + 2) * rows].to_vec()]
        }),
    };
    let cells: Vec<Cell> = (0..directions).map(cell).collect();
    let facts = shape.outputs().into_iter().take(gates - 1).map(|dims| Fact::made(DataType::Float, dims, 0)).collect();
    Ok(Kernel::several(facts, move |node| {
        let xs = node.floats(0)?;
        let state = |port: usize, is_given: bool| match is_given {
            true => node.floats(port).map(<[f32]>::to_vec),
            false => Ok(vec![0f32; directions * hidden]),
        };
        let (mut h, mut c) = (state(5, has_h)?, state(6, has_c)?);
        let mut all = vec![0f32; shape.steps * directions * hidden];
        for (d, cell) in cells.iter().enumerate() {
            let (h, c) = (&mut h[shape.own(d)], &mut c[shape.own(d)]);
            shape.run(d, xs, h, &mut all, |x, h| if gates == 4 { cell.lstm(x, h, c) } else { cell.gru(x, h) });
        }
        let mut made = vec![Arc::new(Data::F32(all)), Arc::new(Data::F32(h))];
        made.extend((gates == 4).then(|| Arc::new(Data::F32(c))));
        Ok(made)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_added_in_each_chips_order() {
        // The last product is lost when added to 2^24, but not when added to 0.
        let (row, x) = ([16777216.0f32, -16777216.0, 0.0, 0.0, 1.0], [1.0f32; 5]);
        assert_eq!([Family::C, Family::S3, Family::P4].map(|family| dot(&row, &x, family)), [1.0, 1.0, 0.0]);
    }
}
