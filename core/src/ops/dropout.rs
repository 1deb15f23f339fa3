//! Dropout: its input, at inference, and a mask of `true`. <https://onnx.ai/onnx/operators/onnx__Dropout.html>

use super::elementwise::take;
use super::operands::required;
use super::{Call, Fact, Kernel, Operator, Treatment};
use crate::Result;
use crate::chip::Support;
use crate::graph::{DataType, Tensor};

pub static OPERATOR: Operator =
    Operator { name: "Dropout", treatment: Treatment::FLOAT, chip: Support::LACKS, infer, prepare };

fn infer(call: &Call) -> Result<Vec<Fact>> {
    let x = required(call, 0, "Dropout")?;
    let facts = [Fact::new(x.data_type, x.shape.clone()), Fact::new(DataType::Bool, x.shape.clone())];
    Ok(facts.into_iter().take(call.outputs).collect())
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    Ok(Box::new(Dropout { outputs: call.outputs }))
}

struct Dropout {
    outputs: usize,
}

impl Kernel for Dropout {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = take(&mut inputs, 0)?;
        let mut outputs = Vec::with_capacity(2);
        if self.outputs > 1 {
            outputs.push(Tensor::new(x.shape(), vec![true; x.len()])?);
        }
        outputs.insert(0, x);
        Ok(outputs)
    }
}
