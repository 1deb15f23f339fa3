//! Inputs of a layer over all samples and places, as the quantized network gives them to it: their second moments, or the
//! inputs themselves where these are fewer.

use std::ops::Range;

use crate::Result;
use crate::kernels::matmul::Matrix;
use crate::parallel;

use super::moments::{Moments, products};
use super::patches::{Reader, elements};
use super::sweep::Layer;

/// Number of samples whose second moments are in memory at a time.
pub const TOGETHER: usize = 4;
/// Most elements of a filter whose moments are taken together: memory grows with their square, time with their cube.
const MOST: usize = 2048;
/// Sums that one thread adds to at a time.
const CHUNK: usize = 1 << 14;
/// Elements for each place of all samples from which the inputs themselves take less time than their moments.
const FEW: usize = 4;

/// Inputs that some elements of a group's filters read.
pub struct Inputs {
    pub group: usize,
    /// Elements of the filter.
    pub elements: Range<usize>,
    pub form: Form,
}

/// Form in which inputs are known.
pub enum Form {
    /// Sums of products by two elements.
    Moments(Moments),
    /// A row for each element, with its inputs at all places.
    Rows(Vec<f32>),
}

/// Splits a filter into parts of similar size.
fn parts(filter: usize) -> impl Iterator<Item = Range<usize>> + Clone {
    let count = filter.div_ceil(MOST).max(1);
    (0..count).map(move |part| part * filter / count..(part + 1) * filter / count)
}

/// Returns inputs by part of the filters; `None` where the input is not float.
pub fn inputs(layer: &Layer, reader: &Reader) -> Result<Option<Vec<Inputs>>> {
    let places = places(layer).and_then(|places| places.checked_mul(layer.samples() * FEW));
    match places.is_some_and(|places| places <= layer.weighted.filter().min(MOST)) {
        true => rows(layer, reader),
        false => moments(layer, reader),
    }
}

/// Returns the number of places at which a filter is applied to one sample.
pub fn places(layer: &Layer) -> Option<usize> {
    let output = layer.graph.shape(layer.weighted.output)?;
    output.iter().product::<usize>().checked_div(layer.weighted.outputs)
}

fn rows(layer: &Layer, reader: &Reader) -> Result<Option<Vec<Inputs>>> {
    let each = parallel::try_map(layer.samples(), |sample| by_group(layer, reader, sample, gathered))?;
    let Some(each) = each.into_iter().collect::<Option<Vec<_>>>() else { return Ok(None) };
    let filter = layer.weighted.filter();
    let of_group = |group: usize| {
        let samples: Vec<&[f32]> = each.iter().map(|groups| groups[group].as_slice()).collect();
        let mut rows = Vec::with_capacity(samples.iter().map(|sample| sample.len()).sum());
        for (element, sample) in (0..filter).flat_map(|element| samples.iter().map(move |sample| (element, sample))) {
            let places = sample.len() / filter;
            rows.extend_from_slice(&sample[element * places..][..places]);
        }
        Inputs { group, elements: 0..filter, form: Form::Rows(rows) }
    };
    Ok(Some((0..layer.weighted.groups).map(of_group).collect()))
}

/// Copies a matrix row after row.
pub fn gathered(matrix: Matrix<f32>) -> Vec<f32> {
    let places = (0..matrix.rows).flat_map(|row| (0..matrix.columns).map(move |column| (row, column)));
    places.map(|(row, column)| matrix.data[row * matrix.row_stride + column * matrix.column_stride]).collect()
}

fn moments(layer: &Layer, reader: &Reader) -> Result<Option<Vec<Inputs>>> {
    let parts = parts(layer.weighted.filter());
    let of_group = |group| parts.clone().map(move |part| (group, part));
    let parts_of: Vec<(usize, Range<usize>)> = (0..layer.weighted.groups).flat_map(of_group).collect();
    let mut sums: Vec<Moments> = parts_of.iter().map(|(_, part)| Moments::zero(part.len())).collect();
    let of_parts = |matrix: Matrix<f32>| parts.clone().map(|part| products(matrix.lines(part))).collect::<Vec<_>>();
    let samples: Vec<usize> = (0..layer.samples()).collect();
    for together in samples.chunks(TOGETHER) {
        let each = parallel::try_map(together.len(), |index| by_group(layer, reader, together[index], of_parts))?;
        let Some(each) = each.into_iter().collect::<Option<Vec<_>>>() else { return Ok(None) };
        let each: Vec<Vec<&Vec<f32>>> = each.iter().map(|groups| groups.iter().flatten().collect()).collect();
        let chunks = sums.iter_mut().enumerate().flat_map(|(part, sum)| {
            sum.sums_mut().chunks_mut(CHUNK).enumerate().map(move |(chunk, sum)| (part, chunk * CHUNK, sum))
        });
        parallel::change(&mut chunks.collect::<Vec<_>>(), |_, (part, from, sum)| {
            // Added in the order of the samples: the same for any number of threads.
            for parts in &each {
                sum.iter_mut().zip(&parts[*part][*from..]).for_each(|(sum, one)| *sum += f64::from(*one));
            }
        });
    }
    let inputs = parts_of.into_iter().zip(sums);
    Ok(Some(inputs.map(|((group, elements), sum)| Inputs { group, elements, form: Form::Moments(sum) }).collect()))
}

/// Calls `of` with the inputs of each group in one sample: a row for each element of a filter, a column for each place.
fn by_group<T>(layer: &Layer, reader: &Reader, sample: usize, of: impl Fn(Matrix<f32>) -> T) -> Result<Option<Vec<T>>> {
    let Some(input) = layer.input(sample)? else { return Ok(None) };
    let Some(input) = elements(&input) else { return Ok(None) };
    let of = |group| Some(of(reader.patches(layer.weighted, group, &input)?.matrix()));
    Ok((0..layer.weighted.groups).map(of).collect())
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
