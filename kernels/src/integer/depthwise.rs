//! Sums of depthwise filters: each channel has its own window.

use super::copy::{Copy, Outputs};
use super::dense::{high, low};
use super::outputs::{Ends, LANES};
use crate::simd::{self, Work, multiversion};
use crate::vector::{Instructions, Integers};
use crate::window::Window;

/// Filters block by block, in pairs of taps: the weights of one tap for [`LANES`] channels, then those of the other.
pub(super) struct Depthwise {
    low: Vec<i16>,
    high: Option<Vec<i16>>,
    /// Positions of each tap's channels, relative to an output's base. If the number of taps is odd, the last one
    /// occurs twice, once with weights of 0.
    places: Vec<[usize; 2]>,
}

/// Pairs of taps whose weights are interleaved at a time; they fit the registers and the L1 cache.
const GROUP: usize = 8;

impl Depthwise {
    /// Packs `rows`: `[H][W]` for each channel. With `split`, weights have 16 bits, else 8.
    pub fn new(w: &Window, copy: &Copy, channels: usize, rows: &[i16], split: bool) -> Depthwise {
        let taps = w.taps();
        let place = |tap: usize| {
            let tap = tap.min(taps - 1);
            copy.place(tap / w.kernel[2] * w.dilation[1], tap % w.kernel[2] * w.dilation[2])
        };
        let places: Vec<[usize; 2]> =
            (0..taps.div_ceil(2)).map(|pair| [place(2 * pair), place(2 * pair + 1)]).collect();
        let packed = |part: fn(i16) -> i16| {
            let mut data = Vec::with_capacity(channels.div_ceil(LANES) * places.len() * 2 * LANES);
            for first in (0..channels).step_by(LANES) {
                for tap in 0..2 * places.len() {
                    let weight = |c: usize| if tap < taps && c < channels { part(rows[c * taps + tap]) } else { 0 };
                    data.extend((first..first + LANES).map(weight));
                }
            }
            data
        };
        let wide = split && rows.iter().any(|&w| low(w) != w);
        let (low, high) = (packed(low), wide.then(|| packed(high)));
        Depthwise { low, high, places }
    }

    pub fn has_high(&self) -> bool {
        self.high.is_some()
    }

    fn part(&self, block: usize, high: bool) -> &[i16] {
        let data = if high { self.high.as_deref().unwrap_or_default() } else { &self.low };
        let size = self.places.len() * 2 * LANES;
        &data[block * size..][..size]
    }

    /// Adds to the sums of one block, with the low or the high part of the weights.
    pub fn add(&self, at: Outputs, block: usize, high: bool, sums: &mut [[i32; LANES]]) {
        let Outputs { level, input, bases } = at;
        // Checked here because memory safety below depends on it.
        let furthest =
            self.places.iter().flatten().max().zip(bases.iter().max()).map_or(0, |(place, base)| place + base);
        assert!(
            furthest + (block + 1) * LANES <= input.len() && sums.len() == bases.len(),
            "the input is shorter than its window"
        );
        for (weights, places) in self.part(block, high).chunks(GROUP * 2 * LANES).zip(self.places.chunks(GROUP)) {
            let input = input[block * LANES..].as_ptr();
            let group = Group { weights, input, places, bases, sums: sums.as_mut_ptr().cast() };
            // SAFETY: the level is at most the processor's by `Conv::at_level`; all taps' channels are inside the
            // input, as asserted; there is a block of sums for each base, and a block of weights for each place.
            unsafe { simd::at(level, group) }
        }
    }

    /// Sums of the absolute weights of one block.
    pub fn sizes(&self, block: usize) -> [i64; LANES] {
        let high = self.high.as_ref().map(|_| self.part(block, true));
        let mut sizes = [0; LANES];
        for (k, &low) in self.part(block, false).iter().enumerate() {
            sizes[k % LANES] += (i64::from(low) + high.map_or(0, |high| i64::from(high[k]) << 8)).abs();
        }
        sizes
    }

