//! Checks of weights in the order of the target's kernels, of the bias, and of fused activations.

use crate::chip::{Chip, Family, QuantType, Scheme};
use crate::espdl::{DataType, Node, Tensor};

use super::{Context, Fault, quant_type};

/// Checks the activation; kernels support no activations but those that they fuse.
pub fn activation(_: &Context, node: &Node, chip: &Chip) -> Option<Fault> {
    let activation = node.text("activation").filter(|a| *a != "Linear" && !chip.fuses.contains(a))?;
    chip.packs_weights.then(|| {
        (
            format!("{} cannot fuse the activation {activation}", node.op),
            "only Relu has fused kernels: keep the activation as a separate node",
        )
    })
}

/// Checks the constant that a node multiplies by.
fn weight<'m>(context: &Context<'m>, node: &Node, chip: &Chip) -> Option<&'m Tensor> {
    if chip.packs_weights { context.constant(node, 1) } else { None }
}

pub fn layout(context: &Context, node: &Node, chip: &Chip) -> Option<Fault> {
    let written = weight(context, node, chip)?.doc.strip_prefix("layout ==> ")?;
    let lanes = match quant_type(node)? {
        QuantType::F32 => return None,
        quantized => quantized.lanes(context.family),
    };
    let blocks = lanes_of(written)?;
    (blocks != lanes).then(|| {
        let wanted = lanes.map_or("plain filters".to_string(), |n| format!("blocks of {n} channels"));
        let what = format!("its weights are stored as {written}, but {} reads {wanted}", context.target);
        (what, "export the model for this target")
    })
}

/// Returns the lanes of a layout; `Some(None)` for the plain order. Files from before 2025 contain `N16HWC16` for
/// `(N/16)HWC16`.
fn lanes_of(layout: &str) -> Option<Option<usize>> {
    if matches!(layout, "NHWC" | "HWCN" | "NWC" | "WCN") {
        return Some(None);
    }
    let rest = layout.strip_prefix("(N/").or_else(|| layout.strip_prefix('N'))?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some(Some(digits.parse().ok()?))
}

pub fn per_channel(context: &Context, node: &Node, chip: &Chip) -> Option<Fault> {
    let exponents = weight(context, node, chip)?.exponents.len();
    (exponents > 1 && context.family != Family::P4).then(|| {
        let what = format!("its weights have {exponents} exponents, but {} supports one", context.target);
        (what, "quantize the model for this target, whose weights have one scale per tensor")
    })
}

/// Checks the bias: int32 for int8 and int64 for int16, within the width that the target adds.
pub fn bias(context: &Context, node: &Node, chip: &Chip) -> Option<Fault> {
    let bias = context.constant(node, 2).filter(|_| chip.packs_weights)?;
    let (wanted, scheme) = match quant_type(node)? {
        QuantType::S8 => (DataType::Int32, Scheme::Int8),
        QuantType::S16 => (DataType::Int64, Scheme::Int16),
        _ => return None,
    };
    if bias.data_type != wanted {
        let what = format!("its bias is {}, but the kernel reads {}", bias.data_type.name(), wanted.name());
        return Some((what, "export the model again"));
    }
    let limit = 1i64.checked_shl(context.target.bias_bits(scheme).saturating_sub(1))?;
    let largest = integers(bias).into_iter().max_by_key(|v| v.unsigned_abs())?;
    // A bias as wide as its type is always in range.
    let fits = limit <= 0 || (largest >= -limit && largest < limit);
    (!fits).then(|| {
        let what = format!("bias {largest} is outside ±{limit} of {}", context.target);
        (what, "give the layer int16, or widen the range of the weights or the input")
    })
}

fn integers(tensor: &Tensor) -> Vec<i64> {
    match tensor.data_type {
        DataType::Int32 => tensor.bytes.as_chunks::<4>().0.iter().map(|b| i32::from_le_bytes(*b).into()).collect(),
        DataType::Int64 => tensor.bytes.as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b)).collect(),
        _ => Vec::new(),
    }
}
