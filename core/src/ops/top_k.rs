//! TopK: the k largest or smallest elements along an axis, and their indices. <https://onnx.ai/onnx/operators/onnx__TopK.html>

use std::cmp::Ordering;

use super::axes::{constant_ints, normalize};
use super::elementwise::take;
use super::layout::{each_type, slice};
use super::operands::required;
use super::{Call, Fact, Kernel, Operator, Treatment};
use crate::chip::Support;
use crate::graph::{DataType, Element, Tensor};
use crate::{Result, bail};

pub static OPERATOR: Operator = Operator {
    name: "TopK",
    treatment: Treatment { float_inputs: &[1], float_outputs: &[1], ..Treatment::FLOAT },
    chip: Support::LACKS,
    infer,
    prepare,
};

fn plan(call: &Call) -> Result<TopK> {
    let x = required(call, 0, "TopK")?;
    let axis = normalize(call.attributes.int_or("axis", -1), x.shape.len())?;
    // `k` is an attribute before operator set 10.
    let k = match (call.attributes.int("k"), constant_ints(call, "k", 1)?.as_deref()) {
        (Some(k), _) => k,
        (None, Some(&[k])) => k,
        (None, other) => bail!("TopK takes one k, not {other:?}"),
    };
    let mut shape = x.shape.clone();
    shape[axis] = match usize::try_from(k) {
        Ok(k) if k <= shape[axis] => k,
        _ => bail!("TopK selects {k} of {} elements", shape[axis]),
    };
    Ok(TopK { axis, shape, largest: call.attributes.int_or("largest", 1) != 0 })
}

fn infer(call: &Call) -> Result<Vec<Fact>> {
    let shape = plan(call)?.shape;
    Ok(vec![Fact::new(required(call, 0, "TopK")?.data_type, shape.clone()), Fact::new(DataType::I64, shape)])
}

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    Ok(Box::new(plan(call)?))
}

/// Always sorted; the order is unspecified with `sorted = 0`.
struct TopK {
    axis: usize,
    shape: Vec<usize>,
    largest: bool,
}

impl Kernel for TopK {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = take(&mut inputs, 0)?;
        each_type!(x, T => self.choose::<T>(&x))
    }
}

impl TopK {
    fn choose<T: Element + PartialOrd>(&self, x: &Tensor) -> Result<Vec<Tensor>> {
        let (length, k) = (x.shape()[self.axis], self.shape[self.axis]);
        let inner: usize = x.shape()[self.axis + 1..].iter().product();
        let count = self.shape.iter().product();
        let (mut values, mut indices) = (vec![T::default(); count], vec![0i64; count]);
        let blocks = slice::<T>(x).chunks_exact((length * inner).max(1));
        let outs = values.chunks_exact_mut((k * inner).max(1)).zip(indices.chunks_exact_mut((k * inner).max(1)));
        for (block, (values, indices)) in blocks.zip(outs) {
            for start in 0..inner {
                let at = |i: usize| block[start + i * inner];
                let mut order: Vec<usize> = (0..length).collect();
                // Stable sort: of equal elements, the one with the lower index comes first.
                let compare =
                    |a: usize, b: usize| if self.largest { ascending(at(b), at(a)) } else { ascending(at(a), at(b)) };
                sort(&mut order, &compare);
                for (place, &i) in order[..k].iter().enumerate() {
                    values[start + place * inner] = at(i);
                    indices[start + place * inner] = i as i64;
                }
            }
        }
        Ok(vec![Tensor::new(&self.shape, values)?, Tensor::new(&self.shape, indices)?])
    }
}

/// Sorts stably; compiled once for all types of elements.
fn sort(order: &mut [usize], compare: &dyn Fn(usize, usize) -> Ordering) {
    order.sort_by(|&a, &b| compare(a, b));
}

/// Order with NaN above all numbers, as in torch.
#[allow(clippy::eq_op)] // Only NaN differs from itself.
fn ascending<T: PartialOrd>(a: T, b: T) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| (a != a).cmp(&(b != b)))
}
