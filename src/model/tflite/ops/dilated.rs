//! SPACE_TO_BATCH_ND, a convolution, BATCH_TO_SPACE_ND: one dilated Conv, as which the model was built.

use super::window::Window;
use crate::model::tflite::file::Operator;
use crate::model::tflite::lowering::{Lowering, Padding};
use crate::{Error, Result, bail};

const ADD: u32 = 0;
const BATCH_TO_SPACE: u32 = 37;
const HELP: &str =
    "ESP-DL has no such layer; convert the model with a fixed batch of 1, which keeps dilated convolutions whole";

/// Remembers the blocks for the convolution that reads them.
pub fn space_to_batch(l: &mut Lowering, op: &Operator) -> Result<()> {
    let alone = Error::new("is not followed by a convolution alone").with_help(HELP);
    let output = op.output()?;
    let Some(conv) = l.only_reader(output).filter(|reader| matches!(reader.code, 3 | 4)) else { return Err(alone) };
    // 1 is VALID: padding of its own would be inside the blocks.
    let is_plain = conv.byte(0)? == 1 && conv.int(1, 0)? == 1 && conv.int(2, 0)? == 1;
    let behind = l.only_reader(conv.output()?).filter(|reader| reader.code == BATCH_TO_SPACE);
    if !is_plain || behind.is_none() || conv.optional(0) != Some(output) {
        return Err(alone);
    }
    let (block, pads) = (pair(l, op, 1, "blocks")?, pairs(l, op, "paddings")?);
    if block.contains(&0) {
        bail!("blocks of {block:?}")
    }
    l.paddings.insert(output, Padding { tensor: op.input(0)?, pads, dilation: block });
    Ok(())
}

/// Returns the tensor that a convolution makes: behind the blocks if there are any, which may crop it.
pub fn target(l: &mut Lowering, conv: &Operator, source: &Padding, window: &mut Window) -> Result<usize> {
    let own = conv.output()?;
    if source.dilation == [1; 2] {
        return Ok(own);
    }
    let Some(behind) = l.only_reader(own).filter(|reader| reader.code == BATCH_TO_SPACE) else { return Ok(own) };
    let (block, crops) = (pair(l, behind, 1, "blocks")?, pairs(l, behind, "crops")?);
    if block != source.dilation {
        bail!("blocks of {:?} become blocks of {block:?}", source.dilation)
    }
    for (pads, crop) in window.pads.iter_mut().zip(crops) {
        let cropped = pads[0].checked_sub(crop[0]).zip(pads[1].checked_sub(crop[1]));
        let Some((before, behind)) = cropped else {
            return Err(Error::new("crops more than was padded").with_help(HELP));
        };
        *pads = [before, behind];
    }
    l.join([behind.index]);
    behind.output()
}

/// Returns the ADD behind the blocks, and the biases that it adds, which belong to the convolution.
pub fn bias<'a>(l: &mut Lowering<'a>, target: usize, channels: usize) -> Result<Option<(&'a Operator<'a>, usize)>> {
    let Some(add) = l.only_reader(target).filter(|add| add.code == ADD) else { return Ok(None) };
    let Some(other) = add.inputs.iter().flatten().copied().find(|&input| input != target) else { return Ok(None) };
    let biases = l.constant(other)?;
    let is_bias = biases.is_some_and(|b| b.slice::<f32>().is_some() && b.shape() == [channels]);
    Ok(is_bias.then_some((add, other)))
}

/// Blocks that no convolution before them has joined.
pub fn batch_to_space(_: &mut Lowering, _: &Operator) -> Result<()> {
    Err(Error::new("is not behind SPACE_TO_BATCH_ND and a convolution").with_help(HELP))
}

fn pair(l: &mut Lowering, op: &Operator, port: usize, what: &str) -> Result<[usize; 2]> {
    lengths(&l.ints(op.input(port)?, what)?, what)
}

fn pairs(l: &mut Lowering, op: &Operator, what: &str) -> Result<[[usize; 2]; 2]> {
    let [a, b, c, d] = lengths(&l.ints(op.input(2)?, what)?, what)?;
    Ok([[a, b], [c, d]])
}

fn lengths<const N: usize>(ints: &[i64], what: &str) -> Result<[usize; N]> {
    let lengths: Option<Vec<usize>> =
        ints.iter().map(|&int| usize::try_from(int).ok().filter(|&length| length <= 1 << 20)).collect();
    match lengths.and_then(|lengths| lengths.try_into().ok()) {
        Some(lengths) => Ok(lengths),
        None => bail!("{what} of {ints:?}"),
    }
}
