//! Tile: a tensor repeated along its axes. <https://onnx.ai/onnx/operators/onnx__Tile.html>

use super::axes::constant_ints;
use super::layout::{each_type, remap};
use super::operands::{checked_len, required};
use super::{Call, Fact, Kernel, Operator, Treatment};
use crate::chip::Support;
use crate::graph::Tensor;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "Tile",
    treatment: Treatment { float_inputs: &[1, 2], ..Treatment::FLOAT },
    chip: Support::Lacks { instead: Some("replace it by a Concat of the value with itself, which ESP-DL supports") },
    infer,
    prepare,
};

fn shape(call: &Call) -> Result<Vec<usize>> {
    let x = required(call, 0, "Tile")?;
    let repeats = constant_ints(call, "repeats", 1)?.unwrap_or_default();
    let times: Option<Vec<usize>> = repeats.iter().map(|&r| usize::try_from(r).ok()).collect();
    let Some(times) = times.filter(|t| t.len() == x.shape.len()) else {
        bail!("Tile has repeats {repeats:?} for a tensor of shape {:?}", x.shape);
    };
    let shape: Vec<usize> = x.shape.iter().zip(times).map(|(s, t)| s.saturating_mul(t)).collect();
    checked_len(&shape)?;
    Ok(shape)
}

fn infer(call: &Call) -> Result<Vec<Fact>> {
    Ok(vec![Fact::new(required(call, 0, "Tile")?.data_type, shape(call)?)])
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    Ok(Box::new(Tile { shape: shape(call)? }))
}

struct Tile {
    shape: Vec<usize>,
}

impl Kernel for Tile {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = super::elementwise::take(&mut inputs, 0)?;
        let sides = self.shape.iter().zip(x.shape());
        let maps: Vec<_> = sides.map(|(&to, &from)| (0..to).map(|i| Some(i % from)).collect()).collect();
        Ok(vec![each_type!(x, T => remap(&x, &maps, T::default())?)])
    }
}
