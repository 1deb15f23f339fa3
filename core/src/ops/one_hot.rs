//! OneHot: a new axis that holds the on value where its index is the element, else the off value. <https://onnx.ai/onnx/operators/onnx__OneHot.html>

use super::axes::normalize;
use super::elementwise::take;
use super::layout::{each_type, slice};
use super::operands::{checked_len, required};
use super::{Call, Fact, Kernel, Operator, Treatment};
use crate::chip::Support;
use crate::graph::{DataType, Element, Tensor};
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "OneHot",
    treatment: Treatment { float_inputs: &[0, 1, 2], float_outputs: &[0], ..Treatment::FLOAT },
    chip: Support::LACKS,
    infer,
    prepare,
};

fn plan(call: &Call) -> Result<OneHot> {
    let indices = required(call, 0, "OneHot")?;
    let axis = normalize(call.attributes.int_or("axis", -1), indices.shape.len() + 1)?;
    let given = required(call, 1, "OneHot")?.constant.as_ref().map(|t| super::cast::cast(t.clone(), DataType::I64));
    let depth = match given.transpose()?.as_ref().and_then(|t| t.slice::<i64>()) {
        Some(&[depth]) => usize::try_from(depth).ok(),
        _ => bail!("OneHot takes one constant depth"),
    };
    let Some(depth) = depth else { bail!("OneHot has a negative depth") };
    let mut shape = indices.shape.clone();
    shape.insert(axis, depth);
    checked_len(&shape)?;
    Ok(OneHot { axis, shape })
}

fn infer(call: &Call) -> Result<Vec<Fact>> {
    Ok(vec![Fact::new(required(call, 2, "OneHot")?.data_type, plan(call)?.shape)])
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    Ok(Box::new(plan(call)?))
}

struct OneHot {
    axis: usize,
    shape: Vec<usize>,
}

impl Kernel for OneHot {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let (indices, values) = (take(&mut inputs, 0)?, take(&mut inputs, 2)?);
        // Floats are truncated toward zero.
        let indices = super::cast::cast(indices, DataType::I64)?;
        Ok(vec![each_type!(values, T => self.spread::<T>(slice(&indices), slice(&values))?)])
    }
}

impl OneHot {
    fn spread<T: Element>(&self, indices: &[i64], values: &[T]) -> Result<Tensor> {
        let &[off, on] = values else { bail!("OneHot takes two values, off and on, not {}", values.len()) };
        let depth = self.shape[self.axis];
        let inner: usize = self.shape[self.axis + 1..].iter().product();
        let mut out = vec![off; self.shape.iter().product()];
        for (n, &index) in indices.iter().enumerate() {
            // An index outside the axis sets no element.
            if let Ok(index) = normalize(index, depth) {
                out[(n / inner * depth + index) * inner + n % inner] = on;
            }
        }
        Tensor::new(&self.shape, out)
    }
}
