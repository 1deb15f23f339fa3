//! PRelu: x, or slope x where negative, with the slope broadcast. <https://onnx.ai/onnx/operators/onnx__PRelu.html>

use super::broadcast::zip;
use super::elementwise::{infer_same, take};
use super::{Kernel, Operator, Treatment};
use crate::Result;
use crate::chip::{Axes, Buffer, Checked, Chip, Effect, Family, Limit, NodeView, Scheme, Support, Table};
use crate::graph::Tensor;

// esp-ppq quantizes it under the name `PRelu`.
pub static OPERATOR: Operator = Operator {
    name: "PRelu",
    treatment: Treatment::PLAIN,
    chip: Support::Runs(&Chip {
        axes: Axes::Any,
        table: Table::Int8,
        limits: &[&SLOPES, &EXPONENTS, &BATCH],
        buffer: Buffer::Overwritten,
        ..Chip::PLAIN
    }),
    infer: infer_same,
    prepare: |_| Ok(Box::new(PRelu)),
};

/// Slopes in a file have shape [C, 1, 1] for channels-last inputs; the exporter writes a graph's constant slopes in this
/// form.
pub static SLOPES: Limit = Limit {
    name: "prelu-slopes",
    effect: Effect::Crashes,
    on: Family::ALL,
    until: None,
    check: slopes,
    help: "make the slopes constant: one per channel of shape [C, 1, 1] (Keras: shared_axes=[1, 2]), or one for all",
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

/// The kernels loop over three axes (`activation_shell` in `dl_base.hpp`); the exporter joins the batch to them.
pub static BATCH: Limit = Limit {
    name: "prelu-batch",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: |node| {
        let is_kernel = node.is_written() && node.is_integer() && !is_table(node);
        let batch = node.shape(0).filter(|_| is_kernel).and_then(|shape| shape.first().copied()).filter(|&n| n > 1);
        Ok(batch.map(|n| format!("a batch of {n}, of which the chip computes only the first sample")))
    },
    help: "join the batch to another axis by a Reshape before and after the layer",
    source: "dl_base.hpp (get_activation_args)",
};

/// Returns `true` if the loader creates a lookup table, which it does at int8 only.
fn is_table(node: &dyn NodeView) -> bool {
    node.attribute("lut").is_some() && node.scheme() == Some(Scheme::Int8)
}

fn slopes(node: &dyn NodeView) -> Checked {
    if !node.is_constant(1) {
        return Ok(Some("slopes that are computed; the kernel reads them from the file, and crashes".to_string()));
    }
    let (Some(input), Some(slopes)) = (node.shape(0), node.shape(1)) else { return Ok(None) };
    let is_read = match node.is_written() {
        true => is_table(node) || are_last(&input, &slopes, node.scheme()),
        false => true,
    };
    Ok((!is_read).then(|| {
        format!(
            "slopes of shape {slopes:?} for an input of shape {input:?}; the kernel reads one per channel, and crashes"
        )
    }))
}

/// Returns `true` if slopes in a file are stored as the kernel reads them: one per channel. At int16 and in float, a
/// single one is repeated.
fn are_last(input: &[usize], slopes: &[usize], scheme: Option<Scheme>) -> bool {
    match (input, slopes) {
        (&[_, _, _, channels], &[count, 1, 1]) => count == channels || (count == 1 && scheme != Some(Scheme::Int8)),
        _ => false,
    }
}

/// Portable code, and int16 on all chips, copies positive inputs; negative ones are shifted right.
fn exponents(node: &dyn NodeView) -> Checked {
    let exponents = (node.input_exponent(0), node.input_exponent(1), node.output_exponent());
    let (Some(input), Some(slopes), Some(output)) = exponents else { return Ok(None) };
    if !node.is_written() || !node.is_integer() || is_table(node) {
        return Ok(None);
    }
    let copies = node.family() == Some(Family::C) || node.scheme() == Some(Scheme::Int16);
    if copies && input != output {
        return Ok(Some(format!("input exponent {input} becomes {output}, but positive inputs are copied unscaled")));
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
