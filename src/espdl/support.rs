//! What ESP-DL runs of ONNX: operators, widths and forms, as far as a graph shows before it is quantized.
//!
//! From `operator_support_state.md` of espressif/esp-dl and the loader's checks in `dl/module/include`.
//! What shows only in the written file is in `fit`.

use crate::graph::{Graph, Node, NodeId};
use crate::quant::Scheme;

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

/// No module of its own: in 16-bit models a lookup table runs it.
const fn table(name: &'static str) -> Support {
    Support { name, int8: false, int16: true, float: false }
}

/// Sorted by name.
static OPERATORS: &[Support] = &[
    all("Add"),
    all("AveragePool"),
    all("Clip"),
    all("Concat"),
    integer("Conv"),
    integer("ConvTranspose"),
    table("Cos"),
    all("DepthToSpace"),
    all("Div"),
    all("Elu"),
    integer("Equal"),
    table("Erf"),
    all("Exp"),
    all("Flatten"),
    all("GRU"),
    all("Gather"),
    all("Gelu"),
    integer("Gemm"),
    all("GlobalAveragePool"),
    integer("Greater"),
    integer("GreaterOrEqual"),
    all("HardSigmoid"),
    all("HardSwish"),
    all("Identity"),
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
    table("Sin"),
    all("Slice"),
    all("Softmax"),
    table("Softplus"),
    all("SpaceToDepth"),
    all("Split"),
    all("Sqrt"),
    all("Squeeze"),
    all("Sub"),
    all("Swish"),
    table("Tan"),
    all("Tanh"),
    all("Transpose"),
    all("Unsqueeze"),
];

pub fn operator(name: &str) -> Option<&'static Support> {
    OPERATORS.binary_search_by(|s| s.name.cmp(name)).ok().and_then(|at| OPERATORS.get(at))
}

/// Whether only a lookup table runs it.
pub fn needs_table(name: &str) -> bool {
    operator(name).is_some_and(|s| !s.int8) && !matches!(name, "Resize")
}

/// What of a node's form the runtime does not have, and what to do.
pub fn form(graph: &Graph, id: NodeId) -> Option<(String, &'static str)> {
    let node = graph.node(id);
    [spatial, groups, dilation, rank, resize, pad, gru, lstm, concat, blocks]
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

/// Elementwise and reducing kernels are written out for four dimensions.
fn rank(graph: &Graph, node: &Node) -> Found {
    let bounded = matches!(node.op.as_str(), "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Mod" | "MatMul")
        || node.op.starts_with("Reduce");
    let ranks = node.inputs.iter().flatten().filter_map(|&id| graph.shape(id)).map(<[usize]>::len);
    let rank = ranks.max().filter(|&rank| bounded && rank > 4)?;
    Some((
        format!("{} of {rank} dimensions; the runtime has up to 4", node.op),
        "merge dimensions with a Reshape before it",
    ))
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

fn pad(_: &Graph, node: &Node) -> Found {
    let mode = node.attributes.text("mode").filter(|_| node.op == "Pad")?;
    (!matches!(mode, "constant" | "edge" | "reflect")).then(|| {
        (format!("Pad with mode {mode:?} stops the chip while it loads"), "pad with constant, edge or reflect")
    })
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
        for name in crate::espdl::fit::OPERATORS {
            // These have no ONNX operator that a model would hold, or are written by an exporter only.
            let own =
                ["DequantizeLinear", "InsertZeros", "LUT", "QuantizeLinear", "RequantizeLinear", "StreamingCache"];
            assert!(own.contains(name) || operator(name).is_some(), "{name}");
        }
    }

    #[test]
    fn widths_are_those_of_the_support_table() {
        assert_eq!(operator("Resize").unwrap().schemes(), "int8");
        assert_eq!(operator("Conv").unwrap().schemes(), "int8 or int16");
        assert!(!operator("Add").unwrap().runs(Scheme::W8A16));
        assert!(needs_table("Erf") && !needs_table("Resize") && !needs_table("Conv"));
    }
}
