//! Trilu: the upper or lower triangle of matrices, zeros elsewhere. <https://onnx.ai/onnx/operators/onnx__Trilu.html>

use super::elementwise::{infer_same, take};
use super::layout::each_type;
use super::operands::required;
use super::{Call, Kernel, Operator, Treatment};
use crate::chip::Support;
use crate::graph::{Element, Tensor};
use crate::{Result, bail};

pub static OPERATOR: Operator =
    Operator { name: "Trilu", treatment: Treatment::FLOAT, chip: Support::LACKS, infer: infer_same, prepare };

fn prepare(call: &Call) -> Result<Box<dyn Kernel>> {
    let x = required(call, 0, "Trilu")?;
    let [.., rows, columns] = x.shape[..] else { bail!("Trilu takes matrices, not shape {:?}", x.shape) };
    Ok(Box::new(Trilu { upper: call.attributes.int_or("upper", 1) != 0, rows, columns }))
}

struct Trilu {
    upper: bool,
    rows: usize,
    columns: usize,
}

impl Kernel for Trilu {
    fn run(&self, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Tensor>> {
        let x = take(&mut inputs, 0)?;
        let diagonal = match inputs.get(1).and_then(Option::as_ref).map(Tensor::to_i64s) {
            None => 0,
            Some(Some(k)) if k.len() == 1 => k[0],
            Some(other) => bail!("Trilu takes one integer k, not {other:?}"),
        };
        Ok(vec![each_type!(x, T => self.cut::<T>(x, diagonal)?)])
    }
}

impl Trilu {
    fn cut<T: Element>(&self, x: Tensor, diagonal: i64) -> Result<Tensor> {
        let shape = x.shape().to_vec();
        let mut values = x.into_vec::<T>().unwrap_or_default();
        for (i, row) in values.chunks_mut(self.columns.max(1)).enumerate() {
            // Column of the diagonal in this row.
            let meets = ((i % self.rows) as i64).saturating_add(diagonal);
            for (j, v) in row.iter_mut().enumerate() {
                let off = if self.upper { (j as i64) < meets } else { (j as i64) > meets };
                if off {
                    *v = T::default();
                }
            }
        }
        Tensor::new(&shape, values)
    }
}
