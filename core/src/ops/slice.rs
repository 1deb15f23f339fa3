//! Slice: elements from starts to ends by steps along axes; attributes before operator set 10.
//! <https://onnx.ai/onnx/operators/onnx__Slice.html>

use super::axes::{constant_ints, normalize};
use super::layout::{strides, walk};
use super::operands::required;
use super::{Call, Fact, Kernel, Operator, Treatment};
use crate::chip::{Axes, Chip, Scales, Support};
use crate::graph::Tensor;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "Slice",
    treatment: Treatment { float_inputs: &[1, 2, 3, 4], ..Treatment::PASSIVE },
    chip: Support::Runs(&Chip { axes: Axes::Sliced, scales: Scales::OfInput, ..Chip::PLAIN }),
    infer,
    prepare,
};

struct Slice {
    /// First indices, by axis, as are steps and counts.
    starts: Vec<usize>,
    steps: Vec<isize>,
    shape: Vec<usize>,
}

fn plan(call: &Call) -> Result<Slice> {
    let x = required(call, 0, "Slice")?;
    let rank = x.shape.len();
    let (Some(starts), Some(ends)) = (constant_ints(call, "starts", 1)?, constant_ints(call, "ends", 2)?) else {
        bail!("Slice has no starts or ends");
    };
    let axes = constant_ints(call, "axes", 3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = constant_ints(call, "steps", 4)?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
        bail!("Slice has starts {starts:?}, ends {ends:?}, axes {axes:?} and steps {steps:?}");
    }
    let mut slice = Slice { starts: vec![0; rank], steps: vec![1; rank], shape: x.shape.clone() };
    for i in 0..starts.len() {
        let axis = normalize(axes[i], rank)?;
        let (start, step, count) = clamp(starts[i], ends[i], steps[i], x.shape[axis] as i64)?;
        (slice.starts[axis], slice.steps[axis], slice.shape[axis]) = (start, step, count);
    }
    Ok(slice)
}

/// Returns first index, step and count, like numpy's slices.
fn clamp(start: i64, end: i64, step: i64, size: i64) -> Result<(usize, isize, usize)> {
    let from_end = |i: i64| if i < 0 { i.saturating_add(size) } else { i };
    let (start, end) = (from_end(start), from_end(end));
    let (first, span) = match step {
        0 => bail!("Slice has a step of 0"),
        1.. => {
            let first = start.clamp(0, size);
            (first, end.clamp(0, size) - first)
        }
        _ => {
            let first = start.clamp(-1, size - 1);
            (first, first - end.clamp(-1, size - 1))
        }
    };
    let step_size = step.unsigned_abs().min(1 << 40) as i64;
    let count = if span <= 0 { 0 } else { (span + step_size - 1) / step_size };
    Ok((first.max(0) as usize, (step_size * step.signum()) as isize, count as usize))
}

fn infer(call: &Call) -> Result<Vec<Fact>> {
    Ok(vec![Fact::new(required(call, 0, "Slice")?.data_type, plan(call)?.shape)])
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    Ok(Box::new(plan(call)?))
}

impl Kernel for Slice {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = super::elementwise::take(&mut inputs, 0)?;
        let natural = strides(x.shape());
        let offset: usize = self.starts.iter().zip(&natural).map(|(s, n)| s * *n as usize).sum();
        let steps: Vec<isize> = self.steps.iter().zip(&natural).map(|(s, n)| s.saturating_mul(*n)).collect();
        Ok(vec![walk(&x, offset, &self.shape, &steps)?])
    }
}
