//! Convolutions over inputs with channels last: a few rows of outputs at a time, for each one block of filters after
//! the other.
//!
//! A matrix product is a convolution of its rows with a 1x1 window.

use std::cell::Cell;
use std::ops::Range;

use super::copy::{Copy, Outputs};
use super::dense::Dense;
use super::depthwise::Depthwise;
use super::outputs::{Block, LANES, Watch};
use super::{End, Finish, Integer};
use crate::buffer;
use crate::simd::{Level, multiversion};
use crate::window::Window;
use crate::{Result, bail};

/// Sizes of a convolution of one sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Channels of the input.
    pub channels: usize,
    /// Channels of the output; equal to `channels` if `depthwise`.
    pub filters: usize,
    /// Set if each channel has its own filter.
    pub depthwise: bool,
    /// Over height and width; its first axis has size 1.
    pub window: Window,
}

/// Weights, biases and accumulators of a convolution.
pub struct Filters<'a> {
    /// Weights, filter after filter: `[H][W][C]` each, or `[H][W]` for a depthwise convolution.
    pub rows: &'a [i16],
    /// Biases, one per filter.
    pub bias: &'a [i64],
    /// End of each filter's accumulator.
    pub end: &'a dyn Fn(usize) -> End,
}

/// A convolution with its filters, ready to run.
pub struct Conv {
    /// Instruction set; at most the processor's.
    level: Level,
    shape: Shape,
    finish: Finish,
    /// Width of the inputs, in bits.
    bits: u32,
    /// `None` if there is no output.
    plan: Option<Plan>,
}

struct Plan {
    kind: Kind,
    blocks: Vec<Block>,
    copy: Copy,
    /// Output rows at a time, and the position of the first tap of each of their outputs.
    rows: usize,
    bases: Vec<usize>,
}

enum Kind {
    Dense(Dense),
    Depthwise(Depthwise),
}

/// Pairs of steps that are summed in 32 bits at a time: a pair of products of int16 with 8 bits of a weight is 2^23 at most.
const PAIRS: usize = 128;
/// Pairs between two checks of int8 sums. The sums of that many products are small beside an accumulator's end, and a
/// check costs little beside the products.
const WATCHED: usize = 16;
/// Outputs at a time, and elements of the copy of their inputs: together with a block's filters they fit the L1 and L2
/// caches.
const OUTPUTS: usize = 512;
const ELEMENTS: usize = 64 << 10;

impl Conv {
    /// Prepares a convolution of inputs of type `T`.
    pub fn new<T: Integer>(shape: Shape, filters: &Filters, finish: Finish) -> Result<Conv> {
        Conv::at_level::<T>(Level::detect(), shape, filters, finish)
    }

    /// Like [`Conv::new`], with vectors no wider than `level`.
    pub(super) fn at_level<T: Integer>(
        level: Level,
        mut shape: Shape,
        filters: &Filters,
        finish: Finish,
    ) -> Result<Conv> {
        if shape.window.is_pointwise() {
            // One position per row, so that any number of positions can be taken at a time.
            let places = shape.window.outputs();
            (shape.window.input, shape.window.output) = ([1, places, 1], [1, places, 1]);
        }
        let (s, w) = (&shape, &shape.window);
        let depth = w.taps() * if s.depthwise { 1 } else { s.channels };
        if w.input[0] != 1 || w.output[0] != 1 || w.kernel[0] != 1 || (s.depthwise && s.channels != s.filters) {
            bail!("{s:?} is not a convolution over height and width");
        }
        if filters.rows.len() != s.filters * depth || filters.bias.len() != s.filters || depth == 0 {
            bail!(
                "{} weights and {} biases for {} filters of {depth}",
                filters.rows.len(),
                filters.bias.len(),
                s.filters
            );
        }
        let plan = if w.outputs() == 0 || s.filters == 0 { None } else { Some(plan::<T>(s, filters, &finish)?) };
        Ok(Conv { level: level.min(Level::detect()), shape, finish, bits: T::BITS, plan })
    }

    /// Runs one sample. `x` holds the input's positions, each with its channels; the result likewise.
    pub fn run<T: Integer>(&self, x: &[T]) -> Result<Vec<T>> {
        T::convolve(self, x)
    }

