//! Columns side by side: sums of their products with one row, and rounding to a grid of each.
//!
//! Sums have explicit vectors: of plain loops over lanes, the compiler makes vectors of rows for AVX-512, whose elements it gathers
//! one by one.

use super::simd::{Level, Work, at, multiversion};
use super::vector::{Floats, Instructions};

/// Columns that are computed side by side.
pub const LANES: usize = 16;

/// Multiples of a step, by lane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// Distance of two neighbours.
    pub steps: [f32; LANES],
    /// Least and greatest multiple, in steps.
    pub limits: (f32, f32),
}

/// Sums per lane that wait for nothing but themselves.
const CHAINS: usize = 4;

/// Returns by lane the sum of `row[i] * columns[i][lane]`, over the shorter of both.
pub fn products(row: &[f32], columns: &[[f32; LANES]]) -> [f32; LANES] {
    // SAFETY: the processor has its level.
    unsafe { at(Level::detect(), Products { row, columns }) }
}

/// Adds `row[i] * factors[lane]` to `columns[i][lane]`, over the shorter of both.
pub fn add_product(columns: &mut [[f32; LANES]], row: &[f32], factors: &[f32; LANES]) {
    // SAFETY: as above.
    unsafe { at(Level::detect(), AddProduct { columns, row, factors }) }
}

struct Products<'a> {
    row: &'a [f32],
    columns: &'a [[f32; LANES]],
}

impl Work for Products<'_> {
    type Made = [f32; LANES];

    #[inline(always)]
    unsafe fn run<I: Instructions>(self) -> [f32; LANES] {
        // SAFETY: guaranteed by the caller.
        unsafe {
            match I::Floats::LEN {
                16 => self.sum::<I::Floats, 1>(),
                8 => self.sum::<I::Floats, 2>(),
                _ => self.sum::<I::Floats, 4>(),
            }
        }
    }
}

impl Products<'_> {
    /// # Safety
    ///
    /// The processor has the instructions of `V`, of which `W` vectors are all lanes.
    #[inline(always)]
    unsafe fn sum<V: Floats, const W: usize>(self) -> [f32; LANES] {
        debug_assert!(V::LEN * W == LANES);
        // SAFETY: guaranteed by the caller; every load and store is of `V::LEN` lanes of one column.
        unsafe {
            let mut sums = [[V::splat(0.0); W]; CHAINS];
            let add = |sums: &mut [V; W], value: f32, column: &[f32; LANES]| {
                let value = V::splat(value);
                for (at, sum) in sums.iter_mut().enumerate() {
                    *sum = V::load(column.as_ptr().add(at * V::LEN)).times_plus(value, *sum);
                }
            };
            let (mut rows, mut blocks) = (self.row.chunks_exact(CHAINS), self.columns.chunks_exact(CHAINS));
            for (row, block) in (&mut rows).zip(&mut blocks) {
                for (chain, sums) in sums.iter_mut().enumerate() {
                    add(sums, row[chain], &block[chain]);
                }
            }
            let [first, rest @ ..] = &mut sums;
            rows.remainder().iter().zip(blocks.remainder()).for_each(|(value, column)| add(first, *value, column));
            let one = V::splat(1.0);
            let mut total = [0.0; LANES];
            for (at, sum) in first.iter().enumerate() {
                let sum = rest.iter().fold(*sum, |sum, chain| chain[at].times_plus(one, sum));
                sum.store(total.as_mut_ptr().add(at * V::LEN));
            }
            total
        }
    }
}

struct AddProduct<'a> {
    columns: &'a mut [[f32; LANES]],
    row: &'a [f32],
    factors: &'a [f32; LANES],
}

impl Work for AddProduct<'_> {
    type Made = ();

    #[inline(always)]
    unsafe fn run<I: Instructions>(self) {
        let AddProduct { columns, row, factors } = self;
        for first in (0..LANES).step_by(I::Floats::LEN) {
            // SAFETY: the caller guarantees the instructions; every load and store is of `LEN` lanes from `first` on.
            unsafe {
                let factors = I::Floats::load(factors.as_ptr().add(first));
                for (column, value) in columns.iter_mut().zip(row) {
                    let lanes = column.as_mut_ptr().add(first);
                    factors.times_plus(I::Floats::splat(*value), I::Floats::load(lanes)).store(lanes);
                }
            }
        }
    }
}

multiversion! {
    /// Rounds `exact + carried / diagonal` of each lane to its grid, ties to even. Returns the results and how far they are from `exact`,
    /// and adds the square of `diagonal` times what was rounded away to `losses`.
    pub fn round(
        exact: &[f32; LANES],
        carried: &[f32; LANES],
        diagonal: f32,
        grid: &Grid,
        losses: &mut [f64; LANES]
    ) -> ([f32; LANES], [f32; LANES]) {
        let (mut rounded, mut errors) = ([0.0f32; LANES], [0.0f32; LANES]);
        for lane in 0..LANES {
            let (step, wanted) = (grid.steps[lane], exact[lane] + carried[lane] / diagonal);
            let steps = (wanted / step).round_ties_even();
            let steps = if steps < grid.limits.0 { grid.limits.0 } else { steps };
            let steps = if steps > grid.limits.1 { grid.limits.1 } else { steps };
            rounded[lane] = steps * step;
            errors[lane] = exact[lane] - rounded[lane];
            let loss = f64::from(diagonal * (wanted - rounded[lane]));
            losses[lane] += loss * loss;
        }
        (rounded, errors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_is_added_by_lane() {
        let factors = std::array::from_fn(|lane| lane as f32);
        for level in Level::available() {
            let mut columns = [[1.0; LANES]; 3];
            let work = AddProduct { columns: &mut columns, row: &[2.0, 3.0], factors: &factors };
            // SAFETY: the processor has the level.
            unsafe { at(level, work) };
            for lane in 0..LANES {
                let factor = lane as f32;
                assert_eq!(
                    columns.map(|column| column[lane]),
                    [1.0 + 2.0 * factor, 1.0 + 3.0 * factor, 1.0],
                    "{level:?}"
                );
            }
        }
    }

    #[test]
    fn each_lane_is_rounded_to_its_own_grid() {
        let grid = Grid { steps: std::array::from_fn(|lane| if lane == 0 { 1.0 } else { 0.5 }), limits: (-4.0, 3.0) };
        let exact = std::array::from_fn(|lane| if lane == 2 { 9.0 } else { 0.6 });
        let mut losses = [0.0; LANES];
        let (rounded, errors) = round(&exact, &[0.8; LANES], 2.0, &grid, &mut losses);
        assert_eq!(rounded[..3], [1.0, 1.0, 1.5]);
        assert_eq!(errors[..3], [0.6 - 1.0, 0.6 - 1.0, 9.0 - 1.5]);
        assert_eq!(losses[0], f64::from(2.0 * (0.6f32 + 0.4 - 1.0)).powi(2));
    }

    #[test]
    fn every_lane_is_a_sum_of_its_own() {
        let row: Vec<f32> = (0..11).map(|v| v as f32).collect();
        let columns: Vec<[f32; LANES]> = (0..11).map(|i| std::array::from_fn(|lane| (i * lane) as f32)).collect();
        let squares: usize = (0..11).map(|v| v * v).sum();
        for level in Level::available() {
            // SAFETY: the processor has the level.
            let sums = unsafe { at(level, Products { row: &row, columns: &columns }) };
            assert_eq!(sums, std::array::from_fn(|lane| (squares * lane) as f32), "{level:?}");
        }
    }
}
