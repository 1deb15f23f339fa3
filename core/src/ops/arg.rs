//! Parts shared by ArgMax and ArgMin: the index of the best element along one axis.

use crate::graph::{DataType, Element, Tensor};
use crate::{Result, bail};

use super::axes::normalize;
use super::layout::{each_type, slice};
use super::operands::required;
use super::{Call, Fact, Kernel};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Best {
    Largest,
    Smallest,
}

struct Arg {
    best: Best,
    /// Selects the last of equal elements instead of the first.
    last: bool,
    axis: usize,
    shape: Vec<usize>,
}

fn plan(call: &Call, best: Best) -> Result<Arg> {
    let x = required(call, 0, "ArgMax or ArgMin")?;
    let axis = normalize(call.attributes.int_or("axis", 0), x.shape.len())?;
    let mut shape = x.shape.clone();
    match call.attributes.int_or("keepdims", 1) {
        0 => drop(shape.remove(axis)),
        _ => shape[axis] = 1,
    }
    if x.shape[axis] == 0 && !shape.contains(&0) {
        bail!("axis {axis} of shape {:?} has no element to choose from", x.shape);
    }
    Ok(Arg { best, last: call.attributes.int_or("select_last_index", 0) != 0, axis, shape })
}

pub fn infer(call: &Call) -> Result<Vec<Fact>> {
    // The shape does not depend on which is best.
    Ok(vec![Fact::new(DataType::I64, plan(call, Best::Largest)?.shape)])
}

pub fn prepare(call: &Call, best: Best) -> Result<Box<dyn Kernel>> {
    Ok(Box::new(plan(call, best)?))
}

impl Kernel for Arg {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = super::elementwise::take(&mut inputs, 0)?;
        Ok(vec![each_type!(x, T => self.choose::<T>(&x)?)])
    }
}

impl Arg {
    fn choose<T: Element + PartialOrd>(&self, x: &Tensor) -> Result<Tensor> {
        let length = x.shape()[self.axis];
        let inner: usize = x.shape()[self.axis + 1..].iter().product();
        let mut out = Vec::with_capacity(x.len() / length.max(1));
        for block in slice::<T>(x).chunks_exact((length * inner).max(1)) {
            for start in 0..inner {
                let mut best = 0;
                for i in 1..length {
                    if self.replaces(block[start + best * inner], block[start + i * inner]) {
                        best = i;
                    }
                }
                out.push(best as i64);
            }
        }
        Tensor::new(&self.shape, out)
    }

    /// Returns `true` if the later of two elements is selected. NaN is best of all, as in torch and numpy.
    #[allow(clippy::eq_op)] // Only NaN differs from itself.
    fn replaces<T: PartialOrd>(&self, best: T, later: T) -> bool {
        if best != best || later != later {
            return best == best || (self.last && later != later);
        }
        let better = if self.best == Best::Largest { later > best } else { later < best };
        better || (self.last && later == best)
    }
}