    /// Computes all outputs of one block of filters at `bases`.
    fn block<T: Integer>(&self, plan: &Plan, index: usize, bases: &[usize], scratch: &mut Scratch, to: &mut [T]) {
        let (block, stride) = (&plan.blocks[index], self.shape.filters);
        let Scratch { copy, marks, narrow, high, wide } = scratch;
        marks.clear();
        marks.resize(bases.len(), block.watch == Watch::Always);
        if block.watch != Watch::Always {
            let at = Outputs { level: self.level, input: copy, bases };
            let sums = Sums { at, kind: &plan.kind, block, index };
            if T::BITS == 8 {
                sums.narrow(narrow, marks);
                block.finish(&self.finish, narrow, to, stride);
            } else {
                sums.wide(wide, narrow, high, marks);
                block.finish(&self.finish, wide, to, stride);
            }
        }
        for ((&base, to), _) in bases.iter().zip(to.chunks_mut(stride)).zip(marks).filter(|(_, mark)| **mark) {
            let sums = match &plan.kind {
                Kind::Dense(dense) => dense.follow(index, copy, base, &block.ends),
                Kind::Depthwise(depthwise) => depthwise.follow(index, copy, base, &block.ends),
            };
            block.single(&self.finish, &sums, to);
        }
    }
}

/// [`Conv::run`], compiled in this crate.
pub(super) fn run<T: Integer>(conv: &Conv, x: &[T]) -> Result<Vec<T>> {
    let (w, filters) = (&conv.shape.window, conv.shape.filters);
    if T::BITS != conv.bits || x.len() != w.inputs() * conv.shape.channels {
        bail!("an input of {} elements of {} bits for {:?}", x.len(), T::BITS, conv.shape);
    }
    let mut y = buffer::repeated(w.outputs() * filters, T::default())?;
    let Some(plan) = &conv.plan else { return Ok(y) };
    let mut scratch = SCRATCH.take();
    for first in (0..w.output[1]).step_by(plan.rows) {
        let rows = plan.rows.min(w.output[1] - first);
        scratch.copy.resize(plan.copy.size(rows).unwrap_or(0), 0);
        plan.copy.fill(w, x, first, rows, &mut scratch.copy);
        let bases = &plan.bases[..rows * w.output[2]];
        let y = &mut y[first * w.output[2] * filters..][..bases.len() * filters];
        for (index, block) in plan.blocks.iter().enumerate() {
            conv.block(plan, index, bases, &mut scratch, &mut y[block.first..]);
        }
    }
    SCRATCH.set(scratch);
    Ok(y)
}

fn plan<T: Integer>(s: &Shape, filters: &Filters, finish: &Finish) -> Result<Plan> {
    let (w, depth) = (&s.window, s.window.taps());
    let fitting = |copy: &Copy, rows: usize| {
        rows * w.output[2] <= OUTPUTS && copy.size(rows).is_some_and(|elements| elements <= ELEMENTS)
    };
    let copy = Copy::new(w, s.channels).filter(|copy| copy.size(1).is_some());
    let Some(copy) = copy else { bail!("the padded input has more elements than memory can hold") };
    let rows = (1..=w.output[1]).take_while(|&rows| fitting(&copy, rows)).last().unwrap_or(1);
    let split = T::BITS > 8;
    let kind = if s.depthwise {
        Kind::Depthwise(Depthwise::new(w, &copy, s.channels, filters.rows, split))
    } else {
        Kind::Dense(Dense::new(w, &copy, s.channels, filters.rows, s.filters, split))
    };
    let sizes = |index: usize| match &kind {
        Kind::Dense(dense) => dense.sizes(index, 0..dense.pairs()),
        Kind::Depthwise(depthwise) => depthwise.sizes(index),
    };
    let block = |index: usize| -> Result<Block> {
        let mut block = Block::new::<T>(filters, finish, index * LANES, &sizes(index))?;
        match &kind {
            Kind::Dense(dense) if block.watch == Watch::Looks => {
                let part = if split { PAIRS } else { WATCHED };
                let moves = |pairs| dense.sizes(index, pairs).map(|size| size.saturating_mul(-i64::from(T::MIN)));
                block.moves = parts(dense.pairs(), part).map(moves).collect();
            }
            // A window of one channel is too short for checks, or too long for 32 bits.
            Kind::Depthwise(_) if block.watch == Watch::Looks || (split && depth > 2 * PAIRS) => {
                block.watch = Watch::Always;
            }
            _ => {}
        }
        Ok(block)
    };
    let blocks = (0..s.filters.div_ceil(LANES)).map(block).collect::<Result<Vec<Block>>>()?;
    Ok(Plan { bases: copy.bases(w, rows), kind, blocks, copy, rows })
}

