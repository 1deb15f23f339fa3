//! RESIZE_BILINEAR, RESIZE_NEAREST_NEIGHBOR, DEPTH_TO_SPACE and SPACE_TO_DEPTH.

use super::window::ints;
use crate::graph::{Attribute, Tensor};
use crate::model::tflite::file::Operator;
use crate::model::tflite::layout::Layout;
use crate::model::tflite::lowering::{Lowering, Placed};
use crate::{Result, bail};

pub fn bilinear(l: &mut Lowering, op: &Operator) -> Result<()> {
    let (aligned, half) = (op.flag(2)?, op.flag(3)?);
    let coordinates = match (aligned, half) {
        (true, _) => "align_corners",
        (false, true) => "half_pixel",
        (false, false) => "asymmetric",
    };
    lower(l, op, |_, _| vec![("mode", "linear"), ("coordinate_transformation_mode", coordinates)])
}

pub fn nearest(l: &mut Lowering, op: &Operator) -> Result<()> {
    let (aligned, half) = (op.flag(0)?, op.flag(1)?);
    lower(l, op, |sides, wanted| {
        // Between whole multiples, centers of cells fall where their corners do.
        let is_whole = (0..2).all(|side| sides[side] != 0 && wanted[side].is_multiple_of(sides[side]));
        let (coordinates, rounding) = match (aligned, half) {
            (true, _) => ("align_corners", "round_prefer_ceil"),
            (false, true) if !is_whole => ("half_pixel", "round_prefer_ceil"),
            (false, _) => ("asymmetric", "floor"),
        };
        vec![("mode", "nearest"), ("coordinate_transformation_mode", coordinates), ("nearest_mode", rounding)]
    })
}

fn lower(
    l: &mut Lowering,
    op: &Operator,
    form: impl FnOnce([usize; 2], [usize; 2]) -> Vec<(&'static str, &'static str)>,
) -> Result<()> {
    let input = op.input(0)?;
    let shape = l.shape(input)?;
    let &[batch, height, width, channels] = shape.as_slice() else { bail!("an input of shape {shape:?}") };
    let given = l.constant(op.input(1)?)?.and_then(|size| size.to_i64s());
    let recorded = l.file.tensors[op.output()?].shape.clone();
    let wanted: Vec<usize> = match (given, recorded.as_slice()) {
        (Some(given), _) => given.iter().filter_map(|&side| usize::try_from(side).ok()).collect(),
        (None, &[_, height, width, _]) => vec![height, width],
        (None, _) => Vec::new(),
    };
    let &[rows, columns] = wanted.as_slice() else { bail!("a size that is computed from values") };
    if [rows, columns, height, width].iter().any(|side| !(1..=1 << 20).contains(side)) {
        bail!("{height}x{width} cannot become {rows}x{columns}")
    }
    let x = l.first(input)?;
    let base = l.base(op);
    let mut inputs = vec![Some(x), None];
    // Whole multiples are exact as scales, other sizes are not.
    if rows.is_multiple_of(height) && columns.is_multiple_of(width) {
        let scales = vec![1.0, 1.0, (rows / height) as f32, (columns / width) as f32];
        inputs.push(Some(l.add_constant(&format!("{base}/scales"), Tensor::new(&[4], scales)?)));
    } else {
        let sizes = l.int_constant(&format!("{base}/sizes"), ints(&[batch, channels, rows, columns]));
        inputs.extend([None, Some(sizes)]);
    }
    let words = form([height, width], [rows, columns]);
    let attributes = words.into_iter().map(|(name, word)| (name, Attribute::Text(word.to_string())));
    let shape = vec![batch, rows, columns, channels];
    l.emit(op, "Resize", &inputs, attributes, Placed::new(Layout::First, shape))
}

pub fn depth_to_space(l: &mut Lowering, op: &Operator) -> Result<()> {
    let (shape, block) = blocks(l, op)?;
    let [batch, height, width, channels] = shape;
    if !channels.is_multiple_of(block * block) {
        bail!("{channels} channels in blocks of {block}")
    }
    let x = l.first(op.input(0)?)?;
    let attributes = [("blocksize", Attribute::Int(block as i64)), ("mode", Attribute::Text("DCR".to_string()))];
    let shape = vec![batch, height * block, width * block, channels / (block * block)];
    l.emit(op, "DepthToSpace", &[Some(x)], attributes, Placed::new(Layout::First, shape))
}

pub fn space_to_depth(l: &mut Lowering, op: &Operator) -> Result<()> {
    let (shape, block) = blocks(l, op)?;
    let [batch, height, width, channels] = shape;
    if !height.is_multiple_of(block) || !width.is_multiple_of(block) {
        bail!("{height}x{width} in blocks of {block}")
    }
    let x = l.first(op.input(0)?)?;
    let shape = vec![batch, height / block, width / block, channels * block * block];
    let attributes = [("blocksize", Attribute::Int(block as i64))];
    l.emit(op, "SpaceToDepth", &[Some(x)], attributes, Placed::new(Layout::First, shape))
}

fn blocks(l: &Lowering, op: &Operator) -> Result<([usize; 4], usize)> {
    let shape = l.shape(op.input(0)?)?;
    let &[n, h, w, c] = shape.as_slice() else { bail!("an input of shape {shape:?}") };
    let block = op.length(0, 0, "the block")?;
    match block <= 1 << 10 && h.max(w).max(c) <= 1 << 28 {
        true => Ok(([n, h, w, c], block)),
        false => bail!("blocks of {block}"),
    }
}
