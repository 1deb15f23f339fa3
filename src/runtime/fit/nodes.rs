//! What concerns one node: its operator, its width, its weights and its exponents. Forms of operators are in `forms`.

use crate::chip::QuantType;
use crate::chip::{Family, Scheme};
use crate::espdl::{DataType, Node, Tensor};

use super::{Context, Rule, integers, is_whole_number, quant_type};

pub const RULES: &[Rule] = &[
    operator,
    float,
    width,
    activation,
    layout,
    per_channel,
    shift,
    group,
    bias,
    equal_exponents,
    copied,
    concat,
    prelu,
    table,
];

/// What `dl_module_creator.hpp` registers, sorted.
pub(crate) const OPERATORS: &[&str] = &[
    "Add",
    "AveragePool",
    "Clip",
    "Concat",
    "Conv",
    "DepthToSpace",
    "DequantizeLinear",
    "Div",
    "Elu",
    "Equal",
    "Exp",
    "Flatten",
    "GRU",
    "Gather",
    "Gelu",
    "Gemm",
    "GlobalAveragePool",
    "Greater",
    "GreaterOrEqual",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "InsertZeros",
    "LSTM",
    "LUT",
    "LayerNormalization",
    "LeakyRelu",
    "Less",
    "LessOrEqual",
    "Log",
    "LogSoftmax",
    "LpNormalization",
    "MatMul",
    "MaxPool",
    "Mod",
    "Mul",
    "Neg",
    "PRelu",
    "Pad",
    "Pow",
    "QuantizeLinear",
    "RMSNormalization",
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
    "Relu",
    "RequantizeLinear",
    "Reshape",
    "Resize",
    "ReverseSequence",
    "ScatterND",
    "Sigmoid",
    "Slice",
    "Softmax",
    "SpaceToDepth",
    "Split",
    "Sqrt",
    "Squeeze",
    "StreamingCache",
    "Sub",
    "Swish",
    "Tanh",
    "Transpose",
    "Unsqueeze",
];

/// The loader makes a module for the node's operator.
pub fn has_operator(node: &Node) -> bool {
    OPERATORS.binary_search(&node.op.as_str()).is_ok()
}

fn operator(_: &Context, node: &Node) -> Option<(String, &'static str)> {
    (!has_operator(node)).then(|| {
        let what = format!("ESP-DL 3.3.9 has no operator {}", node.op);
        (what, "replace it by operators that ESP-DL has, or update ESP-DL")
    })
}

/// `deserialize` makes no module of these in float, and the loader stops; ReverseSequence stops when it is run.
fn float(_: &Context, node: &Node) -> Option<(String, &'static str)> {
    const WHOLE_ONLY: [&str; 13] = [
        "Conv",
        "Equal",
        "Gelu",
        "Gemm",
        "Greater",
        "GreaterOrEqual",
        "LUT",
        "Less",
        "LessOrEqual",
        "MatMul",
        "MaxPool",
        "Resize",
        "ReverseSequence",
    ];
    (WHOLE_ONLY.contains(&node.op.as_str()) && quant_type(node) == Some(QuantType::F32)).then(|| {
        (format!("{} has no float kernel: the chip does not load it", node.op), "give the layer int8 or int16")
    })
}

fn width(_: &Context, node: &Node) -> Option<(String, &'static str)> {
    match (node.op.as_str(), quant_type(node)?) {
        (op, QuantType::W8A16) => {
            let what = format!("ESP-DL 3.3.9 runs no {op} with 8-bit weights and 16-bit activations");
            Some((what, "give the layer int8 or int16"))
        }
        ("Resize", QuantType::S16) => Some((
            "Resize at int16 is an empty function in ESP-DL 3.3.9: its output stays zero".to_string(),
            "give the layer int8",
        )),
        _ => None,
    }
}

fn activation(_: &Context, node: &Node) -> Option<(String, &'static str)> {
    let activation = node.text("activation").filter(|a| !matches!(*a, "Linear" | "Relu"))?;
    ["Conv", "Gemm", "MatMul"].contains(&node.op.as_str()).then(|| {
        (format!("{} cannot fuse the activation {activation}", node.op), "only Relu has kernels: keep it a node")
    })
}

/// The constant that Conv, Gemm and MatMul multiply by.
fn weight<'m>(context: &Context<'m>, node: &Node) -> Option<&'m Tensor> {
    ["Conv", "Gemm", "MatMul"].contains(&node.op.as_str()).then(|| context.constant(node, 1))?
}

