//! Pow: x to the power y, of the type of x. <https://onnx.ai/onnx/operators/onnx__Pow.html>

use super::broadcast::zip;
use super::cast::cast;
use super::elementwise::{infer_broadcast, take};
use super::limits;
use super::{Kernel, Operator, Treatment};
use crate::chip::{Axes, Chip, Support};
use crate::graph::{DataType, Tensor};
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "Pow",
    treatment: Treatment::FLOAT,
    chip: Support::Runs(&Chip { axes: Axes::OneForAll, limits: &[&limits::broadcast::RANK], ..Chip::PLAIN }),
    infer: infer_broadcast,
    prepare: |_| Ok(Box::new(Pow)),
};

struct Pow;

impl Kernel for Pow {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let (x, y) = (take(&mut inputs, 0)?, take(&mut inputs, 1)?);
        let data_type = x.data_type();
        Ok(vec![match data_type {
            DataType::F32 => zip(x, cast(y, data_type)?, |a: f32, b: f32| if b == 2.0 { a * a } else { a.powf(b) })?,
            DataType::Bool => bail!("Pow does not take bool"),
            // Integers are computed in float64 and truncated toward zero, like numpy's casts.
            _ => {
                let power = zip(cast(x, DataType::F64)?, cast(y, DataType::F64)?, |a: f64, b: f64| a.powf(b))?;
                cast(power, data_type)?
            }
        }])
    }
}
