//! BatchNormalization: (x - mean) / sqrt(variance + epsilon) * scale + bias by channel, at inference. <https://onnx.ai/onnx/operators/onnx__BatchNormalization.html>

use super::elementwise::{infer_same, take};
use super::operands::required;
use super::{Call, Kernel, Operator, Treatment};
use crate::chip::Support;
use crate::graph::{Element, Tensor};
use crate::kernels::real::Real;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "BatchNormalization",
    treatment: Treatment::FLOAT,
    chip: Support::Lacks {
        instead: Some("replace it by Mul and Add with constants of shape [C, 1, 1], which ESP-DL supports"),
    },
    infer: infer_same,
    prepare,
};

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    if call.attributes.int_or("training_mode", 0) != 0 || call.outputs > 1 {
        bail!("BatchNormalization is in training mode; export the model in evaluation mode");
    }
    let x = required(call, 0, "BatchNormalization")?;
    let channels = x.shape.get(1).copied().unwrap_or(1);
    let inner = x.shape.iter().skip(2).product();
    Ok(Box::new(BatchNormalization { channels, inner, epsilon: call.attributes.float_or("epsilon", 1e-5) }))
}

struct BatchNormalization {
    channels: usize,
    inner: usize,
    epsilon: f32,
}

impl Kernel for BatchNormalization {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = take(&mut inputs, 0)?;
        Ok(vec![match &x {
            Tensor::F64(_) => self.compute::<f64>(x, &inputs)?,
            _ => self.compute::<f32>(x, &inputs)?,
        }])
    }
}

impl BatchNormalization {
    fn compute<T: Real + Element>(&self, x: Tensor, inputs: &[Option<Tensor>]) -> Result<Tensor> {
        let shape = x.shape().to_vec();
        let Some(mut values) = x.into_vec::<T>() else { bail!("BatchNormalization takes one floating type") };
        let parameter = |port| super::operands::exactly::<T>(inputs, port, self.channels);
        let (scale, bias, mean, variance) = (parameter(1)?, parameter(2)?, parameter(3)?, parameter(4)?);
        for (i, block) in values.chunks_mut(self.inner.max(1)).enumerate() {
            let c = i % self.channels.max(1);
            let factor = scale[c].to_f64() / (variance[c].to_f64() + f64::from(self.epsilon)).sqrt();
            for v in block {
                *v = T::from_f64((v.to_f64() - mean[c].to_f64()) * factor + bias[c].to_f64());
            }
        }
        Tensor::new(&shape, values)
    }
}
