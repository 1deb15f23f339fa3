//! RESHAPE, TILE, RESHAPE, as Keras writes UpSampling2D: one Resize, for which ESP-DL has a kernel.

use super::reshape::{RESHAPE, target};
use crate::Result;
use crate::graph::{Attribute, Tensor};
use crate::model::tflite::file::Operator;
use crate::model::tflite::layout::Layout;
use crate::model::tflite::lowering::{Lowering, Placed};

const TILE: u32 = 69;

/// Rows and columns are repeated one after the other, so there are two rounds at most.
const ROUNDS: usize = 2;

/// Joins the operators from this RESHAPE on, if they repeat rows and columns; `false` if they do not.
pub fn join(l: &mut Lowering, op: &Operator, shape: &[usize]) -> Result<bool> {
    let input = op.input(0)?;
    let from = l.shape(input)?;
    let &[n, h, w, c] = from.as_slice() else { return Ok(false) };
    if from.contains(&0) {
        return Ok(false);
    }
    let (mut map, mut split, mut output) = ([n, h, w, c], shape.to_vec(), op.output()?);
    let mut joined = Vec::new();
    for _ in 0..ROUNDS {
        let Some(tile) = reader(l, TILE, output) else { return Ok(false) };
        let Some((at, times)) = repeated(l, tile, &split)? else { return Ok(false) };
        let Some(last) = reader(l, RESHAPE, tile.output()?) else { return Ok(false) };
        joined.extend([tile.index, last.index]);
        split[at] = times;
        let next = target(l, last, &split)?;
        let before: usize = split[..at].iter().product();
        let grown = grown(map, before, times);
        if let Some(&map) = grown.iter().find(|map| next == **map) {
            l.join(joined);
            emit(l, last, input, map)?;
            return Ok(true);
        }
        let Some(&first) = grown.first() else { return Ok(false) };
        (map, split, output) = (first, next, last.output()?);
    }
    Ok(false)
}

/// Returns the maps that repetition behind so many elements can lead to: of rows, or of columns.
fn grown([n, h, w, c]: [usize; 4], before: usize, times: usize) -> Vec<[usize; 4]> {
    let rows = (before == n * h).then_some([n, h * times, w, c]);
    let columns = (before == n * h * w).then_some([n, h, w * times, c]);
    rows.into_iter().chain(columns).collect()
}

/// Returns the axis of length 1 that a TILE repeats, and how often.
fn repeated(l: &mut Lowering, tile: &Operator, shape: &[usize]) -> Result<Option<(usize, usize)>> {
    let Some(times) = l.constant(tile.input(1)?)?.and_then(|times| times.to_i64s()) else { return Ok(None) };
    let changed: Vec<(usize, i64)> = times.into_iter().enumerate().filter(|&(_, times)| times != 1).collect();
    Ok(match changed.as_slice() {
        &[(at, times @ 2..=64)] if shape.get(at) == Some(&1) => Some((at, times as usize)),
        _ => None,
    })
}

/// Returns the one operator that reads a tensor, if it is of a kind.
fn reader<'a>(l: &Lowering<'a>, code: u32, tensor: usize) -> Option<&'a Operator<'a>> {
    l.only_reader(tensor).filter(|next| next.code == code && next.optional(0) == Some(tensor))
}

fn emit(l: &mut Lowering, last: &Operator, input: usize, map: [usize; 4]) -> Result<()> {
    let from = l.shape(input)?;
    let x = l.first(input)?;
    let base = l.base(last);
    let times = [1, 2].map(|side| (map[side] / from[side]) as f32);
    let scales = l.add_constant(&format!("{base}/scales"), Tensor::new(&[4], vec![1.0, 1.0, times[0], times[1]])?);
    let word = |word: &str| Attribute::Text(word.to_string());
    let attributes = [
        ("mode", word("nearest")),
        ("coordinate_transformation_mode", word("asymmetric")),
        ("nearest_mode", word("floor")),
    ];
    let placed = Placed::new(Layout::First, map.to_vec());
    l.emit(last, "Resize", &[Some(x), None, Some(scales)], attributes, placed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_columns_are_told_apart_by_what_is_before_them() {
        assert_eq!(grown([1, 7, 9, 8], 7, 2), [[1, 14, 9, 8]]);
        assert_eq!(grown([1, 14, 9, 8], 126, 3), [[1, 14, 27, 8]]);
        assert_eq!(grown([1, 4, 1, 8], 4, 2), [[1, 8, 1, 8], [1, 4, 2, 8]]);
        assert!(grown([1, 7, 9, 8], 9, 2).is_empty());
    }
}
