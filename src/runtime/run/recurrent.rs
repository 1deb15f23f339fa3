//! LSTM and GRU: products in integers, gates from tables of floats (`dl_module_lstm.hpp`, `dl_module_gru.hpp`).
//!
//! The float steps are those of the source. A chip's compiler may fuse a product and a sum, which would only affect
//! values within one float step of a half.
//!
//! Never: `linear_before_reset` 0, other activations, batches.

use std::sync::Arc;

use crate::chip::Family;
use crate::chip::QuantType;
use crate::espdl::DataType;
use crate::kernels::integer::Integer;
use crate::{Result, bail};

use super::function::{sigmoid, tanh};
use super::kernel::Kernel;
use super::node_context::Step;
use super::recurrent_float;
use super::round::{round, scale, shift};
use super::value::{Data, Fact, QuantizedInteger};

pub fn lstm(step: &Step) -> Result<Kernel> {
    match step.quant_type() {
        QuantType::S8 => cells::<i8>(step, 4),
        QuantType::S16 => cells::<i16>(step, 4),
        _ => recurrent_float::cells(step, 4),
    }
}

pub fn gru(step: &Step) -> Result<Kernel> {
    if step.int("linear_before_reset", 0) == 0 {
        bail!("GRU with linear_before_reset 0 has no kernel");
    }
    match step.quant_type() {
        QuantType::S8 => cells::<i8>(step, 3),
        QuantType::S16 => cells::<i16>(step, 3),
        _ => recurrent_float::cells(step, 3),
    }
}

/// Table of a function of the gates' integers, from 0 on.
struct Table {
    values: Vec<f32>,
    /// Computes the value of a negative argument from that of the positive one.
    mirror: fn(f32) -> f32,
}

impl Table {
    fn new(exponent: i32, reach: f32, function: fn(f32) -> f32, mirror: fn(f32) -> f32) -> Result<Table> {
        let step = scale(exponent)?;
        let last = (reach / step) as i32 + 1;
        Ok(Table { values: (0..=last).map(|i| function(i as f32 * step)).collect(), mirror })
    }

    fn get(&self, index: i64) -> f32 {
        let last = self.values.len() - 1;
        let place = usize::try_from(index.unsigned_abs()).unwrap_or(last).min(last);
        // In bounds: at most the last index, and the table has at least one entry.
        let value = self.values[place];
        if index >= 0 { value } else { (self.mirror)(value) }
    }
}

/// Bits of a right shift, and the same as a factor.
type Rescale = (i32, f32);

/// Sums like `dotprod`: exact if the row fills vectors, else with a conversion through float.
fn dot<T: QuantizedInteger>(row: &[T], x: &[T], (distance, factor): Rescale, family: Family) -> i16 {
    let lanes = 128 / T::BITS as usize;
    let sum: i64 = row.iter().zip(x).map(|(w, x)| w.wide() * x.wide()).sum();
    let value = if family != Family::C && row.len().is_multiple_of(lanes) && distance >= 0 {
        shift(sum, distance, family)
    } else {
        round(sum as f32 * factor, family)
    };
    i16::clamp_from(value)
}

struct Cell<T> {
    gates: usize,
    hidden: usize,
    inputs: usize,
    shifts: [Rescale; 2],
    sigmoid: Table,
    tanh: Table,
    /// Factors of the output, and of the LSTM's cell.
    rescale: [f32; 2],
    family: Family,
    /// Weights of inputs and of the hidden state; `bias` has the same order.
    weights: [Vec<T>; 2],
    bias: Option<[Vec<i16>; 2]>,
}

impl<T: QuantizedInteger> Cell<T> {
    fn products(&self, of: usize, x: &[T]) -> Vec<i16> {
        // `of` is 0 or 1.
        let length = if of == 0 { self.inputs } else { self.hidden };
        self.weights[of].chunks_exact(length.max(1)).map(|row| dot(row, x, self.shifts[of], self.family)).collect()
    }

