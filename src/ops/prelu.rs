//! PRelu: x, or slope x where negative, the slope broadcast. <https://onnx.ai/onnx/operators/onnx__PRelu.html>

use super::broadcast::zip;
use super::elementwise::{infer_same, take};
use super::{Kernel, Operator, Role};
use crate::Result;
use crate::graph::Tensor;

// esp-ppq quantizes it by the name `PRelu`.
pub static OPERATOR: Operator =
    Operator { name: "PRelu", role: Role::Plain, infer: infer_same, prepare: |_| Ok(Box::new(PRelu)) };

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
