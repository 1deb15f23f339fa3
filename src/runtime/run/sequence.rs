//! ReverseSequence and StreamingCache: operators that reverse or keep time steps (`dl_module_reverse_sequence.hpp`,
//! `dl_module_streaming_cache.hpp`).
//!
//! Never: arithmetic.

use crate::chip::QuantType;
use crate::{Result, bail};

use super::kernel::Kernel;
use super::node_context::Step;
use super::shape_ops::moved;
use super::value::{Data, same};
use super::walk::strides;

pub fn reverse(step: &Step) -> Result<Kernel> {
    if step.quant_type() == QuantType::F32 {
        // The chip converts elements to int.
        return step.unsupported();
    }
    let input = step.input(0)?;
    let rank = input.dims.len();
    let (batch, time) = (step.axis(step.int("batch_axis", 1), rank)?, step.axis(step.int("time_axis", 0), rank)?);
    if batch + time != 1 {
        bail!("time along axis {time} and batches along {batch}, but the chip supports axes 0 and 1");
    }
    // In bounds: both are axes of the input.
    let (batches, steps) = (input.dims[batch], input.dims[time]);
    let strides = strides(&input.dims);
    let (batch, time) = (strides[batch], strides[time]);
    step.input(1)?;
    Ok(Kernel::new(moved(step, input, input.dims.clone())?, move |inputs| {
        let lengths = inputs.get(1)?.integers()?;
        if lengths.len() != batches || lengths.iter().any(|&l| l > steps as i64) {
            bail!("lengths {lengths:?} do not fit {batches} sequences of {steps} steps");
        }
        let source = |place: usize| {
            let (b, t) = (place / batch % batches, place / time % steps);
            match usize::try_from(lengths[b]).ok().filter(|&l| t < l) {
                Some(length) => place - t * time + (length - 1 - t) * time,
                None => place,
            }
        };
        let data = inputs.get(0)?;
        // In bounds: a step is within its sequence.
        Ok(same!(data.as_ref(), values => (0..values.len()).map(|place| values[source(place)]).collect()))
    }))
}

/// Prepares a first run, before which the cache holds zeros. The chip puts it before the input for any axis.
pub fn cache(step: &Step) -> Result<Kernel> {
    let input = step.input(0)?;
    let axis = step.axis(step.int("frame_axis", 1), input.dims.len())?;
    // In bounds: `axis` is below the rank.
    let outer: usize = input.dims[..axis].iter().product();
    let frame: usize = input.dims[axis + 1..].iter().product();
    let Some(kept) = step.int("window_size", 1).checked_sub(1).and_then(|k| usize::try_from(k).ok()) else {
        bail!("a window of {} frames", step.int("window_size", 1));
    };
    if outer != 1 || kept > 1 << 20 {
        bail!("{kept} frames along axis {axis} of {:?}, but the chip keeps one contiguous block", input.dims);
    }
    let mut dims = input.dims.clone();
    dims[axis] += kept;
    let count = kept * frame;
    Ok(Kernel::new(moved(step, input, dims)?, move |inputs| {
        Ok(same!(inputs.get(0)?.as_ref(), values => [vec![Default::default(); count], values.clone()].concat()))
    }))
}
