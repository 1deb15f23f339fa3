//! LSTM and GRU: products in integers, gates from tables of floats (`dl_module_lstm.hpp`, `dl_module_gru.hpp`).
//!
//! The float steps are written as the source has them; whether a compiler for a chip fuses a product and a sum is not
//! known here, and would show only where a value lies within one float step of a half.
//!
//! Never: `linear_before_reset` 0, other activations, batches.

use crate::chip::Family;
use crate::chip::QuantType;
use crate::{Result, bail};

use super::function::{sigmoid, tanh};
use super::recurrent_float;
use super::round::{round, scale, shift};
use super::step::Step;
use super::value::{Data, Value, Whole};

pub fn lstm(step: &Step) -> Result<Vec<Value>> {
    match step.quant_type() {
        QuantType::S8 => run::<i8>(step, 4),
        QuantType::S16 => run::<i16>(step, 4),
        _ => recurrent_float::run(step, 4),
    }
}

pub fn gru(step: &Step) -> Result<Vec<Value>> {
    if step.int("linear_before_reset", 0) == 0 {
        bail!("GRU with linear_before_reset 0 has no kernel");
    }
    match step.quant_type() {
        QuantType::S8 => run::<i8>(step, 3),
        QuantType::S16 => run::<i16>(step, 3),
        _ => recurrent_float::run(step, 3),
    }
}

/// A function of the gates' integers, tabled from 0 on.
struct Table {
    values: Vec<f32>,
    /// Of a negative argument, from that of the positive.
    mirror: fn(f32) -> f32,
}

impl Table {
    fn new(exponent: i32, reach: f32, function: fn(f32) -> f32, mirror: fn(f32) -> f32) -> Table {
        let step = scale(exponent);
        let last = (reach / step) as i32 + 1;
        Table { values: (0..=last).map(|i| function(i as f32 * step)).collect(), mirror }
    }

    fn get(&self, index: i64) -> f32 {
        let last = self.values.len() - 1;
        let place = usize::try_from(index.unsigned_abs()).unwrap_or(last).min(last);
        // In bounds: at most the last, and the table has one entry at least.
        let value = self.values[place];
        if index >= 0 { value } else { (self.mirror)(value) }
    }
}

/// `dotprod`: exact where a vector fits the row, else by way of a float.
fn dot<T: Whole>(row: &[T], x: &[T], distance: i32, family: Family) -> i16 {
    let lanes = 128 / T::BITS as usize;
    let sum: i64 = row.iter().zip(x).map(|(w, x)| w.wide() * x.wide()).sum();
    let value = if family != Family::C && row.len().is_multiple_of(lanes) && distance >= 0 {
        shift(sum, distance, family)
    } else {
        round(sum as f32 * scale(-distance), family)
    };
    i16::clamp_from(value)
}

struct Cell<'a, T> {
    gates: usize,
    hidden: usize,
    inputs: usize,
    shifts: [i32; 2],
    sigmoid: Table,
    tanh: Table,
    /// Of the output, and of the LSTM's cell.
    rescale: [f32; 2],
    family: Family,
    weights: [&'a [T]; 2],
    bias: Option<[&'a [i16]; 2]>,
}

impl<T: Whole> Cell<'_, T> {
    fn products(&self, of: usize, x: &[T]) -> Vec<i16> {
        // `of` is 0 or 1.
        let length = if of == 0 { self.inputs } else { self.hidden };
        self.weights[of].chunks_exact(length.max(1)).map(|row| dot(row, x, self.shifts[of], self.family)).collect()
    }

    fn bias(&self, of: usize, i: usize) -> i16 {
        self.bias.and_then(|b| b[of].get(i).copied()).unwrap_or(0)
    }

    fn step(&self, x: &[T], h: &mut [T], c: &mut [i16]) {
        let (input, hidden) = (self.products(0, x), self.products(1, h));
        if self.gates == 4 { self.lstm(&input, &hidden, h, c) } else { self.gru(&input, &hidden, h) }
    }

    fn lstm(&self, input: &[i16], hidden: &[i16], h: &mut [T], c: &mut [i16]) {
        let n = self.hidden;
        // Sums of four int16 are cut to 16 bits, as storing them does. In bounds: 4 n products each.
        let gate = |i: usize| {
            let bias = i32::from(self.bias(0, i)) + i32::from(self.bias(1, i));
            i64::from((i32::from(input[i]) + i32::from(hidden[i]) + bias) as i16)
        };
        for (k, (h, c)) in h.iter_mut().zip(c).enumerate() {
            let (i, o) = (self.sigmoid.get(gate(k)), self.sigmoid.get(gate(n + k)));
            let (f, g) = (self.sigmoid.get(gate(2 * n + k)), self.tanh.get(gate(3 * n + k)));
            let sum = f * f32::from(*c) + i * g * self.rescale[1];
            *c = round(sum, self.family) as i16;
            let out = o * self.tanh.get((*c).into()) * self.rescale[0];
            *h = T::clamp_from(round(out, self.family));
        }
    }

    fn gru(&self, input: &[i16], hidden: &[i16], h: &mut [T]) {
        let n = self.hidden;
        // In bounds: 3 n products each.
        let from_x = |i: usize| input[i].wrapping_add(self.bias(0, i));
        let from_h = |i: usize| hidden[i].wrapping_add(self.bias(1, i));
        let gate = |i: usize| self.sigmoid.get(i64::from(from_x(i)) + i64::from(from_h(i)));
        for (k, h) in h.iter_mut().enumerate() {
            let (z, r, last) = (gate(k), gate(n + k), 2 * n + k);
            let sum = f32::from(from_x(last)) + r * f32::from(from_h(last));
            let new = self.tanh.get(round(sum, self.family));
            let mut out = (1.0 - z) * new * self.rescale[0];
            out += z * f32::from(h.short());
            *h = T::clamp_from(round(out, self.family));
        }
    }
}