fn layout(context: &Context, node: &Node) -> Option<(String, &'static str)> {
    let written = weight(context, node)?.doc.strip_prefix("layout ==> ")?;
    let lanes = match quant_type(node)? {
        QuantType::F32 => return None,
        quantized => quantized.lanes(context.family),
    };
    let blocks = lanes_of(written)?;
    (blocks != lanes).then(|| {
        let wanted = lanes.map_or("plain filters".to_string(), |n| format!("blocks of {n} channels"));
        let what = format!("its weights lie as {written}, {} reads {wanted}", context.target);
        (what, "export the model for this target")
    })
}

/// `Some(None)`: plain. Files of before 2025 write `N16HWC16` for `(N/16)HWC16`.
fn lanes_of(layout: &str) -> Option<Option<usize>> {
    if matches!(layout, "NHWC" | "HWCN" | "NWC" | "WCN") {
        return Some(None);
    }
    let rest = layout.strip_prefix("(N/").or_else(|| layout.strip_prefix('N'))?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some(Some(digits.parse().ok()?))
}

fn per_channel(context: &Context, node: &Node) -> Option<(String, &'static str)> {
    let exponents = weight(context, node)?.exponents.len();
    (exponents > 1 && context.family != Family::P4).then(|| {
        let what = format!("its weights have {exponents} exponents, {} takes one", context.target);
        (what, "quantize the model for this target: weights per tensor")
    })
}

/// Vector code shifts sums right to the output's exponent, never left; portable code shifts both ways.
fn shift(context: &Context, node: &Node) -> Option<(String, &'static str)> {
    let product = ["Conv", "Gemm", "MatMul", "Mul"].contains(&node.op.as_str());
    if !product || !is_whole_number(node) || context.family == Family::C {
        return None;
    }
    let (input, output) = (context.input_exponent(node, 0)?, context.output_exponent(node)?);
    let factors = context.exponents(node.inputs.get(1)?)?;
    let shift = |&factor: &i64| output.saturating_sub(input).saturating_sub(factor);
    let worst = factors.iter().min_by_key(|e| shift(e)).filter(|e| shift(e) < 0)?;
    let low = factors.iter().filter(|e| shift(e) < 0).count();
    let channels = if factors.len() > 1 { format!(", in {low} of {} channels", factors.len()) } else { String::new() };
    let what = format!("output exponent {output} is below input {input} plus weight {worst}{channels}");
    Some((what, "the chip cannot shift left: widen the output's range or give the layer int16"))
}

fn group(context: &Context, node: &Node) -> Option<(String, &'static str)> {
    let group = node.int("group").filter(|&g| g > 1)?;
    let dims = &context.constant(node, 1)?.dims;
    let &[.., filters, channels] = dims.as_slice() else { return None };
    let depthwise = channels == 1 && i64::try_from(filters) == Ok(group);
    (node.op == "Conv" && !depthwise).then(|| {
        let what = format!("{filters} filters of {channels} channels in {group} groups run as depthwise, and wrong");
        (what, "ESP-DL knows group 1 and depthwise: split the convolution, or make it dense")
    })
}

/// int32 beside int8, int64 beside int16, within the width that the target adds.
fn bias(context: &Context, node: &Node) -> Option<(String, &'static str)> {
    if !matches!(node.op.as_str(), "Conv" | "Gemm") {
        return None;
    }
    let bias = context.constant(node, 2)?;
    let (wanted, scheme) = match quant_type(node)? {
        QuantType::S8 => (DataType::Int32, Scheme::Int8),
        QuantType::S16 => (DataType::Int64, Scheme::Int16),
        _ => return None,
    };
    if bias.data_type != wanted {
        let what = format!("its bias is {}, {} is read", bias.data_type.name(), wanted.name());
        return Some((what, "export the model again"));
    }
    let limit = 1i64.checked_shl(context.target.bias_bits(scheme).saturating_sub(1))?;
    let largest = integers(bias).into_iter().max_by_key(|v| v.unsigned_abs())?;
    // A bias as wide as its type always fits.
    let fits = limit <= 0 || (largest >= -limit && largest < limit);
    (!fits).then(|| {
        let what = format!("bias {largest} is outside ±{limit} of {}", context.target);
        (what, "widen the weights' or the input's range, or give the layer int16")
    })
}

