//! Forms that only a written file can have: layouts and attributes that an exporter decides.
//!
//! Limits that a graph's node can break too are in `limits`.
//! Never: exponents.

use crate::espdl::Node;
use crate::ops::recurrent;
use crate::runtime::support;

use super::{Context, Rule};

pub const RULES: &[Rule] = &[right_side, missing_pad_mode, pad_axes, recurrent, parts];

/// Without sizes, Split takes `num_outputs` for the size of a part.
fn parts(context: &Context, node: &Node) -> Option<(String, &'static str)> {
    if node.op != "Split" || node.inputs.get(1).is_some_and(|i| !i.is_empty()) {
        return None;
    }
    let help = "give the sizes of the parts as its second input";
    let Some(count) = node.int("num_outputs").filter(|&n| n > 0) else {
        return Some(("it has neither sizes nor num_outputs: the chip stops".into(), help));
    };
    let size = support::size_along(&shape(context, node, 0)?, node.int("axis").unwrap_or(0))?;
    let what = format!("its {size} places fall into parts of {count}, not into {count} parts");
    (size != count.checked_mul(count)?).then_some((what, help))
}

fn right_side(context: &Context, node: &Node) -> Option<(String, &'static str)> {
    let native = node.op == "MatMul" && node.text("input1_layout") == Some("native_kn");
    (native && context.constant(node, 1).is_none()).then(|| {
        let what = "its right side lies in plain rows (input1_layout native_kn), which ESP-DL 3.3.9 does not know";
        (what.to_string(), "export with the packing nodes, or update ESP-DL")
    })
}

/// The loader reads pads for every axis, and asserts that there are as many.
fn pad_axes(context: &Context, node: &Node) -> Option<(String, &'static str)> {
    let pads = context.constant(node, 1).filter(|_| node.op == "Pad")?.count().ok()?;
    let rank = shape(context, node, 0)?.len();
    (pads != rank.checked_mul(2)?).then(|| {
        let what = format!("it has {pads} pads for an input of {rank} dimensions; the chip stops unless all have two");
        (what, "give pads for every axis, without the input axes")
    })
}

fn shape(context: &Context, node: &Node, input: usize) -> Option<Vec<usize>> {
    let name = node.inputs.get(input)?;
    match context.tensors.get(name.as_str()) {
        Some(constant) => Some(constant.dims.clone()),
        None => context.value(name)?.sizes(),
    }
}

/// The kernels of LSTM and GRU write all outputs.
fn recurrent(_: &Context, node: &Node) -> Option<(String, &'static str)> {
    let outputs = recurrent::outputs(&node.op)?;
    let there = node.outputs.iter().filter(|name| !name.is_empty()).count();
    (there < outputs).then(|| {
        let what = format!("it has {there} of {outputs} outputs; the kernel writes all and crashes");
        (what, "export the model with all outputs of the layer, read or not")
    })
}

/// The loader stops where the mode is left out.
fn missing_pad_mode(_: &Context, node: &Node) -> Option<(String, &'static str)> {
    (node.op == "Pad" && node.attribute("mode").is_none()).then(|| {
        ("it has no mode: the chip stops while it loads".into(), "write constant, edge or reflect, the default too")
    })
}