    fn bias(&self, of: usize, i: usize) -> i16 {
        self.bias.as_ref().and_then(|b| b[of].get(i).copied()).unwrap_or(0)
    }

    fn step(&self, x: &[T], h: &mut [T], c: &mut [i16]) {
        let (input, hidden) = (self.products(0, x), self.products(1, h));
        if self.gates == 4 { self.lstm(&input, &hidden, h, c) } else { self.gru(&input, &hidden, h) }
    }

    fn lstm(&self, input: &[i16], hidden: &[i16], h: &mut [T], c: &mut [i16]) {
        let n = self.hidden;
        // Sums of four int16 are truncated to 16 bits when they are stored. In bounds: 4 n products each.
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

/// Shapes of an LSTM or GRU.
#[derive(Clone, Copy)]
pub struct Shape {
    pub directions: usize,
    pub steps: usize,
    pub inputs: usize,
    pub hidden: usize,
    /// Rows of weights: one per gate and hidden element.
    pub rows: usize,
}

impl Shape {
    pub fn new(step: &Step, gates: usize) -> Result<Shape> {
        let (x, w, r) = (step.input(0)?, step.input(1)?, step.input(2)?);
        let &[directions, rows, inputs] = w.dims.as_slice() else { bail!("its weights have shape {:?}", w.dims) };
        let hidden = rows / gates;
        if r.dims != [directions, rows, hidden]
            || rows != gates * hidden
            || hidden == 0
            || !(1..=2).contains(&directions)
        {
            bail!("weights of shapes {:?} and {:?} do not have {gates} gates", w.dims, r.dims);
        }
        let steps = match (step.int("layout", 0), x.dims.as_slice()) {
            (0, &[steps, 1, last]) if last == inputs => steps,
            (layout, &[1, steps, last]) if layout != 0 && last == inputs => steps,
            _ => bail!("an input of shape {:?} does not fit {inputs} inputs per step in one batch", x.dims),
        };
        Ok(Shape { directions, steps, inputs, hidden, rows })
    }

    /// Returns the position of direction `d` in a state.
    pub fn own(&self, d: usize) -> std::ops::Range<usize> {
        d * self.hidden..(d + 1) * self.hidden
    }

    /// Returns the shapes of all outputs, of the last hidden state, and of the cell.
    pub fn outputs(&self) -> [Vec<usize>; 3] {
        let state = vec![self.directions, 1, self.hidden];
        [vec![self.steps, self.directions, 1, self.hidden], state.clone(), state]
    }

    /// Returns an input, which must have `length` elements, if it exists.
    pub fn held<'a>(&self, step: &Step<'a>, index: usize, length: usize) -> Result<Option<&'a Fact>> {
        match step.optional(index) {
            Some(fact) if fact.len() != length => {
                bail!("its input {index} has {} values, but the chip reads {length}", fact.len())
            }
            other => Ok(other),
        }
    }

    /// Runs the steps of one direction. `advance` gets the inputs of a step and updates the hidden state, which is
    /// written to its position in `all`.
    pub fn run<T: Copy>(
        &self,
        d: usize,
        xs: &[T],
        h: &mut [T],
        all: &mut [T],
        mut advance: impl FnMut(&[T], &mut [T]),
    ) {
        for k in 0..self.steps {
            let t = if d == 0 { k } else { self.steps - 1 - k };
            // In bounds: lengths are checked against the shapes.
            advance(&xs[t * self.inputs..(t + 1) * self.inputs], h);
            let at = (t * self.directions + d) * self.hidden;
            all[at..at + self.hidden].copy_from_slice(h);
        }
    }
}

