//! PRelu: x, or slope x where negative, the slope broadcast. <https://onnx.ai/onnx/operators/onnx__PRelu.html>

use super::broadcast::zip;
use super::elementwise::{infer_same, take};
use super::{Kernel, Operator, Treatment};
use crate::Result;
use crate::chip::{Axes, Checked, Chip, Effect, Family, Limit, NodeView, Scheme, Support, Table};
use crate::graph::Tensor;

// esp-ppq quantizes it by the name `PRelu`.
pub static OPERATOR: Operator = Operator {
    name: "PRelu",
    treatment: Treatment::PLAIN,
    chip: Support::Runs(&Chip { axes: Axes::Any, table: Table::Int8, limits: &[&SLOPES, &EXPONENTS], ..Chip::PLAIN }),
    infer: infer_same,
    prepare: |_| Ok(Box::new(PRelu)),
};

/// A file's slopes are [C, 1, 1] beside channels last; the exporter writes a graph's so where they follow the channels.
pub static SLOPES: Limit = Limit {
    name: "prelu-slopes",
    effect: Effect::Crashes,
    on: Family::ALL,
    until: None,
    check: slopes,
    help: "give PRelu one slope a channel, of shape [C, 1, 1] (Keras: shared_axes=[1, 2]), or one for all",
    source: "dl_module_prelu.hpp",
};

pub static EXPONENTS: Limit = Limit {
    name: "prelu-exponents",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: exponents,
    help: "give the layer int16, or replace it by Relu or LeakyRelu",
    source: "dl_base_prelu.cpp",
};

fn slopes(node: &dyn NodeView) -> Checked {
    if !node.is_constant(1) {
        return Ok(Some("slopes that are computed; the kernel reads them from the file, and crashes".to_string()));
    }
    let (Some(input), Some(slopes)) = (node.shape(0), node.shape(1)) else { return Ok(None) };
    let is_read = match node.is_written() {
        true => node.attribute("lut").is_some() || are_last(&input, &slopes, node.scheme()),
        false => follow(node, &input, &slopes),
    };
    Ok((!is_read).then(|| {
        format!(
            "slopes of shape {slopes:?} for an input of shape {input:?}; the kernel reads one a channel, and crashes"
        )
    }))
}

/// Slopes of a file lie as the kernel reads them, one a channel; at int16 and in float one is repeated.
fn are_last(input: &[usize], slopes: &[usize], scheme: Option<Scheme>) -> bool {
    match (input, slopes) {
        (&[_, _, _, channels], &[count, 1, 1]) => count == channels || (count == 1 && scheme != Some(Scheme::Int8)),
        _ => false,
    }
}

/// Slopes of a graph that the exporter can write so; one at int8 is a table, whatever the input.
fn follow(node: &dyn NodeView, input: &[usize], shape: &[usize]) -> bool {
    match shape.iter().product() {
        1usize => node.scheme() == Some(Scheme::Int8) || input.len() > 1,
        _ => node.floats(1).is_some_and(|slopes| follow_channels(&slopes, shape, input.len())),
    }
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

/// Portable code, and int16 on all chips, copy positive inputs; negative ones are shifted right.
fn exponents(node: &dyn NodeView) -> Checked {
    let exponents = (node.input_exponent(0), node.input_exponent(1), node.output_exponent());
    let (Some(input), Some(slopes), Some(output)) = exponents else { return Ok(None) };
    if !node.is_written() || !node.is_integer() || node.attribute("lut").is_some() {
        return Ok(None);
    }
    let copies = node.family() == Some(Family::C) || node.scheme() == Some(Scheme::Int16);
    if copies && input != output {
        return Ok(Some(format!("input exponent {input} becomes {output}, but positive inputs are copied")));
    }
    let shift = output.saturating_sub(input).saturating_sub(slopes);
    Ok((!(0..=31).contains(&shift)).then(|| {
        format!("negative inputs need a shift of {shift} (exponents {output}, {input}, slopes {slopes}), not 0 to 31")
    }))
}

struct PRelu;

impl Kernel for PRelu {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let (x, slope) = (take(&mut inputs, 0)?, take(&mut inputs, 1)?);
        Ok(vec![match &x {
            Tensor::F64(_) => zip(x, slope, |x: f64, s: f64| if x < 0.0 { x * s } else { x })?,
            _ => zip(x, slope, |x: f32, s: f32| if x < 0.0 { x * s } else { x })?,
        }])
    }
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
