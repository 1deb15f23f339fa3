//! esp-ppq's rewrites of a graph that it loads: `format_graph` of `api/interface.py`, with the fusions of
//! `IR/morph.py`, in its order. The first pass of its quantizer, ConvTranspose, is also here, since it needs no scales.

mod batch_norm;
mod bias_add;
mod conv_transpose;
mod forms;
mod layers;
mod lone_batch_norm;
mod lp_norm;
mod parameters;
mod rms_norm;
mod swish;

use crate::Result;
use crate::graph::Graph;
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
    conv_transpose::decompose(&mut layers);
    layers.finish()
}