fn cells<T: QuantizedInteger>(step: &Step, gates: usize) -> Result<Kernel> {
    let shape = Shape::new(step, gates)?;
    let (x, w, r) = (step.quantized::<T>(0)?, step.quantized::<T>(1)?, step.quantized::<T>(2)?);
    let Shape { directions, hidden, inputs, rows, .. } = shape;
    if directions == 1 && step.node.text("direction").is_some_and(|d| d != "forward") {
        bail!(
            "the chip supports the directions forward and bidirectional, not {}",
            step.node.text("direction").unwrap_or_default()
        );
    }
    let declared = |i: usize, wanted: &str| match step.outputs.get(i) {
        Some(declared) => Ok(declared),
        None => bail!("its output {wanted} is missing, but the chip writes it"),
    };
    let (y, y_h) = (declared(0, "Y")?, declared(1, "Y_h")?);
    let y_exponent = if step.node.outputs.first().is_some_and(|n| n.is_empty()) { y_h.exponent } else { y.exponent };
    let h_exponent = if step.node.outputs.get(1).is_some_and(|n| n.is_empty()) { y_exponent } else { y_h.exponent };
    // Attribute of the file, or the loader's default.
    let gate = super::value::exponent(step.int("gate_exponent", -8))?;
    let c_exponent = if gates == 4 { declared(2, "Y_c")?.exponent } else { gate };
    if c_exponent != gate {
        bail!("its cell has exponent {c_exponent}, but its gates {gate}; the chip stops if they differ");
    }
    let bias = match shape.held(step, 3, directions * 2 * rows)? {
        Some(fact) => Some(fact.constant()?.quantized::<i16>()?),
        None => None,
    };
    let has_h = shape.held(step, 5, directions * hidden)?.is_some();
    let has_c = gates == 4 && shape.held(step, 6, directions * hidden)?.is_some();
    if has_h {
        step.quantized::<T>(5)?;
    }
    if has_c {
        step.quantized::<i16>(6)?;
    }
    let (ws, rs) = (w.constant()?.quantized::<T>()?, r.constant()?.quantized::<T>()?);
    let rescale = |to: i32, from: i32| Ok((to - from, scale(from - to)?));
    // In bounds: lengths are checked against the shapes above.
    let cell = |d: usize| -> Result<Cell<T>> {
        Ok(Cell {
            gates,
            hidden,
            inputs,
            shifts: [rescale(gate, x.exponent() + w.exponent())?, rescale(gate, h_exponent + r.exponent())?],
            sigmoid: Table::new(gate, 6.3, sigmoid, |v| 1.0 - v)?,
            tanh: Table::new(gate, 3.5, tanh, |v| -v)?,
            rescale: [scale(-y_exponent)?, scale(-c_exponent)?],
            family: step.family(),
            weights: [
                ws[d * rows * inputs..(d + 1) * rows * inputs].to_vec(),
                rs[d * rows * hidden..(d + 1) * rows * hidden].to_vec(),
            ],
            bias: bias.map(|b| {
                [b[2 * d * rows..(2 * d + 1) * rows].to_vec(), b[(2 * d + 1) * rows..(2 * d + 2) * rows].to_vec()]
            }),
        })
    };
    let cells: Vec<Cell<T>> = (0..directions).map(cell).collect::<Result<_>>()?;
    let [all_dims, h_dims, c_dims] = shape.outputs();
    let mut facts = vec![Fact::made(T::TYPE, all_dims, y_exponent), Fact::made(T::TYPE, h_dims, h_exponent)];
    facts.extend((gates == 4).then(|| Fact::made(DataType::Int16, c_dims, c_exponent)));
    Ok(Kernel::several(facts, move |node| {
        let xs = node.quantized::<T>(0)?;
        let mut all = vec![T::default(); shape.steps * directions * hidden];
        let mut h = if has_h { node.quantized::<T>(5)?.to_vec() } else { vec![T::default(); directions * hidden] };
        let mut c = if has_c { node.quantized::<i16>(6)?.to_vec() } else { vec![0i16; directions * hidden] };
        for (d, cell) in cells.iter().enumerate() {
            let (h, c) = (&mut h[shape.own(d)], &mut c[shape.own(d)]);
            shape.run(d, xs, h, &mut all, |x, h| cell.step(x, h, c));
        }
        let mut made = vec![Arc::new(T::data(all)), Arc::new(T::data(h))];
        made.extend((gates == 4).then(|| Arc::new(Data::I16(c))));
        Ok(made)
    }))
}
