//! Test inputs in the form of the chip: integers of the inputs' ports, in their stored order of axes.

use std::collections::HashMap;

use crate::chip::Rounding;
use crate::espdl::Tensor;
use crate::graph::{self, ValueId};
use crate::{Error, Result};

use super::draft::{Draft, Port};
use super::{constants, layout};

/// Converts one tensor per input of the graph, in its order.
pub fn inputs(
    draft: &Draft,
    ports: &HashMap<ValueId, &Port>,
    sample: &[graph::Tensor],
    rounding: Rounding,
) -> Result<Vec<Tensor>> {
    if sample.len() != draft.inputs.len() {
        let (given, wanted) = (sample.len(), draft.inputs.len());
        return Err(Error::new(format!("a sample has {given} tensors, but the model has {wanted} inputs")));
    }
    let one = |(&id, tensor): (&ValueId, &graph::Tensor)| {
        let value = draft.value(id);
        let stored = match ports.get(&id) {
            Some(port) => constants::integers(&value.name, tensor, port, None, rounding, true)?,
            None => constants::plain(&value.name, tensor),
        };
        Ok(match &value.perm {
            _ if stored.dims.is_empty() => Tensor { dims: vec![1], ..stored },
            Some(perm) => layout::transposed(&stored, perm),
            None => stored,
        })
    };
    draft.inputs.iter().zip(sample).map(one).collect()
}