fn run<T: Whole>(step: &Step, gates: usize) -> Result<Vec<Value>> {
    let (x, w, r) = (step.input(0)?, step.input(1)?, step.input(2)?);
    let &[directions, rows, inputs] = w.dims.as_slice() else { bail!("its weights have shape {:?}", w.dims) };
    let hidden = rows / gates;
    if r.dims != [directions, rows, hidden] || rows != gates * hidden || hidden == 0 || !(1..=2).contains(&directions) {
        bail!("weights of shapes {:?} and {:?} are none of {gates} gates", w.dims, r.dims);
    }
    if directions == 1 && step.node.text("direction").is_some_and(|d| d != "forward") {
        bail!("the chip runs forward or both ways, not {}", step.node.text("direction").unwrap_or_default());
    }
    let layout = step.int("layout", 0);
    let (&[first, second, last], true) = (x.dims.as_slice(), x.dims.len() == 3) else {
        bail!("its input has shape {:?}", x.dims);
    };
    let (steps, batch) = if layout == 0 { (first, second) } else { (second, first) };
    if batch != 1 || last != inputs {
        bail!("an input of shape {:?} does not fit {inputs} inputs a step in one batch", x.dims);
    }
    let declared = |i: usize, wanted: &str| match step.outputs.get(i) {
        Some(declared) => Ok(declared),
        None => bail!("its output {wanted} is missing, which the chip writes"),
    };
    let (y, y_h) = (declared(0, "Y")?, declared(1, "Y_h")?);
    let y_exponent = if step.node.outputs.first().is_some_and(|n| n.is_empty()) { y_h.exponent } else { y.exponent };
    let h_exponent = if step.node.outputs.get(1).is_some_and(|n| n.is_empty()) { y_exponent } else { y_h.exponent };
    // The file's attribute, or the loader's default.
    let gate = super::value::exponent(step.int("gate_exponent", -8))?;
    let c_exponent = if gates == 4 { declared(2, "Y_c")?.exponent } else { gate };
    if c_exponent != gate {
        bail!("its cell has exponent {c_exponent}, its gates {gate}; the chip stops where they differ");
    }
    let bias = match step.optional(3) {
        Some(value) if value.data.len() == directions * 2 * rows => Some(value.whole::<i16>()?),
        Some(value) => bail!("its bias has {} values, {} are read", value.data.len(), directions * 2 * rows),
        None => None,
    };
    let states = |index: usize, name: &str| -> Result<Option<&Value>> {
        match step.optional(index) {
            Some(value) if value.data.len() != directions * hidden => {
                bail!("its {name} has {} values, {} are read", value.data.len(), directions * hidden)
            }
            other => Ok(other),
        }
    };
    let (h0, c0) = (states(5, "initial_h")?, if gates == 4 { states(6, "initial_c")? } else { None });
    let (xs, ws, rs) = (x.whole::<T>()?, w.whole::<T>()?, r.whole::<T>()?);
    let mut all = vec![T::default(); steps * directions * hidden];
    let (mut final_h, mut final_c) = (Vec::new(), Vec::new());
    for d in 0..directions {
        // In bounds: lengths are held to the shapes above.
        let cell = Cell {
            gates,
            hidden,
            inputs,
            shifts: [gate - x.exponent() - w.exponent(), gate - h_exponent - r.exponent()],
            sigmoid: Table::new(gate, 6.3, sigmoid, |v| 1.0 - v),
            tanh: Table::new(gate, 3.5, tanh, |v| -v),
            rescale: [scale(-y_exponent), scale(-c_exponent)],
            family: step.family(),
            weights: [&ws[d * rows * inputs..(d + 1) * rows * inputs], &rs[d * rows * hidden..(d + 1) * rows * hidden]],
            bias: bias.map(|b| [&b[2 * d * rows..(2 * d + 1) * rows], &b[(2 * d + 1) * rows..(2 * d + 2) * rows]]),
        };
        let own = d * hidden..(d + 1) * hidden;
        let mut h = h0.map_or(Ok(vec![T::default(); hidden]), |v| v.whole::<T>().map(|v| v[own.clone()].to_vec()))?;
        let mut c = c0.map_or(Ok(vec![0i16; hidden]), |v| v.whole::<i16>().map(|v| v[own].to_vec()))?;
        for k in 0..steps {
            let t = if d == 0 { k } else { steps - 1 - k };
            cell.step(&xs[t * inputs..(t + 1) * inputs], &mut h, &mut c);
            let at = (t * directions + d) * hidden;
            all[at..at + hidden].copy_from_slice(&h);
        }
        final_h.extend(h);
        final_c.extend(c);
    }
    let state = vec![directions, 1, hidden];
    let mut made = vec![
        Value { dims: vec![steps, directions, 1, hidden], exponents: vec![y_exponent], data: T::data(all) },
        Value { dims: state.clone(), exponents: vec![h_exponent], data: T::data(final_h) },
    ];
    if gates == 4 {
        made.push(Value { dims: state, exponents: vec![c_exponent], data: Data::I16(final_c) });
    }
    Ok(made)
}