    /// Computes one output's sums tap by tap.
    pub fn follow(&self, block: usize, input: &[i16], base: usize, ends: &Ends) -> [i64; LANES] {
        let high = self.high.as_ref().map_or(&[][..], |_| self.part(block, true));
        follow(self.part(block, false), high, &self.places, &input[base + block * LANES..], ends)
    }
}

multiversion! {
    fn follow(low: &[i16], high: &[i16], places: &[[usize; 2]], x: &[i16], ends: &Ends) -> [i64; LANES] {
        let mut sums = ends.bias;
        for (tap, (low, &place)) in low.as_chunks::<LANES>().0.iter().zip(places.as_flattened()).enumerate() {
            let high = high.as_chunks::<LANES>().0.get(tap).unwrap_or(&[0; LANES]);
            for (lane, &x) in x[place..][..LANES].iter().enumerate() {
                let weight = i64::from(low[lane]) + (i64::from(high[lane]) << 8);
                sums[lane] = (sums[lane] + weight * i64::from(x)).max(ends.low[lane]).min(ends.high[lane]);
            }
        }
        sums
    }
}

struct Group<'a> {
    weights: &'a [i16],
    input: *const i16,
    places: &'a [[usize; 2]],
    bases: &'a [usize],
    sums: *mut i32,
}

impl Work for Group<'_> {
    type Made = ();

    #[inline(always)]
    unsafe fn run<I: Instructions>(self) {
        // SAFETY: the contract is the same; interleaved pairs give two vectors of sums at a time, which are a block or
        // half of one.
        unsafe {
            match LANES / <I::EightIntegers as Integers>::LEN {
                2 => self.all::<I::EightIntegers, 1>(),
                _ => self.all::<I::EightIntegers, 2>(),
            }
        }
    }
}

impl Group<'_> {
    /// Sums a block's channels in `H` parts.
    ///
    /// # Safety
    ///
    /// The processor has the instructions of `S`, of which `2 * H` vectors are a block; the rest is as asserted by
    /// [`Depthwise::add`].
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // Plain loops of constant length unroll, and sums stay in registers.
    unsafe fn all<S: Integers, const H: usize>(&self) {
        // SAFETY: the weights hold two taps of a block for each pair of places, of which there is one at least; each output has
        // `LANES` sums, and `LANES` elements at each place after its base.
        unsafe {
            let mut weights = [[S::woven(self.weights.as_ptr(), self.weights.as_ptr().add(LANES)); H]; GROUP];
            for (i, woven) in weights.iter_mut().enumerate().take(self.places.len()) {
                for h in 0..H {
                    let from = self.weights.as_ptr().add(i * 2 * LANES + h * 2 * S::LEN);
                    woven[h] = S::woven(from, from.add(LANES));
                }
            }
            for (i, &base) in self.bases.iter().enumerate() {
                let x = self.input.add(base);
                for h in 0..H {
                    let to = self.sums.add(i * LANES + h * 2 * S::LEN);
                    let x = x.add(h * 2 * S::LEN);
                    let [a, b] = S::unwoven(self.output::<S, H>(x, h, &weights));
                    S::load(to).plus(a).store(to);
                    S::load(to.add(S::LEN)).plus(b).store(to.add(S::LEN));
                }
            }
        }
    }

    /// Sums of part `h` of one output, in the order of interleaved pairs.
    ///
    /// # Safety
    ///
    /// Those of [`Group::all`]; `x` is the part's first channel at the output's base.
    #[inline(always)]
    unsafe fn output<S: Integers, const H: usize>(
        &self,
        x: *const i16,
        h: usize,
        weights: &[[[S::Pairs; 2]; H]; GROUP],
    ) -> [S; 2] {
        // SAFETY: `2 * LEN` elements lie at each place after `x`.
        unsafe {
            let mut sums = [S::zero(); 2];
            for (&[first, second], woven) in self.places.iter().zip(weights) {
                let x = S::woven(x.add(first), x.add(second));
                sums = [sums[0].plus_products(x[0], woven[h][0]), sums[1].plus_products(x[1], woven[h][1])];
            }
            sums
        }
    }
}
