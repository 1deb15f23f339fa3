//! Forms of operators that the runtime's kernels do not read, do not know, or get wrong.
//!
//! `espdl::support` says the same of a graph, before it is a file.
//!
//! Never: exponents.

use crate::espdl::{Attribute, Dim, Node};
use crate::ops::recurrent;
use crate::runtime::support;

use super::{Context, Rule, integers};

pub const RULES: &[Rule] =
    &[ceil_mode, right_side, pad_mode, pad_axes, elementwise, reduced, indices, recurrent, blocks, parts];

/// `depth_to_space_dcr` counts channels by the block's size; `space_to_depth` has channels before the block's places.
fn blocks(context: &Context, node: &Node) -> Option<(String, &'static str)> {
    let deep = node.op == "DepthToSpace" && node.text("mode") != Some("CRD");
    if !deep && node.op != "SpaceToDepth" {
        return None;
    }
    let Dim::Size(channels) = context.value(node.inputs.first()?)?.dims.as_ref()?.last()? else { return None };
    let size = node.int("blocksize").filter(|&b| b > 0)?;
    if deep {
        let left = channels / size.saturating_mul(size);
        let what = format!("in mode DCR the kernel writes {left} channels as if they were {size}, over each other");
        return (left != size).then_some((what, "use mode CRD, which PyTorch's PixelShuffle has"));
    }
    let what = format!("its {channels} channels come before the places of a block, in ONNX behind them");
    (*channels != 1).then_some((what, "write it as Reshape, Transpose and Reshape"))
}

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

/// Pooling has no `ceil_mode`: sizes are floored, whatever the file says.
fn ceil_mode(context: &Context, node: &Node) -> Option<(String, &'static str)> {
    if !matches!(node.op.as_str(), "MaxPool" | "AveragePool") || node.int("ceil_mode") != Some(1) {
        return None;
    }
    let ints = |name| match node.attribute(name) {
        Some(Attribute::Ints(list)) => list.clone(),
        _ => Vec::new(),
    };
    let (kernel, strides, pads, dilations) = (ints("kernel_shape"), ints("strides"), ints("pads"), ints("dilations"));
    let input = context.value(node.inputs.first()?)?.dims.as_ref()?;
    let output = context.value(node.outputs.first()?)?.dims.as_ref()?;
    for (i, &size) in kernel.iter().enumerate() {
        // NHWC: the places follow the batch.
        let (Some(Dim::Size(from)), Some(Dim::Size(to))) = (input.get(i + 1), output.get(i + 1)) else { return None };
        let stride = strides.get(i).copied().filter(|&s| s > 0).unwrap_or(1);
        let dilation = dilations.get(i).copied().unwrap_or(1);
        let pad = |at: usize| pads.get(at).copied().unwrap_or(0);
        let window = size.checked_sub(1)?.checked_mul(dilation)?.checked_add(1)?;
        let padded = from.checked_add(pad(i))?.checked_add(pad(i + kernel.len()))?;
        let floored = padded.checked_sub(window)?.div_euclid(stride).checked_add(1)?;
        if floored != *to {
            let what = format!("with ceil_mode, {from} becomes {to}, but the chip floors to {floored}");
            return Some((what, "pad the input at its end instead"));
        }
    }
    None
}

fn right_side(context: &Context, node: &Node) -> Option<(String, &'static str)> {
    let native = node.op == "MatMul" && node.text("input1_layout") == Some("native_kn");
    (native && context.constant(node, 1).is_none()).then(|| {
        let what = "its right side lies in plain rows (input1_layout native_kn), which ESP-DL 3.3.9 does not know";
        (what.to_string(), "export with the packing nodes, or update ESP-DL")
    })
}

fn pad_mode(_: &Context, node: &Node) -> Option<(String, &'static str)> {
    let known = matches!(node.text("mode"), Some("constant" | "edge" | "reflect"));
    (node.op == "Pad" && !known).then(|| {
        let mode = node.text("mode").unwrap_or_default();
        (format!("mode {mode:?} stops the chip while it loads"), "write constant, edge or reflect, the default too")
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

fn elementwise(context: &Context, node: &Node) -> Option<(String, &'static str)> {
    let (a, b) = (shape(context, node, 0)?, shape(context, node, 1)?);
    let rank = support::merged_elementwise(&node.op, &a, &b).filter(|&rank| rank > 4)?;
    let what = format!("{a:?} and {b:?} broadcast over {rank} dimensions; the chip stops beyond 4");
    Some((what, "merge dimensions with a Reshape before it"))
}

fn reduced(context: &Context, node: &Node) -> Option<(String, &'static str)> {
    if !node.op.starts_with("Reduce") {
        return None;
    }
    let axes = context.constant(node, 1).map(integers).unwrap_or_default();
    let runs = support::merged_reduction(shape(context, node, 0)?.len(), &axes).filter(|&runs| runs > 4)?;
    let what = format!("over axes {axes:?} it is computed in {runs} parts; beyond 4 the output stays as it was");
    Some((what, "reduce the axes one after another"))
}

fn indices(context: &Context, node: &Node) -> Option<(String, &'static str)> {
    let name = node.inputs.get(1).filter(|_| node.op == "Gather")?;
    (!context.tensors.contains_key(name.as_str())).then(|| {
        let what = format!("its indices {name} are no constant of the file: the chip stops while it loads");
        (what, "look the rows up in the application, and feed them to the model")
    })
}

/// What the kernels of LSTM and GRU do not read.
fn recurrent(_: &Context, node: &Node) -> Option<(String, &'static str)> {
    let outputs = recurrent::outputs(&node.op)?;
    let has = |input: usize| node.inputs.get(input).is_some_and(|name| !name.is_empty());
    let there = node.outputs.iter().filter(|name| !name.is_empty()).count();
    let ignored = if node.text("direction") == Some("reverse") {
        "direction reverse"
    } else if has(4) {
        "lengths of sequences"
    } else if has(7) {
        "peepholes"
    } else if node.attribute("clip").is_some() {
        "clip"
    } else if there < outputs {
        let what = format!("it has {there} of {outputs} outputs; the kernel writes all and crashes");
        return Some((what, "export the model with all outputs of the layer, read or not"));
    } else {
        let Some(Attribute::Texts(given)) = node.attribute("activations") else { return None };
        support::unusual_activation(&node.op, given)?;
        "other activations than Sigmoid and Tanh"
    };
    Some((format!("{} with {ignored} runs as if without", node.op), "train and export the layer without it"))
}
