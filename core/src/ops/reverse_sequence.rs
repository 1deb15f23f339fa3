//! ReverseSequence: the first elements of each sequence of a batch in reverse. <https://onnx.ai/onnx/operators/onnx__ReverseSequence.html>

use super::elementwise::{infer_same, take};
use super::layout::{each_type, slice};
use super::operands::required;
use super::{Call, Kernel, Operator, Treatment};
use crate::chip::{Buffer, Chip, Kernels, Scales, Support};
use crate::graph::{Element, Tensor};
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "ReverseSequence",
    treatment: Treatment { float_inputs: &[1], ..Treatment::PASSIVE },
    chip: Support::Runs(&Chip {
        kernels: Kernels::INTEGER,
        scales: Scales::OfInput,
        buffer: Buffer::Overwritten,
        ..Chip::PLAIN
    }),
    infer: infer_same,
    prepare,
};

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    let x = required(call, 0, "ReverseSequence")?;
    let axes = (call.attributes.int_or("batch_axis", 1), call.attributes.int_or("time_axis", 0));
    match (axes, x.shape.as_slice()) {
        ((0, 1), [_, _, ..]) => Ok(Box::new(ReverseSequence { batch_first: true })),
        ((1, 0), [_, _, ..]) => Ok(Box::new(ReverseSequence { batch_first: false })),
        ((batch, time), shape) => bail!(
            "ReverseSequence has batch_axis {batch} and time_axis {time} on shape {shape:?}; they are 0 and 1, or 1 and 0"
        ),
    }
}

struct ReverseSequence {
    batch_first: bool,
}

impl Kernel for ReverseSequence {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let (x, lengths) = (take(&mut inputs, 0)?, take(&mut inputs, 1)?);
        let Some(lengths) = lengths.to_i64s() else { bail!("ReverseSequence takes integer lengths") };
        Ok(vec![each_type!(x, T => self.reverse::<T>(&x, &lengths)?)])
    }
}

impl ReverseSequence {
    fn reverse<T: Element>(&self, x: &Tensor, lengths: &[i64]) -> Result<Tensor> {
        let [first, second, inner @ ..] = x.shape() else { bail!("ReverseSequence takes two axes or more") };
        let (batch, time) = if self.batch_first { (*first, *second) } else { (*second, *first) };
        let inner: usize = inner.iter().product();
        if lengths.len() != batch {
            bail!("ReverseSequence has {} lengths for {batch} sequences", lengths.len());
        }
        let from = slice::<T>(x);
        let mut out = from.to_vec();
        for (b, &length) in lengths.iter().enumerate() {
            let Some(length) = usize::try_from(length).ok().filter(|&l| l <= time) else {
                bail!("ReverseSequence has length {length} in sequences of {time}")
            };
            let at = |t: usize| inner * if self.batch_first { b * time + t } else { t * batch + b };
            for t in 0..length {
                let source = at(length - 1 - t);
                out[at(t)..at(t) + inner].copy_from_slice(&from[source..source + inner]);
            }
        }
        Tensor::new(x.shape(), out)
    }
}
