//! Windows of a map as columns: `unfold`.

use super::shape;
use crate::graph::{Attribute, DataType, Tensor, ValueId};
use crate::model::pt2::lowering::{Call, Lowering};
use crate::{Result, bail};

/// Windows along one axis.
struct Windows {
    kernel: i64,
    dilation: i64,
    padding: i64,
    stride: i64,
}

pub fn im2col<'a>(l: &mut Lowering<'a>, call: Call<'a>) -> Result<()> {
    let (x, of_input) = (l.input(call, "self")?, l.shape(call, "self")?);
    if of_input.len() != 4 {
        bail!("its input has shape {of_input:?}, not 4 dimensions")
    }
    let [rows, columns] = windows(l, call)?;
    let [height, width] = [2, 3].map(|axis| length(l, x, axis));
    let places = [rows.places(l, height)?, columns.places(l, width)?];
    let whole = output_shape(l, x, rows.kernel.saturating_mul(columns.kernel));
    let pads = [0, 0, rows.padding, columns.padding];
    let pads = l.int_constant([pads, pads].concat());
    let padded = l.node("Pad", &[x, pads], []);
    let y = l.node("Gather", &[padded, places[0]], [("axis", Attribute::Int(2))]);
    let y = l.node("Gather", &[y, places[1]], [("axis", Attribute::Int(4))]);
    let y = l.node("Transpose", &[y], [("perm", Attribute::Ints(vec![0, 1, 2, 4, 3, 5]))]);
    let y = shape::reshape(l, y, whole);
    l.set(call, y)
}

fn windows<'a>(l: &Lowering<'a>, call: Call<'a>) -> Result<[Windows; 2]> {
    let both = |name: &str, default: i64| l.spread(call, name, 2, default);
    let (kernel, dilation) = (both("kernel_size", 1)?, both("dilation", 1)?);
    let (padding, stride) = (both("padding", 0)?, both("stride", 1)?);
    let along = |axis: usize| Windows {
        kernel: kernel[axis],
        dilation: dilation[axis],
        padding: padding[axis],
        stride: stride[axis],
    };
    Ok([along(0), along(1)])
}

fn length(l: &mut Lowering, x: ValueId, axis: i64) -> ValueId {
    let lengths = shape::of(l, x);
    let axis = l.number(axis as f64, DataType::I64);
    l.node("Gather", &[lengths, axis], [("axis", Attribute::Int(0))])
}

/// Adds the nodes of the output's shape: `[batch, channels * places of the kernel, windows]`.
fn output_shape(l: &mut Lowering, x: ValueId, kernel: i64) -> ValueId {
    let [batch, channels] = [0, 1].map(|axis| length(l, x, axis));
    let kernel = l.number(kernel as f64, DataType::I64);
    let channels = l.node("Mul", &[channels, kernel], []);
    let [batch, channels] = [batch, channels].map(|length| {
        let axes = l.int_constant(vec![0]);
        l.node("Unsqueeze", &[length, axes], [])
    });
    let rest = l.int_constant(vec![-1]);
    shape::joined(l, &[batch, channels, rest])
}

impl Windows {
    /// Adds the nodes of the places that the windows take along an axis: `[kernel, windows]`.
    fn places(&self, l: &mut Lowering, length: ValueId) -> Result<ValueId> {
        let kernel = usize::try_from(self.kernel).unwrap_or_default();
        l.program.claim(kernel)?;
        let offsets = (0..self.kernel).map(|at| at.saturating_mul(self.dilation)).collect();
        let reach = self.dilation.saturating_mul(self.kernel.saturating_sub(1));
        let [padding, reach, zero, stride] =
            [self.padding.saturating_mul(2), reach, 0, self.stride].map(|int| l.constant(Tensor::scalar(int)));
        let padded = l.node("Add", &[length, padding], []);
        let end = l.node("Sub", &[padded, reach], []);
        let starts = l.node("Range", &[zero, end, stride], []);
        let axes = l.int_constant(vec![0]);
        let starts = l.node("Unsqueeze", &[starts, axes], []);
        let offsets = l.constant(Tensor::new(&[kernel, 1], offsets)?);
        Ok(l.node("Add", &[starts, offsets], []))
    }
}