/// Add and Sub work on the integers as they are.
fn equal_exponents(context: &Context, node: &Node) -> Option<(String, &'static str)> {
    if !matches!(node.op.as_str(), "Add" | "Sub") || !is_whole_number(node) {
        return None;
    }
    let (a, b) = (context.input_exponent(node, 0)?, context.input_exponent(node, 1)?);
    let output = context.output_exponent(node)?;
    (a != b || a != output).then(|| {
        let what = format!("exponents {a} and {b} become {output}, but {} takes integers as they are", node.op);
        (what, "requantize the inputs to the output's exponent")
    })
}

/// Comparisons and Neg work on the integers as they are, too.
fn copied(context: &Context, node: &Node) -> Option<(String, &'static str)> {
    let compares = matches!(node.op.as_str(), "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual");
    if !(compares || node.op == "Neg") || !is_whole_number(node) {
        return None;
    }
    let first = context.input_exponent(node, 0)?;
    let (second, with) = match compares {
        true => (context.input_exponent(node, 1)?, "is compared with"),
        false => (context.output_exponent(node)?, "becomes"),
    };
    (first != second).then(|| {
        let what = format!("exponent {first} {with} {second}, but {} takes integers as they are", node.op);
        (what, "give both values one scale, or the layer float")
    })
}

/// Concat copies its inputs' integers.
fn concat(context: &Context, node: &Node) -> Option<(String, &'static str)> {
    if node.op != "Concat" {
        return None;
    }
    let output = is_whole_number(node).then(|| context.output_exponent(node))??;
    let mut inputs = (0..node.inputs.len()).filter_map(|i| Some((i, context.input_exponent(node, i)?)));
    let (index, exponent) = inputs.find(|(_, e)| *e != output)?;
    let what = format!("input {index} has exponent {exponent}, the output {output}, but integers are copied");
    Some((what, "requantize the input to the output's exponent"))
}

fn prelu(context: &Context, node: &Node) -> Option<(String, &'static str)> {
    if node.op != "PRelu" || node.attribute("lut").is_some() {
        return None;
    }
    let quant_type = quant_type(node)?;
    let alpha = context.constant(node, 1)?;
    let help = "shape the slopes [C, 1, 1] and the input as NHWC";
    if context.value(node.inputs.first()?)?.dims.as_ref().is_some_and(|d| d.len() != 4) {
        return Some(("its input has not four dimensions; the kernel reads the fourth and crashes".to_string(), help));
    }
    let channels = *context.value(node.inputs.first()?)?.sizes()?.last()?;
    // At int8 one slope is a table.
    let is_read = matches!(alpha.dims[..], [n, 1, 1] if n == channels || (n == 1 && quant_type != QuantType::S8));
    if !is_read {
        let what = format!(
            "its slopes have shape {:?}; the kernel reads [{channels}, 1, 1], one a channel, and crashes",
            alpha.dims
        );
        return Some((what, help));
    }
    let slopes = alpha.exponents.first().copied()?;
    if !is_whole_number(node) {
        return None;
    }
    let copied = context.family == Family::C || quant_type == QuantType::S16;
    let (input, output) = (context.input_exponent(node, 0)?, context.output_exponent(node)?);
    if copied && input != output {
        let what = format!("input exponent {input} becomes {output}, but positive inputs are copied");
        return Some((what, "requantize the input to the output's exponent"));
    }
    let shift = output.checked_sub(input)?.checked_sub(slopes)?;
    (!(0..=31).contains(&shift)).then(|| {
        let what = format!(
            "negative inputs need a shift of {shift} (exponents {output}, {input}, slopes {slopes}), not 0 to 31"
        );
        (what, "give the layer int16, or replace it by Relu or LeakyRelu")
    })
}

fn table(context: &Context, node: &Node) -> Option<(String, &'static str)> {
    let name = node.text("lut")?;
    let Some(table) = context.tensors.get(name) else {
        return Some((format!("its table {name} is not in the file"), "export the model again"));
    };
    let count = table.count().ok()?;
    let fits = match quant_type(node)? {
        QuantType::S8 => count == 256,
        // One more than a power of two: from -32768 to 32768 in equal steps.
        _ => count >= 3 && (count - 1).is_power_of_two(),
    };
    if !fits {
        let what = format!("its table {name} has {count} entries; int8 takes 256, int16 a power of two and one");
        return Some((what, "export the model again"));
    }
    let (own, output) = (*table.exponents.first()?, context.output_exponent(node)?);
    (own != output)
        .then(|| (format!("its table {name} has exponent {own}, the output {output}"), "export the model again"))
}
