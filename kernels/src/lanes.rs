//! Columns side by side: sums of their products with one row, and rounding to a grid of each.

use super::simd::multiversion;

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

multiversion! {
    /// Returns by lane the sum of `row[i] * columns[i][lane]`, over the shorter of both.
    pub fn products(row: &[f32], columns: &[[f32; LANES]]) -> [f32; LANES] {
        let mut sums = [[0.0f32; LANES]; CHAINS];
        let (mut rows, mut blocks) = (row.chunks_exact(CHAINS), columns.chunks_exact(CHAINS));
        for (row, block) in (&mut rows).zip(&mut blocks) {
            for chain in 0..CHAINS {
                for lane in 0..LANES {
                    sums[chain][lane] += row[chain] * block[chain][lane];
                }
            }
        }
        for (value, column) in rows.remainder().iter().zip(blocks.remainder()) {
            for lane in 0..LANES {
                sums[0][lane] += value * column[lane];
            }
        }
        let mut total = [0.0f32; LANES];
        for sum in &sums {
            for lane in 0..LANES {
                total[lane] += sum[lane];
            }
        }
        total
    }

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

    /// Adds `row[i] * factors[lane]` to `columns[i][lane]`, over the shorter of both.
    pub fn add_product(columns: &mut [[f32; LANES]], row: &[f32], factors: &[f32; LANES]) {
        for (column, value) in columns.iter_mut().zip(row) {
            for lane in 0..LANES {
                column[lane] += value * factors[lane];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_is_added_by_lane() {
        let mut columns = [[1.0; LANES]; 3];
        add_product(&mut columns, &[2.0, 3.0], &std::array::from_fn(|lane| lane as f32));
        assert_eq!(columns.map(|column| column[5]), [11.0, 16.0, 1.0]);
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
        assert_eq!(products(&row, &columns), std::array::from_fn(|lane| (squares * lane) as f32));
    }
}
