//! Weights of which the file stores only those that are not zero: unpacked.
//!
//! Levels of a tree, from the outermost: a dense one has every place of an axis, a sparse one lists its places by segment of
//! the level above. Blocks are axes of their own behind the tensor's.

use super::schema::{level, sparsity};
use crate::flatbuffer::read::Table;
use crate::graph::axes::strides;
use crate::{Error, Result, bail};

/// Axes of the deepest tree, which is walked by recursion.
const MOST: usize = 16;

/// One level of the tree.
enum Level {
    Dense(usize),
    Sparse { segments: Vec<usize>, indices: Vec<usize> },
}

/// Elements that are being unpacked.
struct Unpacking<'a> {
    levels: Vec<Level>,
    /// Step in the tensor of one place of each level, in elements.
    steps: Vec<usize>,
    stored: &'a [u8],
    size: usize,
    dense: Vec<u8>,
    next: usize,
    /// Places that may still be visited.
    left: usize,
}

/// Returns the elements of a tensor of `shape`, each of `size` bytes.
pub fn unpack(table: &Table, stored: &[u8], shape: &[usize], size: usize) -> Result<Vec<u8>> {
    let order = ints(table, sparsity::ORDER)?;
    let blocks = ints(table, sparsity::BLOCKS)?;
    let levels: Vec<Level> = table.tables(sparsity::LEVELS)?.iter().map(read).collect::<Result<_>>()?;
    let axes = shape.len() + blocks.len();
    if axes > MOST {
        bail!("a sparse form of {axes} axes")
    }
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if !sorted.iter().copied().eq(0..axes) || levels.len() != axes || blocks.iter().any(|&axis| axis >= shape.len()) {
        bail!("a sparse form of {} levels for shape {shape:?}", levels.len())
    }
    let count: usize = shape.iter().product();
    // No weights are this sparse, and a few bytes must not fill memory.
    if count.saturating_mul(size) > stored.len().saturating_mul(256).saturating_add(1 << 16) {
        bail!("its sparse form has {} bytes for {count} elements", stored.len())
    }
    // An axis that is split into blocks moves by whole blocks, the block by single elements.
    let whole = strides(shape);
    let mut length_of_block = vec![1; shape.len()];
    for (level, &axis) in levels.iter().zip(&order) {
        if let (Some(block), Level::Dense(length)) = (axis.checked_sub(shape.len()), level) {
            length_of_block[blocks[block]] = *length;
        }
    }
    let step = |&axis: &usize| match axis.checked_sub(shape.len()) {
        Some(block) => whole[blocks[block]],
        None => whole[axis].saturating_mul(length_of_block[axis]),
    };
    let steps = order.iter().map(step).collect();
    let left = count.saturating_mul(axes + 1).saturating_add(axes);
    let dense = vec![0; count.saturating_mul(size)];
    let mut unpacking = Unpacking { levels, steps, stored, size, dense, next: 0, left };
    unpacking.descend(0, 0, 0)?;
    Ok(unpacking.dense)
}

impl Unpacking<'_> {
    fn descend(&mut self, depth: usize, segment: usize, at: usize) -> Result<()> {
        let damaged = || Error::new("its sparse form is damaged");
        self.left = self.left.checked_sub(1).ok_or_else(damaged)?;
        let Some(level) = self.levels.get(depth) else { return self.store(at).ok_or_else(damaged) };
        let step = self.steps[depth];
        let place = |index: usize| index.checked_mul(step).and_then(|offset| at.checked_add(offset));
        match level {
            &Level::Dense(length) => {
                for index in 0..length {
                    let below = segment.checked_mul(length).and_then(|first| first.checked_add(index));
                    self.descend(depth + 1, below.ok_or_else(damaged)?, place(index).ok_or_else(damaged)?)?;
                }
            }
            Level::Sparse { segments, indices } => {
                let bounds = segments.get(segment).zip(segments.get(segment.saturating_add(1)));
                let Some((&start, &end)) = bounds else { return Err(damaged()) };
                let listed = indices.get(start..end).ok_or_else(damaged)?.to_vec();
                for (index, below) in listed.into_iter().zip(start..) {
                    self.descend(depth + 1, below, place(index).ok_or_else(damaged)?)?;
                }
            }
        }
        Ok(())
    }

    /// Stores the next element at a place of the tensor.
    fn store(&mut self, at: usize) -> Option<()> {
        let from = self.next.checked_mul(self.size)?;
        let to = at.checked_mul(self.size)?;
        let element = self.stored.get(from..from.checked_add(self.size)?)?;
        self.dense.get_mut(to..to.checked_add(self.size)?)?.copy_from_slice(element);
        self.next += 1;
        Some(())
    }
}

fn read(table: &Table) -> Result<Level> {
    let length = usize::try_from(table.i32(level::LENGTH)?).map_err(|_| Error::new("a level of negative length"))?;
    match table.u8(level::FORMAT)? {
        0 => Ok(Level::Dense(length)),
        1 => Ok(Level::Sparse {
            segments: numbers(table, level::SEGMENTS_TYPE, level::SEGMENTS)?,
            indices: numbers(table, level::INDICES_TYPE, level::INDICES)?,
        }),
        other => bail!("a level of form {other}"),
    }
}

/// Reads a vector of the width that its type says: 32, 16 or 8 bits.
fn numbers(table: &Table, kind: usize, field: usize) -> Result<Vec<usize>> {
    let Some(vector) = table.table(field)? else { return Ok(Vec::new()) };
    match table.u8(kind)? {
        1 => ints(&vector, 0),
        2 => Ok(vector
            .vector(0, 2)?
            .map_or_else(Vec::new, |v| v.chunks().map(|b| u16::from_le_bytes(b).into()).collect())),
        3 => Ok(vector.vector(0, 1)?.map_or_else(Vec::new, |v| v.bytes.iter().map(|&b| b.into()).collect())),
        other => bail!("numbers of kind {other}"),
    }
}

fn ints(table: &Table, field: usize) -> Result<Vec<usize>> {
    let Some(vector) = table.vector(field, 4)? else { return Ok(Vec::new()) };
    let int = |&int: &i32| usize::try_from(int).map_err(|_| Error::new("a negative number in its sparse form"));
    vector.i32s().iter().map(int).collect()
}
