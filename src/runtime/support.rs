//! What ESP-DL runs of ONNX: operators, widths and forms, as far as a graph shows before it is quantized.
//!
//! From `operator_support_state.md` of espressif/esp-dl and the loader's checks in `dl/module/include`.
//! What shows only in the written file is in `fit`.

use crate::chip::Scheme;
use crate::graph::{Attribute, Graph, Node, NodeId};

/// The runtime that this table describes.
pub const RUNTIME: &str = "ESP-DL 3.3.9";

/// One operator of the runtime, by its ONNX name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Support {
    pub name: &'static str,
    pub int8: bool,
    pub int16: bool,
    pub float: bool,
}

impl Support {
    pub fn runs(&self, scheme: Scheme) -> bool {
        match scheme {
            Scheme::Int8 => self.int8,
            Scheme::Int16 => self.int16,
            Scheme::Float => self.float,
            // No kernel multiplies 8-bit weights with 16-bit activations.
            Scheme::W8A16 => false,
        }
    }

    /// "int8 or int16"
    pub fn schemes(&self) -> String {
        let names: Vec<&str> = Scheme::ALL.iter().filter(|&&s| self.runs(s)).map(|s| s.name()).collect();
        match names.as_slice() {
            [] => "none".to_string(),
            [one] => (*one).to_string(),
            [first @ .., last] => format!("{} or {last}", first.join(", ")),
        }
    }
}

const fn all(name: &'static str) -> Support {
    Support { name, int8: true, int16: true, float: true }
}

const fn integer(name: &'static str) -> Support {
    Support { name, int8: true, int16: true, float: false }
}

/// Sorted by name.
static OPERATORS: &[Support] = &[
    all("Add"),
    all("AveragePool"),
    all("Clip"),
    all("Concat"),
    integer("Conv"),
    integer("ConvTranspose"),
    all("DepthToSpace"),
    all("Div"),
    all("Elu"),
    integer("Equal"),
    all("Exp"),
    all("Flatten"),
    all("GRU"),
    all("Gather"),
    // A lookup table and nothing else.
    integer("Gelu"),
    integer("Gemm"),
    all("GlobalAveragePool"),
    integer("Greater"),
    integer("GreaterOrEqual"),
    all("HardSigmoid"),
    all("HardSwish"),
    all("Identity"),
    all("InsertZeros"),
    all("LSTM"),
    all("LayerNormalization"),
    all("LeakyRelu"),
    integer("Less"),
    integer("LessOrEqual"),
    all("Log"),
    all("LogSoftmax"),
    all("LpNormalization"),
    integer("MatMul"),
    integer("MaxPool"),
    all("Mod"),
    all("Mul"),
    all("Neg"),
    all("PRelu"),
    all("Pad"),
    all("Pow"),
    all("RMSNormalization"),
    all("ReduceL1"),
    all("ReduceL2"),
    all("ReduceLogSum"),
    all("ReduceLogSumExp"),
    all("ReduceMax"),
    all("ReduceMean"),
    all("ReduceMin"),
    all("ReduceProd"),
    all("ReduceSum"),
    all("ReduceSumSquare"),
    all("Relu"),
    all("Reshape"),
    Support { name: "Resize", int8: true, int16: false, float: false },
    integer("ReverseSequence"),
    all("ScatterND"),
    all("Sigmoid"),
    all("Slice"),
    all("Softmax"),
    all("SpaceToDepth"),
    all("Split"),
    all("Sqrt"),
    all("Squeeze"),
    all("Sub"),
    all("Swish"),
    all("Tanh"),
    all("Transpose"),
    all("Unsqueeze"),
];

pub fn operator(name: &str) -> Option<&'static Support> {
    OPERATORS.binary_search_by(|s| s.name.cmp(name)).ok().and_then(|at| OPERATORS.get(at))
}

/// What of a node's form the runtime does not have, and what to do.
pub fn form(graph: &Graph, id: NodeId) -> Option<(String, &'static str)> {
    let node = graph.node(id);
    [
        spatial,
        groups,
        dilation,
        pooled_places,
        elementwise,
        reduced,
        matmul,
        indices,
        resize,
        pad,
        recurrent,
        gru,
        lstm,
        concat,
        blocks,
    ]
    .iter()
    .find_map(|check| check(graph, node))
}

