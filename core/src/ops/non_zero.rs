//! NonZero: the coordinates of all elements that are not 0, one axis per row. Its shape depends on its input's values,
//! so these must be constant. <https://onnx.ai/onnx/operators/onnx__NonZero.html>

use super::constant_result;
use super::layout::{each_type, slice, strides};
use super::operands::required;
use super::{Call, Operator, Treatment};
use crate::chip::Support;
use crate::graph::{Element, Tensor};
use crate::{Error, Result};

pub static OPERATOR: Operator = Operator {
    name: "NonZero",
    treatment: Treatment { float_outputs: &[0], ..Treatment::FLOAT },
    chip: Support::LACKS,
    infer: |call| constant_result::infer(non_zero(call)?),
    prepare: |call| constant_result::prepare(non_zero(call)?),
};

fn non_zero(call: &Call) -> Result<Tensor> {
    let Some(x) = &required(call, 0, "NonZero")?.constant else {
        return Err(Error::new("NonZero has an output whose shape changes with its input's values")
            .with_help("export the model with fixed shapes; ESP-DL does not support NonZero either"));
    };
    each_type!(x, T => coordinates(x.shape(), slice::<T>(x)))
}

fn coordinates<T: Element>(shape: &[usize], values: &[T]) -> Result<Tensor> {
    let found: Vec<usize> = (0..values.len()).filter(|&i| values[i] != T::default()).collect();
    let axes = shape.iter().zip(strides(shape));
    let rows = axes.flat_map(|(&size, step)| found.iter().map(move |i| (i / step as usize % size) as i64));
    Tensor::new(&[shape.len(), found.len()], rows.collect())
}
