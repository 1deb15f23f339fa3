//! Relu: max(x, 0). <https://onnx.ai/onnx/operators/onnx__Relu.html>

use super::{Call, Fact, Kernel, Operator, Role};
use crate::graph::Tensor;
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator { name: "Relu", role: Role::Plain, infer, prepare };

fn infer(call: &Call) -> Result<Vec<Fact>> {
    let [Some(x)] = call.inputs else { bail!("Relu takes one input") };
    Ok(vec![Fact::new(x.data_type, x.shape.clone())])
}

fn prepare(_: &Call) -> Result<Box<dyn Kernel>> {
    Ok(Box::new(Relu))
}

struct Relu;

impl Kernel for Relu {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let Some(x) = inputs.pop().flatten() else { bail!("Relu takes one input") };
        let shape = x.shape().to_vec();
        let mut values = x.into_vec::<f32>().unwrap_or_default();
        for v in &mut values {
            *v = v.max(0.0);
        }
        Ok(vec![Tensor::new(&shape, values)?])
    }
}
