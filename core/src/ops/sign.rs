//! Sign: -1, 0 or 1. <https://onnx.ai/onnx/operators/onnx__Sign.html>

use super::elementwise::{infer_same, map, take};
use super::{Kernel, Operator, Treatment};
use crate::chip::Support;
use crate::graph::Tensor;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "Sign",
    treatment: Treatment::FLOAT,
    chip: Support::LACKS,
    infer: infer_same,
    prepare: |_| Ok(Box::new(Sign)),
};

struct Sign;

impl Kernel for Sign {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = take(&mut inputs, 0)?;
        Ok(vec![match &x {
            Tensor::F32(_) => map(x, |v: f32| if v.is_nan() || v == 0.0 { v } else { v.signum() })?,
            Tensor::F64(_) => map(x, |v: f64| if v.is_nan() || v == 0.0 { v } else { v.signum() })?,
            Tensor::I8(_) => map(x, |v: i8| v.signum())?,
            Tensor::I16(_) => map(x, |v: i16| v.signum())?,
            Tensor::I32(_) => map(x, |v: i32| v.signum())?,
            Tensor::I64(_) => map(x, |v: i64| v.signum())?,
            other => bail!("Sign takes signed numbers, not {}", other.data_type().name()),
        }])
    }
}
