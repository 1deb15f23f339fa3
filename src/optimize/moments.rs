//! Second moments of a layer's inputs over all samples and places, as the quantized network gives them to it.

use std::ops::Range;

use rayon::prelude::*;

use crate::Result;
use crate::kernels::matmul::multiply;

use super::patches::{Reader, elements};
use super::sweep::Layer;

/// Number of samples whose second moments are in memory at a time.
const TOGETHER: usize = 4;
/// Most elements of a filter whose moments are taken together: memory grows with their square, time with their cube.
const MOST: usize = 2048;

/// Moments of the inputs that some elements of a group's filters read.
pub struct Moments {
    pub group: usize,
    /// Elements of the filter.
    pub elements: Range<usize>,
    /// Square matrix, row after row.
    pub second: Vec<f64>,
}

/// Splits a filter into parts of similar size.
fn parts(filter: usize) -> impl Iterator<Item = Range<usize>> + Clone {
    let count = filter.div_ceil(MOST).max(1);
    (0..count).map(move |part| part * filter / count..(part + 1) * filter / count)
}

/// Returns moments by part of the filters; `None` where the input is not float.
pub fn moments(layer: &Layer, reader: &Reader) -> Result<Option<Vec<Moments>>> {
    let parts = parts(layer.weighted.filter());
    let empty = |elements: &Range<usize>| vec![0.0; elements.len() * elements.len()];
    let of_group = |group| parts.clone().map(move |elements| Moments { group, second: empty(&elements), elements });
    let mut sums: Vec<Moments> = (0..layer.weighted.groups).flat_map(of_group).collect();
    let samples: Vec<usize> = (0..layer.samples()).collect();
    for together in samples.chunks(TOGETHER) {
        let each = together.par_iter().map(|&sample| of_sample(layer, reader, sample));
        // Added in the order of the samples: the same for any number of threads.
        for products in each.collect::<Result<Vec<_>>>()? {
            let Some(products) = products else { return Ok(None) };
            for (sum, product) in sums.iter_mut().zip(products) {
                sum.second.iter_mut().zip(product).for_each(|(sum, one)| *sum += f64::from(one));
            }
        }
    }
    Ok(Some(sums))
}

/// Returns the sums of one sample by part.
fn of_sample(layer: &Layer, reader: &Reader, sample: usize) -> Result<Option<Vec<Vec<f32>>>> {
    let Some(input) = layer.input(sample)? else { return Ok(None) };
    let Some(input) = elements(&input) else { return Ok(None) };
    let mut products = Vec::new();
    for group in 0..layer.weighted.groups {
        let Some(patches) = reader.patches(layer.weighted, group, &input) else { return Ok(None) };
        for elements in parts(layer.weighted.filter()) {
            let matrix = patches.matrix().lines(elements.clone());
            let mut product = vec![0.0; elements.len() * elements.len()];
            multiply(matrix, matrix.transposed(), &mut product);
            products.push(product);
        }
    }
    Ok(Some(products))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_a_filter_and_are_of_bounded_size() {
        for filter in [1, 9, MOST, MOST + 1, 9216] {
            let parts: Vec<Range<usize>> = parts(filter).collect();
            assert_eq!(parts.iter().flat_map(Clone::clone).collect::<Vec<_>>(), (0..filter).collect::<Vec<_>>());
            assert!(parts.iter().all(|part| part.len() <= MOST));
        }
    }
}
