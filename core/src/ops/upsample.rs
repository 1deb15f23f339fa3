//! Upsample: Resize by scales, before operator set 10. <https://onnx.ai/onnx/operators/onnx__Upsample.html>

use super::cast::cast;
use super::interpolate::{self, Coordinates, Interpolate, Mode, Nearest};
use super::operands::{optional, required};
use super::{Call, Fact, Kernel, Operator, Treatment};
use crate::chip::Support;
use crate::graph::DataType;
use crate::{Result, bail};

pub static OPERATOR: Operator =
    Operator { name: "Upsample", treatment: Treatment::FLOAT, chip: Support::LACKS, infer, prepare };

fn infer(call: &Call) -> Result<Vec<Fact>> {
    Ok(vec![Fact::new(required(call, 0, "Upsample")?.data_type, plan(call)?.shape())])
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    Ok(Box::new(plan(call)?))
}

fn plan(call: &Call) -> Result<Interpolate> {
    let x = required(call, 0, "Upsample")?;
    let scales: Vec<f64> = match (call.attributes.floats("scales"), optional(call, 1).and_then(|f| f.constant.clone()))
    {
        (Some(scales), _) => scales.iter().map(|&s| f64::from(s)).collect(),
        (None, Some(constant)) => cast(constant, DataType::F64)?.slice::<f64>().unwrap_or_default().to_vec(),
        (None, None) => bail!("Upsample has no constant scales"),
    };
    if scales.len() != x.shape.len() {
        bail!("Upsample has {} scales for a tensor of shape {:?}", scales.len(), x.shape);
    }
    let (mut scale, mut size) = (Vec::new(), Vec::new());
    for (&from, &by) in x.shape.iter().zip(&scales) {
        let (s, to) = interpolate::scaled(from, by)?;
        scale.push(s);
        size.push(to);
    }
    let mode = Mode::named(call.attributes.text("mode").unwrap_or("nearest"), Nearest::Floor, call)?;
    let ends = vec![(0.0, 1.0); size.len()];
    Interpolate::new(&x.shape, &size, &scale, &ends, mode, Coordinates::Asymmetric, 0.0)
}
