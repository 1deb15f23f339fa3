//! Limits of PRelu and Clip.

use crate::chip::{Checked, Effect, Limit, NodeView, Scheme};

pub static SLOPES: Limit = Limit {
    name: "prelu-slopes",
    operators: &["PRelu"],
    effect: Effect::Crashes,
    check: slopes,
    help: "give PRelu one slope a channel, of shape [C, 1, 1] (Keras: shared_axes=[1, 2]), or one for all",
    source: "dl_module_prelu.hpp",
};

/// `numeric_limits<float>::min()` stands in for the lower bound.
pub static CLIP_BELOW: Limit = Limit {
    name: "clip-without-lower-bound",
    operators: &["Clip"],
    effect: Effect::SilentlyWrong,
    check: |node| {
        let is_open = node.scheme() == Some(Scheme::Float) && node.input(1).is_none() && node.input(2).is_some();
        Ok(is_open.then(|| {
            "float Clip without a lower bound, for which the chip takes the least positive float: what is below becomes 0"
                .to_string()
        }))
    },
    help: "give it a lower bound, -3.4e38 where there is none, or give the layer int8 or int16",
    source: "dl_module_clip.hpp",
};

/// Files are checked with their exponents, in `fit`.
fn slopes(node: &dyn NodeView) -> Checked {
    if node.is_written() {
        return Ok(None);
    }
    let (Some(input), Some(shape)) = (node.shape(0), node.shape(1)) else { return Ok(None) };
    if !node.is_constant(1) {
        return Ok(Some("slopes that are computed; the kernel reads them from the file, and crashes".to_string()));
    }
    let count: usize = shape.iter().product();
    // One slope is a table at int8.
    if count == 1 && (node.scheme() == Some(Scheme::Int8) || input.len() > 1) {
        return Ok(None);
    }
    let by_channel = node.floats(1).is_some_and(|slopes| follow_channels(&slopes, &shape, input.len()));
    Ok((!by_channel).then(|| {
        format!(
            "slopes of shape {shape:?} for an input of shape {input:?}; the kernel reads one a channel, and crashes"
        )
    }))
}

/// Slopes that are broadcast from the right over `rank` axes are equal wherever axis 1 is.
fn follow_channels(slopes: &[f32], shape: &[usize], rank: usize) -> bool {
    let Some(axis) = (1 + shape.len()).checked_sub(rank).filter(|_| rank > 1) else {
        return slopes.windows(2).all(|pair| pair[0] == pair[1]);
    };
    let inner: usize = shape.iter().skip(axis + 1).product();
    let channels = shape.get(axis).copied().unwrap_or(1);
    let channel = |i: usize| i.checked_div(inner).and_then(|i| i.checked_rem(channels)).unwrap_or(0);
    slopes.iter().enumerate().all(|(i, slope)| slopes.get(channel(i) * inner) == Some(slope))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_follow_channels_where_they_are_equal_beside_them() {
        assert!(follow_channels(&[0.1, 0.1, 0.2, 0.2], &[2, 1, 2], 4));
        assert!(!follow_channels(&[0.1, 0.2, 0.1, 0.2], &[2, 1, 2], 4));
        assert!(follow_channels(&[0.1, 0.2], &[2], 2));
        assert!(!follow_channels(&[0.1, 0.2], &[2], 4));
        assert!(follow_channels(&[0.1, 0.1], &[2], 4));
        assert!(follow_channels(&[0.3, 0.3, 0.4, 0.4, 0.3, 0.3, 0.4, 0.4], &[2, 2, 1, 2], 4));
    }
}
