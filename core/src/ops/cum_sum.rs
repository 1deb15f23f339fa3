//! CumSum: running sums along an axis. <https://onnx.ai/onnx/operators/onnx__CumSum.html>

use super::axes::{constant_ints, normalize};
use super::elementwise::{infer_same, take};
use super::operands::required;
use super::{Call, Kernel, Operator, Treatment};
use crate::chip::Support;
use crate::graph::{Element, Tensor};
use crate::{Result, bail};

pub static OPERATOR: Operator =
    Operator { name: "CumSum", treatment: Treatment::FLOAT, chip: Support::LACKS, infer: infer_same, prepare };

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    let x = required(call, 0, "CumSum")?;
    let axis = match constant_ints(call, "axis", 1)?.as_deref() {
        Some([axis]) => normalize(*axis, x.shape.len())?,
        other => bail!("CumSum takes one axis, not {other:?}"),
    };
    let set = |name| call.attributes.int_or(name, 0) != 0;
    Ok(Box::new(CumSum { axis, exclusive: set("exclusive"), reverse: set("reverse") }))
}

struct CumSum {
    axis: usize,
    /// Excludes the element itself from its sum.
    exclusive: bool,
    /// Sums from the end of the axis.
    reverse: bool,
}

impl Kernel for CumSum {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = take(&mut inputs, 0)?;
        Ok(vec![match &x {
            // float64 sums, as in torch.
            Tensor::F32(_) => self.sum(x, |sum: f64, v: f32| sum + f64::from(v), |sum| sum as f32)?,
            Tensor::F64(_) => self.sum(x, |sum: f64, v: f64| sum + v, |sum| sum)?,
            Tensor::I32(_) => self.sum(x, i32::wrapping_add, |sum| sum)?,
            Tensor::I64(_) => self.sum(x, i64::wrapping_add, |sum| sum)?,
            Tensor::U32(_) => self.sum(x, u32::wrapping_add, |sum| sum)?,
            Tensor::U64(_) => self.sum(x, u64::wrapping_add, |sum| sum)?,
            other => bail!("CumSum does not take {}", other.data_type().name()),
        }])
    }
}

impl CumSum {
    fn sum<T: Element, A: Copy + Default>(&self, x: Tensor, add: fn(A, T) -> A, out: fn(A) -> T) -> Result<Tensor> {
        let shape = x.shape().to_vec();
        let (length, inner) = (shape[self.axis], shape[self.axis + 1..].iter().product::<usize>());
        let mut values = x.into_vec::<T>().unwrap_or_default();
        for block in values.chunks_exact_mut((length * inner).max(1)) {
            for start in 0..inner {
                let mut sum = A::default();
                for step in 0..length {
                    let i = if self.reverse { length - 1 - step } else { step };
                    let v = &mut block[start + i * inner];
                    let with = add(sum, *v);
                    *v = out(if self.exclusive { sum } else { with });
                    sum = with;
                }
            }
        }
        Tensor::new(&shape, values)
    }
}
