//! What esp-ppq does to a graph when it loads it: `format_graph` of `api/interface.py`, with the
//! fusions of `IR/morph.py`, in its order.

mod batch_norm;
mod bias_add;
mod forms;
mod layers;
mod lone_batch_norm;
mod lp_norm;
mod parameters;
mod rms_norm;
mod swish;

use super::super::Graph;
use crate::Result;
use layers::Layers;

pub fn format(graph: Graph) -> Result<Graph> {
    let mut layers = Layers::new(graph);
    parameters::split(&mut layers);
    bias_add::fuse(&mut layers);
    batch_norm::fuse(&mut layers);
    lone_batch_norm::replace(&mut layers)?;
    swish::fuse(&mut layers);
    rms_norm::fuse(&mut layers);
    lp_norm::fuse(&mut layers);
    forms::dropout(&mut layers);
    forms::slice(&mut layers);
    forms::clip(&mut layers);
    forms::pad(&mut layers);
    forms::resize(&mut layers);
    layers.finish()
}