/// Memory that a thread keeps from one convolution to the next.
#[derive(Default)]
struct Scratch {
    copy: Vec<i16>,
    marks: Vec<bool>,
    narrow: Vec<[i32; LANES]>,
    high: Vec<[i32; LANES]>,
    wide: Vec<[i64; LANES]>,
}

thread_local! {
    static SCRATCH: Cell<Scratch> = Cell::default();
}

/// Sums of one block at some outputs.
struct Sums<'a> {
    at: Outputs<'a>,
    kind: &'a Kind,
    block: &'a Block,
    index: usize,
}

impl Sums<'_> {
    /// Sums products of int8.
    fn narrow(&self, sums: &mut Vec<[i32; LANES]>, marks: &mut [bool]) {
        sums.clear();
        // Lossless, or wraps where the accumulator wraps, too.
        sums.resize(self.at.bases.len(), self.block.ends.bias.map(|bias| bias as i32));
        match self.kind {
            Kind::Dense(dense) if self.block.watch == Watch::Looks => {
                for (pairs, moves) in parts(dense.pairs(), WATCHED).zip(&self.block.moves) {
                    self.block.look(moves, sums, marks);
                    dense.add(self.at, self.index, pairs, false, sums);
                }
            }
            Kind::Dense(dense) => dense.add(self.at, self.index, 0..dense.pairs(), false, sums),
            Kind::Depthwise(depthwise) => depthwise.add(self.at, self.index, false, sums),
        }
    }

    /// Sums products of int16: first those with the low and the high parts of the weights separately, then both
    /// together.
    fn wide(
        &self,
        sums: &mut Vec<[i64; LANES]>,
        low: &mut Vec<[i32; LANES]>,
        high: &mut Vec<[i32; LANES]>,
        marks: &mut [bool],
    ) {
        sums.clear();
        sums.resize(self.at.bases.len(), self.block.ends.bias);
        match self.kind {
            Kind::Dense(dense) => {
                for (k, pairs) in parts(dense.pairs(), PAIRS).enumerate() {
                    if let Some(moves) = self.block.moves.get(k) {
                        self.block.look(moves, sums, marks);
                    }
                    for (part, to) in [(false, &mut *low), (true, &mut *high)] {
                        to.clear();
                        to.resize(self.at.bases.len(), [0; LANES]);
                        if !part || dense.has_high() {
                            dense.add(self.at, self.index, pairs.clone(), part, to);
                        }
                    }
                    join(sums, low, high);
                }
            }
            Kind::Depthwise(depthwise) => {
                for (part, to) in [(false, &mut *low), (true, &mut *high)] {
                    to.clear();
                    to.resize(self.at.bases.len(), [0; LANES]);
                    if !part || depthwise.has_high() {
                        depthwise.add(self.at, self.index, part, to);
                    }
                }
                join(sums, low, high);
            }
        }
    }
}

/// Splits `0..total` into ranges of `step`; the last one may be shorter.
fn parts(total: usize, step: usize) -> impl Iterator<Item = Range<usize>> {
    (0..total).step_by(step).map(move |first| first..(first + step).min(total))
}

multiversion! {
    fn join(sums: &mut [[i64; LANES]], low: &[[i32; LANES]], high: &[[i32; LANES]]) {
        for ((sums, low), high) in sums.iter_mut().zip(low).zip(high) {
            for lane in 0..LANES {
                sums[lane] += i64::from(low[lane]) + (i64::from(high[lane]) << 8);
            }
        }
    }
}
