//! Selection of the n-th largest element of a slice.

use super::simd::multiversion;

/// Elements of which only the largest is looked at first.
const BLOCK: usize = 64;
/// Elements that are compared at once.
const LANES: usize = 16;

/// Returns the element with `nth` larger ones before it, by [`f32::total_cmp`]. `nth` must be less than the length.
pub fn nth_largest(values: &[f32], nth: usize) -> f32 {
    let (blocks, has_nan) = largest_of_blocks(values);
    // At least as large as the nth of the blocks' largest elements, which leaves few candidates.
    let least = match nth < blocks.len() && !has_nan {
        true => *blocks.clone().select_nth_unstable_by(nth, |a, b| b.total_cmp(a)).1,
        false => f32::NEG_INFINITY,
    };
    let chosen = values.chunks(BLOCK).zip(&blocks).filter(|(_, largest)| has_nan || **largest >= least);
    let candidates = chosen.flat_map(|(block, _)| block.iter().copied().filter(|value| has_nan || *value >= least));
    let mut candidates: Vec<f32> = candidates.collect();
    *candidates.select_nth_unstable_by(nth, |a, b| b.total_cmp(a)).1
}

multiversion! {
    /// Returns the largest element of each block, and whether any element is NaN.
    fn largest_of_blocks(values: &[f32]) -> (Vec<f32>, bool) {
        let mut has_nan = false;
        let largest = |block: &[f32]| {
            let mut lanes = [f32::NEG_INFINITY; LANES];
            let mut nan = [false; LANES];
            let (whole, rest) = block.as_chunks::<LANES>();
            for line in whole {
                for i in 0..LANES {
                    lanes[i] = if line[i] > lanes[i] { line[i] } else { lanes[i] };
                    nan[i] |= line[i].is_nan();
                }
            }
            has_nan |= nan.contains(&true) || rest.iter().any(|v| v.is_nan());
            lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max)
        };
        let blocks = values.chunks(BLOCK).map(largest).collect();
        (blocks, has_nan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_element_is_that_of_the_sorted_slice() {
        let values: Vec<f32> = (0..1000).map(|i| ((i * 7919) % 601) as f32 - 300.0).collect();
        let with_nan: Vec<f32> = values.iter().copied().chain([f32::NAN, -f32::NAN, f32::INFINITY]).collect();
        for values in [&values[..1], &values[..100], &values, &with_nan] {
            let mut sorted = values.to_vec();
            sorted.sort_by(|a, b| b.total_cmp(a));
            for nth in [0, 1, 15, values.len() - 1].into_iter().filter(|nth| *nth < values.len()) {
                assert_eq!(nth_largest(values, nth).to_bits(), sorted[nth].to_bits(), "{nth}");
            }
        }
    }
}
