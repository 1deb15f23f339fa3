//! Channels that become places, and the other way round.

use crate::graph::{Attribute, ValueId};
use crate::model::pt2::lowering::{Call, Lowering};
use crate::{Result, bail};

pub fn pixel_shuffle<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, factor) = (l.input(call, "self")?, l.int(call, "upscale_factor", 1)?);
    map(&l.shape(call, "self")?)?;
    let attributes = [("blocksize", Attribute::Int(factor)), ("mode", Attribute::Text("CRD".to_string()))];
    let y = l.node("DepthToSpace", &[x], attributes);
    l.set(call, y)
}

pub fn pixel_unshuffle<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, factor) = (l.input(call, "self")?, l.int(call, "downscale_factor", 1)?);
    let [_, channels, height, width] = map(&l.shape(call, "self")?)?;
    if factor < 1 || height % factor != 0 || width % factor != 0 {
        bail!("a map of {height}x{width} has no whole blocks of {factor}")
    }
    let (height, width) = (height / factor, width / factor);
    let blocks = reshape(l, x, vec![-1, channels, height, factor, width, factor]);
    let moved = l.node("Transpose", &[blocks], [("perm", Attribute::Ints(vec![0, 1, 3, 5, 2, 4]))]);
    let y = reshape(l, moved, vec![-1, channels.saturating_mul(factor).saturating_mul(factor), height, width]);
    l.set(call, y)
}

pub fn channel_shuffle<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, groups) = (l.input(call, "self")?, l.int(call, "groups", 1)?);
    let [batch, channels, height, width] = map(&l.shape(call, "self")?)?;
    if groups < 1 || channels % groups != 0 {
        bail!("{groups} groups of {channels} channels")
    }
    let split = reshape(l, x, vec![batch, groups, channels / groups, height, width]);
    let moved = l.node("Transpose", &[split], [("perm", Attribute::Ints(vec![0, 2, 1, 3, 4]))]);
    let y = reshape(l, moved, vec![batch, channels, height, width]);
    l.set(call, y)
}

fn reshape(l: &mut Lowering, x: ValueId, shape: Vec<i64>) -> ValueId {
    let shape = l.int_constant(shape);
    l.node("Reshape", &[x, shape], [("allowzero", Attribute::Int(0))])
}

fn map(shape: &[usize]) -> Result<[i64; 4]> {
    match *shape {
        [n, c, h, w] => Ok([n, c, h, w].map(|length| length as i64)),
        _ => bail!("its input has shape {shape:?}, not 4 dimensions"),
    }
}
