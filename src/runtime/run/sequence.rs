//! ReverseSequence and StreamingCache: what turns or keeps steps of time (`dl_module_reverse_sequence.hpp`,
//! `dl_module_streaming_cache.hpp`).
//!
//! Never: arithmetic.

use crate::chip::QuantType;
use crate::{Result, bail};

use super::moves::{moved, strides};
use super::step::Step;
use super::value::{Data, Value};

pub fn reverse(step: &Step) -> Result<Vec<Value>> {
    if step.quant_type() == QuantType::F32 {
        // The elements pass through an int on their way.
        return step.unsupported();
    }
    let input = step.input(0)?;
    let rank = input.dims.len();
    let (batch, time) = (step.axis(step.int("batch_axis", 1), rank)?, step.axis(step.int("time_axis", 0), rank)?);
    if batch + time != 1 {
        bail!("time along axis {time} and batches along {batch}; the chip turns axes 0 and 1");
    }
    let lengths = step.input(1)?.integers()?;
    // In bounds: both are axes of the input.
    let (batches, steps) = (input.dims[batch], input.dims[time]);
    if lengths.len() != batches || lengths.iter().any(|&l| l > steps as i64) {
        bail!("lengths {lengths:?} do not fit {batches} sequences of {steps} steps");
    }
    let strides = strides(&input.dims);
    let source = |place: usize| {
        let (b, t) = (place / strides[batch] % batches, place / strides[time] % steps);
        match usize::try_from(lengths[b]).ok().filter(|&l| t < l) {
            Some(length) => place - t * strides[time] + (length - 1 - t) * strides[time],
            None => place,
        }
    };
    moved(step, input, input.dims.clone(), input.data.gather((0..input.data.len()).map(source)))
}

/// A first run, before which the cache holds zeros. It stands in front of the input whatever the axis is.
pub fn cache(step: &Step) -> Result<Vec<Value>> {
    let input = step.input(0)?;
    let axis = step.axis(step.int("frame_axis", 1), input.dims.len())?;
    // In bounds: `axis` is below the rank.
    let outer: usize = input.dims[..axis].iter().product();
    let frame: usize = input.dims[axis + 1..].iter().product();
    let Some(kept) = step.int("window_size", 1).checked_sub(1).and_then(|k| usize::try_from(k).ok()) else {
        bail!("a window of {} frames", step.int("window_size", 1));
    };
    if outer != 1 || kept > 1 << 20 {
        bail!("{kept} frames along axis {axis} of {:?}; the chip keeps one block of bytes", input.dims);
    }
    let mut dims = input.dims.clone();
    dims[axis] += kept;
    let count = kept * frame;
    macro_rules! behind {
        ($($variant:ident $zero:literal),*) => {
            match &input.data {
                $(Data::$variant(v) => Data::$variant([vec![$zero; count], v.clone()].concat()),)*
            }
        };
    }
    let data = behind!(Bool 0, I8 0, I16 0, I32 0, I64 0, F32 0.0);
    moved(step, input, dims, data)
}
