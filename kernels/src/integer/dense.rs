//! Sums of dense filters: a few outputs times a block of filters, held in registers.

use std::ops::Range;

use super::copy::{Copy, Outputs};
use super::outputs::{Ends, LANES};
use crate::simd::{self, Work, multiversion};
use crate::vector::{Instructions, Integers};
use crate::window::Window;

/// Filters as pairs of weights, block by block: for each step of the depth the pairs of [`LANES`] filters.
pub(super) struct Dense {
    /// Signed low 8 bits of the weights, and if 8 bits are not enough, the remainder divided by 256.
    low: Vec<i16>,
    high: Option<Vec<i16>>,
    filters: usize,
    /// Positions of each pair's elements, relative to an output's base.
    places: Vec<usize>,
}

/// Runs of neighbouring elements that a window reads, in the order of the weights: position and length.
fn runs(w: &Window, copy: &Copy, channels: usize) -> Vec<(usize, usize)> {
    let [_, height, width] = w.kernel;
    let row = |y: usize| -> Vec<(usize, usize)> {
        let at = |x: usize| copy.place(y * w.dilation[1], x * w.dilation[2]);
        if w.dilation[2] == 1 {
            vec![(at(0), width * channels)]
        } else {
            (0..width).map(|x| (at(x), channels)).collect()
        }
    };
    (0..height).flat_map(row).collect()
}

impl Dense {
    /// Packs `rows`: filter after filter, each `[H][W][C]`. With `split`, weights have 16 bits, else 8.
    pub fn new(w: &Window, copy: &Copy, channels: usize, rows: &[i16], filters: usize, split: bool) -> Dense {
        let depth = w.taps() * channels;
        // Position of each pair's elements, and their weights; a run of odd length ends with a weight of 0.
        let (mut places, mut weights) = (Vec::new(), Vec::new());
        let mut first = 0;
        for (place, length) in runs(w, copy, channels) {
            for i in (0..length).step_by(2) {
                places.push(place + i);
                weights.push([Some(first + i), Some(first + i + 1).filter(|_| i + 1 < length)]);
            }
            first += length;
        }
        let blocks = filters.div_ceil(LANES);
        let packed = |part: fn(i16) -> i16| {
            let mut data = Vec::with_capacity(blocks * weights.len() * 2 * LANES);
            for block in 0..blocks {
                for pair in &weights {
                    for filter in block * LANES..(block + 1) * LANES {
                        let weight = |k: &Option<usize>| {
                            k.filter(|_| filter < filters).map_or(0, |k| part(rows[filter * depth + k]))
                        };
                        data.extend(pair.iter().map(weight));
                    }
                }
            }
            data
        };
        let wide = split && rows.iter().any(|&w| i16::from(w as i8) != w);
        let (low, high) = (packed(low), wide.then(|| packed(high)));
        Dense { low, high, filters, places }
    }

    pub fn pairs(&self) -> usize {
        self.places.len()
    }

    pub fn has_high(&self) -> bool {
        self.high.is_some()
    }

    /// Adds the products of the steps `pairs` of the depth to the sums of one block, with the low or the high part of
    /// the weights.
    pub fn add(&self, at: Outputs, block: usize, pairs: Range<usize>, high: bool, sums: &mut [[i32; LANES]]) {
        let Outputs { level, input, bases } = at;
        let data = if high { self.high.as_deref().unwrap_or_default() } else { &self.low };
        let (places, weights) = (&self.places[pairs.clone()], &data[self.range(block, pairs)]);
        // Checked here because memory safety below depends on it; bases and places are in increasing order, except
        // between runs.
        let furthest = bases.iter().max().zip(places.iter().max()).map_or(0, |(base, place)| base + place + 2);
        assert!(furthest <= input.len() && sums.len() == bases.len(), "the input is shorter than its window");
        let lanes = (self.filters - block * LANES).min(LANES);
        let tiles = Tiles {
            weights: weights.as_ptr(),
            lanes,
            input: input.as_ptr(),
            places,
            bases,
            sums: sums.as_mut_ptr().cast(),
        };
        // SAFETY: the level is at most the processor's by `Conv::at_level`; all pairs are inside the input, as
        // asserted; there is a block of sums for each base, and a block of weights for each place.
        unsafe { simd::at(level, tiles) }
    }

    /// Sums of the absolute weights of one block over the steps `pairs` of the depth.
    pub fn sizes(&self, block: usize, pairs: Range<usize>) -> [i64; LANES] {
        let range = self.range(block, pairs);
        let mut sizes = [0; LANES];
        for (k, low) in self.low[range.clone()].iter().enumerate() {
            let high = self.high.as_ref().map_or(0, |high| i64::from(high[range.start + k]) << 8);
            sizes[k / 2 % LANES] += (high + i64::from(*low)).abs();
        }
        sizes
    }

    /// Computes one output's sums step by step, in the order of the depth.
    pub fn follow(&self, block: usize, input: &[i16], base: usize, ends: &Ends) -> [i64; LANES] {
        let range = self.range(block, 0..self.places.len());
        let (low, high) = (&self.low[range.clone()], self.high.as_ref().map(|high| &high[range]));
        match high {
            None if ends.are_narrow() => follow_narrow(low, &self.places, &input[base..], ends),
            _ => follow_wide(low, high.unwrap_or_default(), &self.places, &input[base..], ends),
        }
    }

    /// Weights of the steps `pairs` of the depth.
    fn range(&self, block: usize, pairs: Range<usize>) -> Range<usize> {
        let start = block * self.places.len();
        (start + pairs.start) * 2 * LANES..(start + pairs.end) * 2 * LANES
    }
}

