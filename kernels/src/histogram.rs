//! Ranges, order statistics and histograms of slices, with torch's arithmetic (CPU, float32).

use super::real::Real;
use super::simd::multiversion;

/// Returns the smallest and the largest element; both are NaN if any element is. `None` for an empty slice.
pub fn min_max<T: Real>(values: &[T]) -> Option<(T, T)> {
    let (min, max, nan) = scan(values);
    match values {
        [] => None,
        _ if nan => Some((T::from_f64(f64::NAN), T::from_f64(f64::NAN))),
        _ => Some((min, max)),
    }
}

fn infinity<T: Real>() -> T {
    T::ZERO - T::NEG_INFINITY
}

const LANES: usize = 64;

multiversion! {
    fn scan[T: Real](values: &[T]) -> (T, T, bool) {
        let (mut min, mut max) = ([infinity::<T>(); LANES], [T::NEG_INFINITY; LANES]);
        let mut nans = [0u32; LANES];
        let mut chunks = values.chunks_exact(LANES);
        for chunk in &mut chunks {
            for i in 0..LANES {
                let v = chunk[i];
                min[i] = if v < min[i] { v } else { min[i] };
                max[i] = if v > max[i] { v } else { max[i] };
                nans[i] |= u32::from(v.is_nan());
            }
        }
        for (i, &v) in chunks.remainder().iter().enumerate() {
            min[i] = if v < min[i] { v } else { min[i] };
            max[i] = if v > max[i] { v } else { max[i] };
            nans[i] |= u32::from(v.is_nan());
        }
        (
            min.into_iter().fold(infinity(), |least, v| if v < least { v } else { least }),
            max.into_iter().fold(T::NEG_INFINITY, |most, v| if v > most { v } else { most }),
            nans.into_iter().any(|nan| nan != 0),
        )
    }
}

/// Returns the k-th smallest element, counted from 1, like `torch.kthvalue`: NaN is larger than every number. Reorders
/// `values`. `None` if there is no such element.
pub fn kth_value(values: &mut [f32], k: usize) -> Option<f32> {
    let index = k.checked_sub(1).filter(|&i| i < values.len())?;
    for v in values.iter_mut().filter(|v| v.is_nan()) {
        // The sign of a NaN would affect the order below.
        *v = f32::NAN;
    }
    Some(*values.select_nth_unstable_by(index, f32::total_cmp).1)
}

/// Adds `torch.histc(torch.abs(values), bins, min=0, max=max)` to `counts`, one count per bin.
pub fn add_abs_histogram(values: &[f32], max: f32, counts: &mut [u32]) {
    let magnitudes = || min_max(&values.iter().map(|v| v.abs()).collect::<Vec<_>>());
    let (left, right) = edges(0.0, max, magnitudes);
    add_counts(values, Bins { left, right, count: counts.len(), absolute: true }, counts);
}

/// Like [`add_abs_histogram`], for float64 elements and in float64; `max` is above 0.
pub fn add_abs_histogram_f64(values: &[f64], max: f64, counts: &mut [u32]) {
    if counts.is_empty() {
        return;
    }
    assert!(counts.len() <= MOST_BINS, "more bins than an index has");
    let mut places = [0u32; BLOCK];
    for block in values.chunks(BLOCK) {
        let places = &mut places[..block.len()];
        place_f64(block, max, counts.len(), places);
        count(places, counts);
    }
}

/// Adds `torch.histc(values, bins, min, max)` to `counts`, one count per bin.
pub fn add_histogram(values: &[f32], min: f32, max: f32, counts: &mut [u32]) {
    let (left, right) = edges(min, max, || min_max(values));
    add_counts(values, Bins { left, right, count: counts.len(), absolute: false }, counts);
}

/// Returns the edges to use: equal edges stand for the range of the data, and if that is a single number, for one unit
/// to either side of it.
fn edges(min: f32, max: f32, range: impl FnOnce() -> Option<(f32, f32)>) -> (f32, f32) {
    if min != max {
        return (min, max);
    }
    match range() {
        Some((a, b)) if a != b => (a, b),
        Some((a, _)) => (a - 1.0, a + 1.0),
        None => (min - 1.0, max + 1.0),
    }
}

#[derive(Debug, Clone, Copy)]
struct Bins {
    left: f32,
    right: f32,
    count: usize,
    absolute: bool,
}

/// Elements placed at a time; their bins stay in the L1 cache.
const BLOCK: usize = 512;

/// Copies of the histogram, counted into in turn: neighbouring elements often fall into the same bin, and consecutive
/// increments of one counter stall.
const COPIES: usize = 4;

/// Number of bins from which copies cost more than the stalls.
const MANY_BINS: usize = 1 << 14;

/// Number of bins up to which every bin's index is exact in float32.
const MOST_BINS: usize = 1 << 24;

fn add_counts(values: &[f32], bins: Bins, counts: &mut [u32]) {
    if bins.count == 0 || !bins.left.is_finite() || !bins.right.is_finite() {
        return;
    }
    assert!(bins.count <= MOST_BINS, "more bins than float32 can index");
    if bins.count >= MANY_BINS {
        return add_sparse(values, bins, counts);
    }
    // One more slot, for elements outside.
    let stride = bins.count + 1;
    let mut copies = vec![0u32; stride * COPIES];
    let mut places = [0u32; BLOCK];
    for block in values.chunks(BLOCK) {
        let places = &mut places[..block.len()];
        place(block, bins, places);
        let mut quads = places.chunks_exact(COPIES);
        for quad in &mut quads {
            for (copy, &place) in quad.iter().enumerate() {
                copies[copy * stride + place as usize] += 1;
            }
        }
        for &place in quads.remainder() {
            copies[place as usize] += 1;
        }
    }
    for copy in copies.chunks_exact(stride) {
        for (total, &n) in counts.iter_mut().zip(copy) {
            *total = total.saturating_add(n);
        }
    }
}

