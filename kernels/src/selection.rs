//! Selection of the n-th largest element of a slice.

use super::simd::multiversion;

/// Elements of which only the largest is looked at first.
const BLOCK: usize = 256;
/// Elements that are compared at once.
const LANES: usize = 16;

/// Returns the element with `nth` larger ones before it, by [`f32::total_cmp`]. `nth` must be less than the length.
pub fn nth_largest(values: &[f32], nth: usize) -> f32 {
    let (mut blocks, has_nan) = largest_of_blocks(values);
    if has_nan {
        return selected(values.to_vec(), nth);
    }
    // At least as large as the nth of the blocks' largest elements, which leaves few candidates.
    let chosen = values.chunks(BLOCK).zip(blocks.clone());
    let least = match nth < blocks.len() {
        true => *blocks.select_nth_unstable_by(nth, |a, b| b.total_cmp(a)).1,
        false => f32::NEG_INFINITY,
    };
    let chosen = chosen.filter(|(_, largest)| *largest > least);
    let above: Vec<f32> = chosen.flat_map(|(block, _)| block.iter().copied().filter(|value| *value > least)).collect();
    if nth < above.len() {
        return selected(above, nth);
    }
    // One of many that are equal, as the zeros behind a Relu: of these, the positive ones are first.
    let positive = || values.iter().filter(|value| value.to_bits() == 0).count();
    match least == 0.0 {
        true if nth - above.len() < positive() => 0.0,
        true => -0.0,
        false => least,
    }
}

fn selected(mut values: Vec<f32>, nth: usize) -> f32 {
    *values.select_nth_unstable_by(nth, |a, b| b.total_cmp(a)).1
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
        let many: Vec<f32> =
            (0..3).flat_map(|sign| values.iter().map(move |v| if sign == 1 { -v } else { *v })).collect();
        let zeros: Vec<f32> = many.iter().map(|value| if value.abs() < 295.0 { 0.0 * value } else { *value }).collect();
        let none: Vec<f32> = zeros.iter().map(|value| value.min(-0.0)).collect();
        for values in [&values[..1], &values[..100], &values, &with_nan, &many, &zeros, &none] {
            let mut sorted = values.to_vec();
            sorted.sort_by(|a, b| b.total_cmp(a));
            for nth in [0, 1, 15, values.len() / 3, values.len() / 2, values.len() - 1]
                .into_iter()
                .filter(|nth| *nth < values.len())
            {
                assert_eq!(nth_largest(values, nth).to_bits(), sorted[nth].to_bits(), "{nth}");
            }
        }
    }
}