multiversion! {
    fn follow_narrow(weights: &[i16], places: &[usize], x: &[i16], ends: &Ends) -> [i64; LANES] {
        // Lossless: the ends are narrow.
        let [mut sums, low, high] = [ends.bias, ends.low, ends.high].map(|all| all.map(|v| v as i32));
        for (weights, &place) in weights.as_chunks::<{ 2 * LANES }>().0.iter().zip(places) {
            for i in 0..2 {
                let x = i32::from(x[place + i]);
                for lane in 0..LANES {
                    let sum = sums[lane] + i32::from(weights[2 * lane + i]) * x;
                    sums[lane] = sum.max(low[lane]).min(high[lane]);
                }
            }
        }
        sums.map(i64::from)
    }

    fn follow_wide(low: &[i16], high: &[i16], places: &[usize], x: &[i16], ends: &Ends) -> [i64; LANES] {
        let mut sums = ends.bias;
        for (k, (weights, &place)) in low.as_chunks::<{ 2 * LANES }>().0.iter().zip(places).enumerate() {
            let high = high.as_chunks::<{ 2 * LANES }>().0.get(k).unwrap_or(&[0; 2 * LANES]);
            for i in 0..2 {
                let x = i64::from(x[place + i]);
                for lane in 0..LANES {
                    let weight = i64::from(weights[2 * lane + i]) + (i64::from(high[2 * lane + i]) << 8);
                    sums[lane] = (sums[lane] + weight * x).max(ends.low[lane]).min(ends.high[lane]);
                }
            }
        }
        sums
    }
}

/// Low 8 bits of a weight, signed.
pub(super) fn low(weight: i16) -> i16 {
    i16::from(weight as i8)
}

/// Remainder of a weight without its low 8 bits, divided by 256: at most 128.
pub(super) fn high(weight: i16) -> i16 {
    ((i32::from(weight) - i32::from(low(weight))) >> 8) as i16
}

struct Tiles<'a> {
    weights: *const i16,
    /// Filters of the block.
    lanes: usize,
    input: *const i16,
    places: &'a [usize],
    bases: &'a [usize],
    sums: *mut i32,
}

impl Work for Tiles<'_> {
    type Made = ();

    #[inline(always)]
    unsafe fn run<I: Instructions>(self) {
        let len = <I::Integers as Integers>::LEN;
        // SAFETY: the contract is the same; a block has as many lanes as the vectors of filters that are taken.
        unsafe {
            match (self.lanes.div_ceil(len), LANES / len) {
                (_, 1) => self.all::<I::Integers, 1, 12>(),
                (1, 2) => self.all::<I::Integers, 1, 6>(),
                (_, 2) => self.all::<I::Integers, 2, 6>(),
                (1, _) if I::REGISTERS > 16 => self.all::<I::Integers, 1, 4>(),
                (2, _) if I::REGISTERS > 16 => self.all::<I::Integers, 2, 4>(),
                _ if I::REGISTERS > 16 => self.all::<I::Integers, 4, 4>(),
                (1, _) => self.all::<I::Integers, 1, 2>(),
                (2, _) => self.all::<I::Integers, 2, 2>(),
                _ => self.all::<I::Integers, 4, 2>(),
            }
        }
    }
}

impl Tiles<'_> {
    /// Sums `V` vectors of filters, by tiles of `R` outputs, then of fewer.
    ///
    /// # Safety
    ///
    /// The processor has the instructions of `S`; a block has `V` vectors of lanes; the rest is as asserted by
    /// [`Dense::add`].
    #[inline(always)]
    unsafe fn all<S: Integers, const V: usize, const R: usize>(&self) {
        let mut first = 0;
        // SAFETY: the contract is the same; as many outputs are left as a tile takes.
        unsafe {
            while self.bases.len() - first >= R {
                self.tile::<S, V, R>(first);
                first += R;
            }
            while self.bases.len() - first >= 4 {
                self.tile::<S, V, 4>(first);
                first += 4;
            }
            while self.bases.len() - first >= 2 {
                self.tile::<S, V, 2>(first);
                first += 2;
            }
            if first < self.bases.len() {
                self.tile::<S, V, 1>(first);
            }
        }
    }

    /// Sums a tile of `R` outputs.
    ///
    /// # Safety
    ///
    /// Those of [`Tiles::all`]; there are `R` outputs from `first` on.
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // Plain loops of constant length unroll, and sums stay in registers.
    unsafe fn tile<S: Integers, const V: usize, const R: usize>(&self, first: usize) {
        // SAFETY: each output has `LANES` sums; a base and a place lead to a pair of the input; `from` advances by a block's
        // pairs for each place.
        unsafe {
            let own = self.sums.add(first * LANES);
            let mut sums = [[S::load(own); V]; R];
            let mut x = [self.input; R];
            for r in 0..R {
                x[r] = self.input.add(*self.bases.get_unchecked(first + r));
                for v in 0..V {
                    sums[r][v] = S::load(own.add(r * LANES + v * S::LEN));
                }
            }
            let mut from = self.weights;
            for &place in self.places {
                let mut weights = [S::pairs(from); V];
                for v in 1..V {
                    weights[v] = S::pairs(from.add(2 * v * S::LEN));
                }
                for r in 0..R {
                    let x = S::pair(x[r].add(place));
                    for v in 0..V {
                        sums[r][v] = sums[r][v].plus_products(x, weights[v]);
                    }
                }
                from = from.add(2 * LANES);
            }
            for r in 0..R {
                for v in 0..V {
                    sums[r][v].store(own.add(r * LANES + v * S::LEN));
                }
            }
        }
    }
}