/// Counts directly into `counts`.
fn add_sparse(values: &[f32], bins: Bins, counts: &mut [u32]) {
    let mut places = [0u32; BLOCK];
    for block in values.chunks(BLOCK) {
        let places = &mut places[..block.len()];
        place(block, bins, places);
        count(places, counts);
    }
}

/// Counts elements by their bins; those outside have none.
fn count(places: &[u32], counts: &mut [u32]) {
    for &place in places {
        if let Some(count) = counts.get_mut(place as usize) {
            *count = count.saturating_add(1);
        }
    }
}

multiversion! {
    /// Computes each value's bin; `count` if the value is outside or NaN. The order of operations is that of torch's
    /// `HistogramKernel.cpp`.
    fn place(values: &[f32], bins: Bins, places: &mut [u32]) {
        let (count, width) = (bins.count as f32, bins.right - bins.left);
        let last = (bins.count - 1) as f32;
        for (place, &v) in places.iter_mut().zip(values) {
            let v = if bins.absolute { v.abs() } else { v };
            let position = (v - bins.left) * count / width;
            // NaN becomes 0.
            let position = if position > 0.0 { position } else { 0.0 };
            let position = if position < last { position } else { last };
            let position = if (v >= bins.left) & (v <= bins.right) { position } else { count };
            // SAFETY: from 0 to `count`, at most `MOST_BINS`. A checked cast is not vectorized.
            *place = unsafe { position.to_int_unchecked::<i32>() } as u32;
        }
    }

    /// Computes the bin of each magnitude, of `bins` from 0 to `max`; `bins` if the value is above `max` or NaN.
    fn place_f64(values: &[f64], max: f64, bins: usize, places: &mut [u32]) {
        let (count, last) = (bins as f64, (bins - 1) as f64);
        for (place, &v) in places.iter_mut().zip(values) {
            let magnitude = v.abs();
            let position = magnitude * count / max;
            let position = if position < last { position } else { last };
            let position = if magnitude <= max { position } else { count };
            // SAFETY: from 0 to `count`, at most `MOST_BINS`. A checked cast is not vectorized.
            *place = unsafe { position.to_int_unchecked::<i32>() } as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn abs_histogram(values: &[f32], max: f32, bins: usize) -> Vec<u32> {
        let mut counts = vec![0; bins];
        add_abs_histogram(values, max, &mut counts);
        counts
    }

    #[test]
    fn right_edge_counts_and_beyond_does_not() {
        assert_eq!(abs_histogram(&[0.0, -0.5, 1.0, 1.0, 1.1, f32::NAN, f32::INFINITY], 1.0, 4), [1, 0, 1, 2]);
    }

    #[test]
    fn multiplies_before_it_divides() {
        // In float32, 0.9 * 10 / 3 is 3, as in torch; 0.9 / 3 * 10 is just below it.
        let mut counts = [0; 10];
        add_histogram(&[0.9], 0.0, 3.0, &mut counts);
        assert_eq!(counts, [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn equal_edges_stand_for_the_data_range() {
        assert_eq!(abs_histogram(&[0.0, 0.0, 0.0], 0.0, 4), [0, 0, 3, 0]);
        assert_eq!(abs_histogram(&[2.0, -2.0], 0.0, 4), [0, 0, 2, 0]);
        assert_eq!(abs_histogram(&[1.0, -2.0, 1.5], 0.0, 4), [1, 0, 1, 1]);
    }

    #[test]
    fn float64_elements_count_alike() {
        let mut counts = [0; 4];
        add_abs_histogram_f64(&[0.0, -0.5, 1.0, 1.0, 1.1, f64::NAN], 1.0, &mut counts);
        assert_eq!(counts, [1, 0, 1, 2]);
    }

    #[test]
    fn many_bins_count_alike() {
        let values = [0.0, 0.25, -0.5, 1.0, 1.5];
        let many = abs_histogram(&values, 1.0, MANY_BINS);
        assert_eq!(many.iter().sum::<u32>(), 4);
        assert_eq!([0, MANY_BINS / 4, MANY_BINS / 2, MANY_BINS - 1].map(|b| many[b]), [1; 4]);
    }

    #[test]
    fn ranges_see_every_element_and_nan() {
        let mut values: Vec<f32> = (0..1000).map(|v| v as f32).collect();
        values[999] = -7.0;
        assert_eq!(min_max(&values), Some((-7.0, 998.0)));
        values[70] = f32::NAN;
        assert!(min_max(&values).unwrap().0.is_nan());
        assert_eq!(min_max::<f32>(&[]), None);
    }

    #[test]
    fn kth_counts_from_one_and_puts_nan_last() {
        let values = || [3.0, -f32::NAN, 1.0, 2.0];
        assert_eq!(kth_value(&mut values(), 1), Some(1.0));
        assert_eq!(kth_value(&mut values(), 3), Some(3.0));
        assert!(kth_value(&mut values(), 4).unwrap().is_nan());
        assert_eq!(kth_value(&mut values(), 0), None);
        assert_eq!(kth_value(&mut values(), 5), None);
    }
}
