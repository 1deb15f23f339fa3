//! Cast: to another element type, like numpy: toward zero, and nonzero is true.
//! <https://onnx.ai/onnx/operators/onnx__Cast.html>

use super::elementwise::take;
use super::operands::required;
use super::{Call, Fact, Kernel, Operator, Treatment};
use crate::chip::Support;
use crate::graph::{DataType, Tensor};
use crate::{Result, bail};

pub static OPERATOR: Operator =
    Operator { name: "Cast", treatment: Treatment::FLOAT, chip: Support::LACKS, infer, prepare };

fn infer(call: &Call) -> Result<Vec<Fact>> {
    Ok(vec![Fact::new(to(call)?, required(call, 0, "Cast")?.shape.clone())])
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    Ok(Box::new(Cast { to: to(call)? }))
}

fn to(call: &Call) -> Result<DataType> {
    match call.attributes.int("to") {
        Some(number) => data_type(number),
        None => bail!("Cast has no attribute `to`"),
    }
}

/// Returns the type of a number in `TensorProto.DataType`; fails if espq has no such type.
pub fn data_type(number: i64) -> Result<DataType> {
    match DataType::from_onnx(number) {
        Some(data_type) => Ok(data_type),
        None => bail!("data type {number} of ONNX is not supported"),
    }
}

struct Cast {
    to: DataType,
}

impl Kernel for Cast {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        Ok(vec![cast(take(&mut inputs, 0)?, self.to)?])
    }
}

/// Converts every element to `to`.
pub fn cast(tensor: Tensor, to: DataType) -> Result<Tensor> {
    if tensor.data_type() == to {
        return Ok(tensor);
    }
    let shape = tensor.shape().to_vec();
    macro_rules! numbers {
        ($array:expr, $($to:ident $type:ty),*) => {
            match to {
                $(DataType::$to => Tensor::new(&shape, $array.iter().map(|&v| v as $type).collect::<Vec<_>>()),)*
                DataType::Bool => Tensor::new(&shape, $array.iter().map(|&v| v as f64 != 0.0).collect::<Vec<_>>()),
            }
        };
    }
    macro_rules! from {
        ($($variant:ident),*) => {
            match &tensor {
                $(Tensor::$variant(a) => numbers!(
                    a, F32 f32, F64 f64, I8 i8, I16 i16, I32 i32, I64 i64, U8 u8, U16 u16, U32 u32, U64 u64
                ),)*
                Tensor::Bool(a) => cast(Tensor::new(&shape, a.iter().map(|&v| u8::from(v)).collect())?, to),
            }
        };
    }
    from!(F32, F64, I8, I16, I32, I64, U8, U16, U32, U64)
}
