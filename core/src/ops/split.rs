//! Split: parts along an axis, of given or nearly equal lengths. <https://onnx.ai/onnx/operators/onnx__Split.html>

use super::axes::{constant_ints, normalize};
use super::layout::{strides, walk};
use super::operands::required;
use super::{Call, Fact, Kernel, Operator, Treatment};
use crate::chip::{Axes, Checked, Chip, Effect, Family, Limit, NodeView, Scales, Support, Unreadable};
use crate::graph::Tensor;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "Split",
    treatment: Treatment { float_inputs: &[1], ..Treatment::PASSIVE },
    chip: Support::Runs(&Chip {
        axes: Axes::Attribute { default: 0 },
        limits: &[&PARTS],
        scales: Scales::OfInput,
        ..Chip::PLAIN
    }),
    infer,
    prepare,
};

/// Without sizes, the kernel reads `num_outputs` as the size of a part; the exporter writes sizes.
pub static PARTS: Limit = Limit {
    name: "split-by-count",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: parts,
    help: "add the sizes of the parts as its second input",
    source: "dl_module_split.hpp, get_output_shape",
};

fn parts(node: &dyn NodeView) -> Checked {
    if !node.is_written() || node.input(1).is_some() {
        return Ok(None);
    }
    let Some(count) = Some(node.int("num_outputs", 0)?).filter(|&n| n > 0) else {
        return Ok(Some("it has neither sizes nor num_outputs, at which the chip stops".to_string()));
    };
    let Some(shape) = node.shape(0) else { return Ok(None) };
    let axis = normalize(node.int("axis", 0)?, shape.len()).map_err(|_| Unreadable("axis"))?;
    // In bounds: the axis is below the rank.
    let size = i64::try_from(shape[axis]).unwrap_or(i64::MAX);
    let is_whole = count.checked_mul(count) == Some(size);
    Ok((!is_whole).then(|| format!("its axis of {size} is split into parts of size {count} instead of {count} parts")))
}

fn pieces(call: &Call) -> Result<(usize, Vec<usize>)> {
    let x = required(call, 0, "Split")?;
    let axis = normalize(call.attributes.int_or("axis", 0), x.shape.len())?;
    let size = x.shape[axis];
    if let Some(lengths) = constant_ints(call, "split", 1)? {
        let whole: Option<Vec<usize>> = lengths.iter().map(|&l| usize::try_from(l).ok()).collect();
        return match whole {
            Some(l) if l.iter().try_fold(0usize, |a, &b| a.checked_add(b)) == Some(size) && l.len() == call.outputs => {
                Ok((axis, l))
            }
            _ => bail!("Split of axis {axis} of {:?} into {lengths:?}", x.shape),
        };
    }
    let count = match call.attributes.int("num_outputs").map(usize::try_from) {
        Some(Ok(n)) if n == call.outputs && n > 0 => n,
        None if call.outputs > 0 => call.outputs,
        _ => bail!("Split has {} outputs and num_outputs = {:?}", call.outputs, call.attributes.int("num_outputs")),
    };
    // The last part is shorter if the axis is not divisible.
    let length = size.div_ceil(count);
    Ok((axis, (0..count).map(|i| length.min(size.saturating_sub(i * length))).collect()))
}

fn infer(call: &Call) -> Result<Vec<Fact>> {
    let x = required(call, 0, "Split")?;
    let (axis, lengths) = pieces(call)?;
    let fact = |length| {
        let mut shape = x.shape.clone();
        shape[axis] = length;
        Fact::new(x.data_type, shape)
    };
    Ok(lengths.into_iter().map(fact).collect())
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    let (axis, lengths) = pieces(call)?;
    Ok(Box::new(Split { axis, lengths }))
}

struct Split {
    axis: usize,
    lengths: Vec<usize>,
}

impl Kernel for Split {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = super::elementwise::take(&mut inputs, 0)?;
        let (mut shape, steps) = (x.shape().to_vec(), strides(x.shape()));
        let mut start = 0;
        let piece = |&length: &usize| {
            shape[self.axis] = length;
            let offset = start * steps[self.axis] as usize;
            start += length;
            walk(&x, offset, &shape, &steps)
        };
        self.lengths.iter().map(piece).collect()
    }
}
