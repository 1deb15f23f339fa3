//! Where: x where the condition holds, else y. <https://onnx.ai/onnx/operators/onnx__Where.html>

use super::broadcast::{broadcast_shape, zip3};
use super::elementwise::take;
use super::operands::required;
use super::{Call, Fact, Kernel, Operator, Treatment};
use crate::Result;
use crate::chip::Support;
use crate::graph::{Element, Tensor};
use crate::kernels::choose::{choose, choose_or};
use crate::kernels::real::Real;

pub static OPERATOR: Operator = Operator {
    name: "Where",
    treatment: Treatment { float_inputs: &[1, 2], ..Treatment::FLOAT },
    chip: Support::Lacks {
        instead: Some(
            "write a mask as Add of a constant of 0 and -32, another choice as Mul and Add of constants, or end the model before it",
        ),
    },
    infer,
    prepare: |_| Ok(Box::new(Where)),
};

fn infer(call: &Call) -> Result<Vec<Fact>> {
    let [c, x, y] = [required(call, 0, "Where")?, required(call, 1, "Where")?, required(call, 2, "Where")?];
    Ok(vec![Fact::new(x.data_type, broadcast_shape(&[&c.shape, &x.shape, &y.shape])?)])
}

struct Where;

impl Kernel for Where {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let (c, x, y) = (take(&mut inputs, 0)?, take(&mut inputs, 1)?, take(&mut inputs, 2)?);
        if let Some(chosen) = chosen::<f32>(&c, &x, &y).or_else(|| chosen::<f64>(&c, &x, &y)) {
            return Ok(vec![chosen]);
        }
        macro_rules! choose {
            ($($variant:ident $type:ty),*) => {
                match &x { $(Tensor::$variant(_) => zip3(&c, &x, &y, |c: bool, x: $type, y: $type| if c { x } else { y })?),* }
            };
        }
        Ok(vec![
            choose!(F32 f32, F64 f64, I8 i8, I16 i16, I32 i32, I64 i64, U8 u8, U16 u16, U32 u32, U64 u64, Bool bool),
        ])
    }
}

/// Chooses between elements of float type `T` without broadcasting, but for a single `y`; `None` in any other case.
fn chosen<T: Element + Real>(c: &Tensor, x: &Tensor, y: &Tensor) -> Option<Tensor> {
    let (conditions, from, other) = (c.slice::<bool>()?, x.slice::<T>()?, y.slice::<T>()?);
    if c.shape() != x.shape() {
        return None;
    }
    let elements = match other {
        other if y.shape() == x.shape() => choose(conditions, from, other),
        [other] if y.rank() <= x.rank() => choose_or(conditions, from, *other),
        _ => return None,
    };
    Tensor::new(x.shape(), elements).ok()
}
