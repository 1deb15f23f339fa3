//! LSTM and GRU in float (`forward_float` in `dl_module_lstm.hpp` and `dl_module_gru.hpp`): functions, not tables.
//!
//! Never: batches.

use crate::chip::Family;
use crate::{Result, bail};

use super::function::{sigmoid, tanh};
use super::step::Step;
use super::value::{Data, Value};

/// Vector code has four sums of fused products; the S3 adds them up before the rest, the P4 behind it
/// (`dl_tie728_dotprod_f32`, `dl_esp32p4_dotprod_f32`).
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

struct Cell<'a> {
    hidden: usize,
    family: Family,
    weights: [&'a [f32]; 2],
    bias: Option<[&'a [f32]; 2]>,
}

impl Cell<'_> {
    fn products(&self, of: usize, x: &[f32]) -> Vec<f32> {
        // `of` is 0 or 1.
        self.weights[of].chunks_exact(x.len().max(1)).map(|row| dot(row, x, self.family)).collect()
    }

    fn lstm(&self, x: &[f32], h: &mut [f32], c: &mut [f32]) {
        let (input, hidden, n) = (self.products(0, x), self.products(1, h), self.hidden);
        // In bounds: four gates of n products each, and as many biases.
        let gate = |i: usize| match self.bias {
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
        if let Some([wb, rb]) = self.bias {
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

pub fn run(step: &Step, gates: usize) -> Result<Vec<Value>> {
    let (x, w, r) = (step.input(0)?, step.input(1)?, step.input(2)?);
    let &[directions, rows, inputs] = w.dims.as_slice() else { bail!("its weights have shape {:?}", w.dims) };
    let hidden = rows / gates;
    if r.dims != [directions, rows, hidden] || rows != gates * hidden || hidden == 0 || !(1..=2).contains(&directions) {
        bail!("weights of shapes {:?} and {:?} are none of {gates} gates", w.dims, r.dims);
    }
    let steps = match (step.int("layout", 0), x.dims.as_slice()) {
        (0, &[steps, 1, last]) if last == inputs => steps,
        (1, &[1, steps, last]) if last == inputs => steps,
        _ => bail!("an input of shape {:?} does not fit {inputs} inputs a step in one batch", x.dims),
    };
    let list = |index: usize, length: usize| -> Result<Option<&[f32]>> {
        let Some(value) = step.optional(index) else { return Ok(None) };
        if value.data.len() != length {
            bail!("its input {index} has {} values, {length} are read", value.data.len());
        }
        value.floats().map(Some)
    };
    let (bias, states) = (list(3, directions * 2 * rows)?, directions * hidden);
    let (h0, c0) = (list(5, states)?, if gates == 4 { list(6, states)? } else { None });
    let (xs, ws, rs) = (x.floats()?, w.floats()?, r.floats()?);
    let mut all = vec![0f32; steps * states];
    let (mut final_h, mut final_c) = (Vec::new(), Vec::new());
    for d in 0..directions {
        // In bounds: lengths are held to the shapes above.
        let cell = Cell {
            hidden,
            family: step.family(),
            weights: [&ws[d * rows * inputs..(d + 1) * rows * inputs], &rs[d * rows * hidden..(d + 1) * rows * hidden]],
            bias: bias.map(|b| [&b[2 * d * rows..(2 * d + 1) * rows], &b[(2 * d + 1) * rows..(2 * d + 2) * rows]]),
        };
        let own =
            |state: Option<&[f32]>| state.map_or(vec![0f32; hidden], |s| s[d * hidden..(d + 1) * hidden].to_vec());
        let (mut h, mut c) = (own(h0), own(c0));
        for k in 0..steps {
            let t = if d == 0 { k } else { steps - 1 - k };
            let x = &xs[t * inputs..(t + 1) * inputs];
            if gates == 4 {
                cell.lstm(x, &mut h, &mut c)
            } else {
                cell.gru(x, &mut h)
            }
            let at = (t * directions + d) * hidden;
            all[at..at + hidden].copy_from_slice(&h);
        }
        final_h.extend(h);
        final_c.extend(c);
    }
    let value = |dims: Vec<usize>, values| Value { dims, exponents: vec![0], data: Data::F32(values) };
    let state = vec![directions, 1, hidden];
    let mut made = vec![value(vec![steps, directions, 1, hidden], all), value(state.clone(), final_h)];
    made.extend((gates == 4).then(|| value(state, final_c)));
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_added_up_as_each_chip_does() {
        // The last product is lost beside 2^24, but not beside the sum of nothing.
        let (row, x) = ([16777216.0f32, -16777216.0, 0.0, 0.0, 1.0], [1.0f32; 5]);
        assert_eq!([Family::C, Family::S3, Family::P4].map(|family| dot(&row, &x, family)), [1.0, 1.0, 0.0]);
    }
}
