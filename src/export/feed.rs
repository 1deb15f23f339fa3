//! Samples in the form of the chip: integers of the inputs' ports, in their stored order of axes.

use crate::Result;
use crate::chip::Rounding;
use crate::espdl::Tensor;
use crate::graph;
use crate::quant::Port;

use super::draft::Draft;
use super::{assemble, constants, layout};

/// One input.
#[derive(Debug, Clone)]
pub(super) struct Feed {
    name: String,
    /// Set if a node reads it.
    pub(super) is_read: bool,
    port: Option<Port>,
    perm: Option<Vec<usize>>,
    rounding: Rounding,
}

/// Returns one feed per input of the graph.
pub(super) fn feeds(draft: &Draft, rounding: Rounding) -> Vec<Feed> {
    let order = draft.order();
    let ports = assemble::value_ports(draft, &order);
    let feed = |&id| {
        let value = draft.value(id);
        let port = ports.get(&id).copied().cloned();
        Feed { name: value.name.clone(), is_read: draft.is_read(id), port, perm: value.perm.clone(), rounding }
    };
    draft.inputs.iter().map(feed).collect()
}

impl Feed {
    pub(super) fn tensor(&self, tensor: &graph::Tensor) -> Result<Tensor> {
        let stored = match &self.port {
            Some(port) => constants::integers(&self.name, tensor, port, None, self.rounding, true)?,
            None => constants::plain(&self.name, tensor),
        };
        Ok(match &self.perm {
            _ if stored.dims.is_empty() => Tensor { dims: vec![1], ..stored },
            Some(perm) => layout::transposed(&stored, perm),
            None => stored,
        })
    }
}