type Found = Option<(String, &'static str)>;

fn input_rank(graph: &Graph, node: &Node) -> Option<usize> {
    node.input(0).and_then(|id| graph.shape(id)).map(<[usize]>::len)
}

/// One or two places beside batch and channel.
fn spatial(graph: &Graph, node: &Node) -> Found {
    let placed =
        ["Conv", "ConvTranspose", "AveragePool", "MaxPool", "GlobalAveragePool", "Resize"].contains(&node.op.as_str());
    let rank = input_rank(graph, node).filter(|&rank| placed && rank != 3 && rank != 4)?;
    let what = format!("{} of a tensor with {rank} dimensions; the runtime has 1-D (3) and 2-D (4)", node.op);
    Some((what, "reshape the tensor around the layer"))
}

fn groups(graph: &Graph, node: &Node) -> Found {
    let group = node.attributes.int_or("group", 1);
    if group == 1 || !matches!(node.op.as_str(), "Conv" | "ConvTranspose") {
        return None;
    }
    let weight = graph.shape(node.input(1)?)?;
    let (filters, channels) = match (node.op.as_str(), weight) {
        ("Conv", &[filters, channels, ..]) => (filters, channels),
        // Input channels first, then the outputs of one group.
        (_, &[inputs, per_group, ..]) => (inputs, per_group),
        _ => return None,
    };
    let depthwise = channels == 1 && i64::try_from(filters) == Ok(group);
    (!depthwise).then(|| {
        let what =
            format!("{filters} filters of {channels} channels in {group} groups would run as depthwise, and wrong");
        (what, "the runtime has group 1 and depthwise: split the convolution, or make it dense")
    })
}

fn dilation(_: &Graph, node: &Node) -> Found {
    let pooling = matches!(node.op.as_str(), "AveragePool" | "MaxPool");
    let dilated = node.attributes.ints("dilations").filter(|d| pooling && d.iter().any(|&d| d != 1))?;
    Some((format!("{} with dilations {dilated:?}, which the runtime ignores", node.op), "pool without dilation"))
}

fn pooled_places(_: &Graph, node: &Node) -> Found {
    let indices = node.op == "MaxPool" && node.outputs.get(1).is_some_and(Option::is_some);
    indices.then(|| {
        let what = "MaxPool with the output Indices, which the runtime does not write".to_string();
        (what, "leave the indices out; to enlarge an image again, use Resize or ConvTranspose")
    })
}

/// Kernels of two operands are written out for four dimensions, after neighbours have been merged.
fn elementwise(graph: &Graph, node: &Node) -> Found {
    let &[Some(a), Some(b)] = node.inputs.as_slice() else { return None };
    let rank = merged_elementwise(&node.op, graph.shape(a)?, graph.shape(b)?).filter(|&rank| rank > 4)?;
    let what = format!("{} of shapes that broadcast over {rank} dimensions; the runtime has up to 4", node.op);
    Some((what, "merge dimensions with a Reshape before it"))
}

/// How many dimensions an operator of two operands runs over: `get_elemwise_operation_args` merges
/// neighbours that both go on, and those over which one operand stays.
pub fn merged_elementwise(op: &str, a: &[usize], b: &[usize]) -> Option<usize> {
    const OPERATORS: [&str; 11] =
        ["Add", "Sub", "Mul", "Div", "Pow", "Mod", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"];
    if !OPERATORS.contains(&op) {
        return None;
    }
    let rank = a.len().max(b.len());
    let aligned = |shape: &[usize]| [&vec![1; rank - shape.len()], shape].concat();
    let mut merged: Vec<(usize, usize)> = Vec::new();
    for (a, b) in aligned(a).into_iter().zip(aligned(b)) {
        match merged.last_mut() {
            Some((x, y)) if (x == y && a == b) || (*x == 1 && a == 1) || (*y == 1 && b == 1) => {
                // A file may claim any sizes.
                (*x, *y) = (x.saturating_mul(a), y.saturating_mul(b));
            }
            _ => merged.push((a, b)),
        }
    }
    Some(merged.len().max(1))
}

/// The size of an axis, which counts from the end where it is negative.
pub fn size_along(shape: &[usize], axis: i64) -> Option<i64> {
    let axis = if axis < 0 { axis.saturating_add_unsigned(shape.len() as u64) } else { axis };
    i64::try_from(*shape.get(usize::try_from(axis).ok()?)?).ok()
}

fn reduced(graph: &Graph, node: &Node) -> Found {
    if !node.op.starts_with("Reduce") {
        return None;
    }
    let rank = input_rank(graph, node)?;
    let axes = match node.input(1) {
        Some(axes) => graph.value(axes).constant.as_ref()?.to_i64s()?,
        None => node.attributes.ints("axes").map(<[i64]>::to_vec).unwrap_or_default(),
    };
    let runs = merged_reduction(rank, &axes).filter(|&runs| runs > 4)?;
    let what = format!("{} over axes {axes:?} of {rank} is computed in {runs} parts; the runtime has up to 4", node.op);
    Some((what, "the output would stay as it was: reduce the axes one after another"))
}

/// Neighbouring axes that are all reduced, or all kept, count once; no axes are all axes.
pub fn merged_reduction(rank: usize, axes: &[i64]) -> Option<usize> {
    let places: Vec<i64> = axes.iter().map(|&a| if a < 0 { a + rank as i64 } else { a }).collect();
    let mut flags: Vec<bool> = (0..rank as i64).map(|axis| axes.is_empty() || places.contains(&axis)).collect();
    flags.dedup();
    Some(flags.len())
}

fn matmul(graph: &Graph, node: &Node) -> Found {
    let ranks = node.inputs.iter().flatten().filter_map(|&id| graph.shape(id)).map(<[usize]>::len);
    let rank = ranks.max().filter(|&rank| node.op == "MatMul" && rank > 4)?;
    Some((format!("MatMul of {rank} dimensions; the runtime has up to 4"), "merge dimensions with a Reshape before it"))
}

/// The loader takes them from the file, and stops where they are not in it.
fn indices(graph: &Graph, node: &Node) -> Found {
    let id = node.input(1).filter(|_| node.op == "Gather")?;
    graph.value(id).constant.is_none().then(|| {
        let what = format!("Gather with indices '{}' that are computed while the model runs", graph.value(id).name);
        (what, "the runtime has constant indices only: look the rows up in the application, and feed them to the model")
    })
}

fn resize(_: &Graph, node: &Node) -> Found {
    if node.op != "Resize" {
        return None;
    }
    let mode = node.attributes.text("mode").unwrap_or("nearest");
    if !matches!(mode, "nearest" | "linear") {
        return Some((format!("Resize with mode {mode:?}"), "the runtime has nearest and linear"));
    }
    if node.attributes.int_or("antialias", 0) != 0 {
        return Some(("Resize with antialias".to_string(), "the runtime has none: export without antialias"));
    }
    let transformation = node.attributes.text("coordinate_transformation_mode").unwrap_or("half_pixel");
    let known = match mode {
        "linear" => matches!(transformation, "half_pixel" | "align_corners" | "pytorch_half_pixel"),
        _ => true,
    };
    (!known).then(|| {
        let what = format!("linear Resize with coordinates {transformation:?} would run as half_pixel");
        (what, "export with half_pixel (align_corners=False) or align_corners")
    })
}

fn pad(graph: &Graph, node: &Node) -> Found {
    if node.op != "Pad" {
        return None;
    }
    let mode = node.attributes.text("mode").unwrap_or("constant");
    if !matches!(mode, "constant" | "edge" | "reflect") {
        let what = format!("Pad with mode {mode:?} stops the chip while it loads");
        return Some((what, "pad with constant, edge or reflect"));
    }
    if node.input(3).is_some() {
        return Some(("Pad with axes, which the runtime does not read".to_string(), "give pads for every axis"));
    }
    let rank = input_rank(graph, node).filter(|&rank| mode != "constant" && rank > 4)?;
    let what = format!("Pad with mode {mode:?} of {rank} dimensions; the runtime has up to 4");
    Some((what, "merge dimensions with a Reshape before it"))
}

/// What LSTM and GRU of the runtime do not look at: it would run as if it were not there.
fn recurrent(_: &Graph, node: &Node) -> Found {
    if !matches!(node.op.as_str(), "LSTM" | "GRU") {
        return None;
    }
    let direction = node.attributes.text("direction").unwrap_or("forward");
    if direction == "reverse" {
        let what = format!("{} with direction \"reverse\" would run forward", node.op);
        return Some((what, "reverse the sequence before and after the layer, or make it bidirectional"));
    }
    if node.attributes.float("clip").is_some() {
        return Some((format!("{} with clip, which the runtime ignores", node.op), "train and export without clip"));
    }
    if node.input(4).is_some() {
        let what = format!("{} with lengths of sequences, which the runtime ignores", node.op);
        return Some((what, "leave the input sequence_lens out: every sequence is run to its end"));
    }
    if node.input(7).is_some() {
        return Some((format!("{} with peepholes, which the runtime ignores", node.op), "train without peepholes"));
    }
    let Some(Attribute::Texts(given)) = node.attributes.get("activations") else { return None };
    let other = unusual_activation(&node.op, given)?;
    Some((format!("{} with the activation {other}, which the runtime ignores", node.op), "it has Sigmoid and Tanh"))
}

/// The first activation of a recurrent layer that is not the usual one in its place.
pub fn unusual_activation<'t>(op: &str, given: &'t [String]) -> Option<&'t str> {
    let usual: &[&str] = if op == "LSTM" { &["sigmoid", "tanh", "tanh"] } else { &["sigmoid", "tanh"] };
    let other = |(given, usual): &(&'t String, &&str)| !given.eq_ignore_ascii_case(usual);
    given.iter().zip(usual.iter().cycle()).find(other).map(|(given, _)| given.as_str())
}

fn gru(_: &Graph, node: &Node) -> Found {
    let before = node.op == "GRU" && node.attributes.int_or("linear_before_reset", 0) == 0;
    before.then(|| {
        let what = "GRU with linear_before_reset 0".to_string();
        (what, "the runtime has PyTorch's form, linear_before_reset 1")
    })
}

fn lstm(_: &Graph, node: &Node) -> Found {
    let forgets = node.op == "LSTM" && node.attributes.int_or("input_forget", 0) != 0;
    forgets.then(|| ("LSTM with input_forget 1".to_string(), "the runtime has input_forget 0"))
}

fn concat(_: &Graph, node: &Node) -> Found {
    (node.op == "Concat" && node.inputs.len() < 2)
        .then(|| ("Concat of one input stops the chip".to_string(), "replace it by Identity"))
}

/// `depth_to_space_dcr` counts channels by the block's size; `space_to_depth` has channels before the block's places.
fn blocks(graph: &Graph, node: &Node) -> Found {
    let deep = node.op == "DepthToSpace" && node.attributes.text("mode") != Some("CRD");
    if !deep && node.op != "SpaceToDepth" {
        return None;
    }
    let &[_, channels, ..] = graph.shape(node.input(0)?)? else { return None };
    let size = usize::try_from(node.attributes.int("blocksize")?).ok()?;
    if deep {
        let left = channels.checked_div(size.saturating_mul(size))?;
        let what = format!("DepthToSpace in mode DCR would write {left} channels as if they were {size}");
        return (left != size).then_some((what, "use mode CRD, which PyTorch's PixelShuffle has"));
    }
    let what = format!("SpaceToDepth of {channels} channels, which would come before the places of a block");
    (channels != 1).then_some((what, "write it as Reshape, Transpose and Reshape"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_for_the_search() {
        assert!(OPERATORS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    fn what_the_table_of_modules_has_is_here() {
        for name in crate::runtime::fit::OPERATORS {
            // These have no ONNX operator that a model would hold, or are written by an exporter only.
            let own = ["DequantizeLinear", "LUT", "QuantizeLinear", "RequantizeLinear", "StreamingCache"];
            assert!(own.contains(name) || operator(name).is_some(), "{name}");
        }
    }

    #[test]
    fn widths_are_those_of_the_support_table() {
        assert_eq!(operator("Resize").unwrap().schemes(), "int8");
        assert_eq!(operator("Conv").unwrap().schemes(), "int8 or int16");
        assert!(!operator("Add").unwrap().runs(Scheme::W8A16));
        assert_eq!(operator("Gelu").unwrap().schemes(), "int8 or int16");
        // esp-ppq lists them for 16-bit tables and never quantizes them, so none ever has one.
        for name in ["Cos", "Erf", "Sin", "Softplus", "Tan"] {
            assert_eq!(operator(name), None, "{name}");
        }
    }

    #[test]
    fn neighbours_that_go_on_together_count_once() {
        let merged = |a: &[usize], b: &[usize]| merged_elementwise("Add", a, b).unwrap();
        assert_eq!(merged(&[1, 2, 3, 4, 5], &[1, 2, 3, 4, 5]), 1);
        assert_eq!(merged(&[2, 3, 4, 5, 6], &[5, 6]), 2);
        assert_eq!(merged(&[2, 1, 4, 1, 6], &[2, 3, 4, 5, 6]), 5);
        assert_eq!(merged(&[], &[]), 1);
        assert_eq!(merged_elementwise("MatMul", &[1], &[1]), None);
        assert_eq!(merged_reduction(5, &[3, -1]), Some(2));
        assert_eq!(merged_reduction(5, &[1, 3]), Some(5));
        assert_eq!(merged_reduction(5, &[]), Some(1));
    }

    #[test]
    fn a_recurrent_layer_has_sigmoid_and_tanh() {
        let named = |names: &[&str]| names.iter().map(|n| n.to_string()).collect::<Vec<_>>();
        assert_eq!(unusual_activation("GRU", &named(&["Sigmoid", "Tanh", "sigmoid", "Tanh"])), None);
        assert_eq!(unusual_activation("LSTM", &named(&["Sigmoid", "Tanh", "Relu"])), Some("Relu"));
    }
}
