//! Sums of products of one row with several columns, side by side.

use super::simd::multiversion;

/// Columns that are computed side by side.
pub const LANES: usize = 16;

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
    fn every_lane_is_a_sum_of_its_own() {
        let row: Vec<f32> = (0..11).map(|v| v as f32).collect();
        let columns: Vec<[f32; LANES]> = (0..11).map(|i| std::array::from_fn(|lane| (i * lane) as f32)).collect();
        let squares: usize = (0..11).map(|v| v * v).sum();
        assert_eq!(products(&row, &columns), std::array::from_fn(|lane| (squares * lane) as f32));
    }
}
