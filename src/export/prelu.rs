//! PReLU in the only form that the kernels run correctly: an NHWC input of rank 4, slopes `[C, 1, 1]`, and exponents
//! within their range (`dl_module_prelu.hpp` and `dl_base_prelu.cpp` of ESP-DL 3.3.9).
//!
//! A single slope at int8 is a table and needs no change.

use crate::chip::{Family, QuantType};
use crate::espdl::{DataType, Tensor};
use crate::graph::{NodeId, ValueId};
use crate::quant::Port;

use super::draft::{Draft, DraftNode, identity};
use super::layout;

/// Maximum shift of positive inputs in int8 kernels with vector instructions.
const LARGEST_SHIFT: i64 = 6;

/// Returns slopes along the channels, in any of ONNX's forms.
fn slopes(draft: &Draft, node: &DraftNode) -> Option<(ValueId, usize)> {
    let value = node.inputs.get(1).copied().flatten()?;
    let count = draft.value(value).constant.as_ref()?.count().ok()?;
    let table = count == 1 && node.quant_type() == Some(QuantType::S8);
    (node.op == "PRelu" && !table).then_some((value, count))
}

/// Returns `true` if the slopes are along the channels, which are last in NHWC.
pub fn by_channel(draft: &Draft, id: NodeId) -> bool {
    let Some((value, count)) = draft.node(id).and_then(|n| slopes(draft, n)) else { return false };
    let channels = draft.input(id, 0).map(|input| draft.value(input).shape.clone()).filter(|shape| shape.len() == 4);
    let is_list = matches!(draft.value(value).shape[..], [_, 1, 1]);
    is_list && channels.is_some_and(|shape| count == 1 || count == shape[1])
}

/// Changes shapes before the layout: rank 4 for the input, `[C, 1, 1]` for the slopes, the original rank for the
/// output.
pub fn shape(draft: &mut Draft) {
    for id in draft.order() {
        let Some(input) = draft.input(id, 0) else { continue };
        let shape = draft.value(input).shape.clone();
        once_a_channel(draft, id, shape.len());
        // A single slope at int8 is already a table.
        let Some((value, count)) = draft.node(id).and_then(|n| slopes(draft, n)) else { continue };
        let [batch, channels, places @ ..] = shape.as_slice() else { continue };
        if count != 1 && !along_channels(&draft.value(value).shape, shape.len(), *channels) {
            continue;
        }
        let dims = vec![count, 1, 1];
        let slopes = draft.value_mut(value);
        slopes.shape = dims.clone();
        if let Some(constant) = &mut slopes.constant {
            constant.dims = dims;
        }
        if shape.len() != 4 {
            wrap(draft, id, &[*batch, *channels, 1, places.iter().product()], &shape);
        }
    }
}

/// Writes slopes once per channel if they are equal along the spatial axes.
fn once_a_channel(draft: &mut Draft, id: NodeId, rank: usize) {
    let Some((value, _)) = draft.node(id).and_then(|n| slopes(draft, n)) else { return };
    let dims = draft.value(value).shape.clone();
    let axis = (1 + dims.len()).checked_sub(rank).filter(|&axis| rank > 1 && axis < dims.len());
    let channels = axis.map_or(1, |axis| dims[axis]);
    let inner: usize = axis.map_or(1, |axis| dims[axis + 1..].iter().product());
    let Some(constant) = &draft.value(value).constant else { return };
    let width = constant.data_type.width().unwrap_or(1);
    let element = |i: usize| constant.bytes.get(i * width..(i + 1) * width).unwrap_or_default();
    let count: usize = dims.iter().product();
    // In bounds: a constant has as many elements as its shape, and none if `inner` is 0.
    let is_equal = (0..count).all(|i| element(i) == element(i / inner % channels * inner));
    if count == channels || !is_equal {
        return;
    }
    let bytes: Vec<u8> = (0..channels).flat_map(|channel| element(channel * inner).to_vec()).collect();
    let dims = [vec![channels], vec![1; rank.saturating_sub(2)]].concat();
    let slopes = draft.value_mut(value);
    slopes.shape = dims.clone();
    slopes.constant.iter_mut().for_each(|constant| (constant.dims, constant.bytes) = (dims.clone(), bytes.clone()));
    let name = draft.node(id).map(|n| n.name.clone()).unwrap_or_default();
    draft.differences.push(format!("{name}: slopes that are equal at all positions are written once per channel"));
}

/// Returns `true` if a shape that is broadcast from the right exceeds 1 only at axis 1.
fn along_channels(slopes: &[usize], rank: usize, channels: usize) -> bool {
    let Some(lead) = rank.checked_sub(slopes.len()) else { return false };
    let size = |axis: usize| axis.checked_sub(lead).and_then(|i| slopes.get(i)).copied().unwrap_or(1);
    (0..rank).all(|axis| size(axis) == if axis == 1 { channels } else { 1 })
}

fn wrap(draft: &mut Draft, id: NodeId, wide: &[usize], shape: &[usize]) {
    let Some(before) = draft.insert_before(id, 0, "Reshape", wide.to_vec()) else { return };
    draft.append_sizes(before, wide);
    let Some(after) = draft.insert_after(id, 0, "Reshape", wide.to_vec()) else { return };
    draft.append_sizes(after, shape);
    draft.forget_perm(before);
    let name = draft.node(id).map(|n| n.name.clone()).unwrap_or_default();
    draft.differences.push(format!(
        "{name}: Reshapes give PReLU the rank 4 that its kernel reads; esp-ppq keeps {}, at which the chip crashes",
        shape.len()
    ));
}

/// Joins all axes to one for slopes that are not one per channel, and the batch to the others, in the stored order; runs
/// after the layout.
pub fn flatten(draft: &mut Draft) {
    for id in draft.order() {
        let Some((value, count)) = draft.node(id).and_then(|n| slopes(draft, n)) else { continue };
        let is_by_channel = is_last_axis(draft, id, value, count);
        if is_by_channel && has_one_sample(draft, id) {
            continue;
        }
        let Some((input, output)) = draft.input(id, 0).zip(draft.node(id).and_then(|n| n.outputs.first().copied()))
        else {
            continue;
        };
        let stored = draft.value(input).stored_shape();
        let channels = match is_by_channel {
            true => stored.last().copied().unwrap_or(1),
            false => repeat_slopes(draft, input, value),
        };
        let flat = vec![1, 1, stored.iter().product::<usize>() / channels.max(1), channels];
        let Some(before) = draft.insert_before(id, 0, "Reshape", flat.clone()) else { continue };
        draft.append_sizes(before, &flat);
        let Some(after) = draft.insert_after(id, 0, "Reshape", flat.clone()) else { continue };
        let sizes = draft.value(output).stored_shape();
        draft.append_sizes(after, &sizes);
        if let Some(made) = draft.input(after, 0) {
            draft.value_mut(made).perm = Some(identity(flat.len()));
        }
        let name = draft.node(id).map(|n| n.name.clone()).unwrap_or_default();
        draft.differences.push(match is_by_channel {
            true => format!(
                "{name}: Reshapes join its batch to its other axes, since the kernel computes only the first sample"
            ),
            false => format!(
                "{name}: Reshapes join its axes, and its {} slopes go along all, since the kernel reads one a channel",
                flat[3]
            ),
        });
    }
}

/// Writes slopes for each element that differs in the stored order of `input`, and returns their number.
fn repeat_slopes(draft: &mut Draft, input: ValueId, slopes: ValueId) -> usize {
    let input = draft.value(input);
    let perm = input.perm.clone().unwrap_or_else(|| input.identity());
    let Some(constant) = &draft.value(slopes).constant else { return 1 };
    let repeated = repeated(layout::transposed(&expanded(constant, &input.shape), &perm));
    let count = repeated.dims[0]; // a list
    let value = draft.value_mut(slopes);
    value.shape.clone_from(&repeated.dims);
    value.constant = Some(repeated);
    count
}

/// Returns `true` if the kernel computes the whole input: floats, or a batch of 1.
fn has_one_sample(draft: &Draft, id: NodeId) -> bool {
    let is_float = draft.node(id).is_some_and(|n| n.quant_type() == Some(QuantType::F32));
    is_float || draft.input(id, 0).is_none_or(|input| draft.value(input).stored_shape().first() == Some(&1))
}

/// Returns `true` if slopes `[C, 1, 1]` go along the last axis of an input of rank 4, in its stored order.
fn is_last_axis(draft: &Draft, id: NodeId, slopes: ValueId, count: usize) -> bool {
    let is_list = matches!(draft.value(slopes).shape[..], [_, 1, 1]);
    let stored = draft.input(id, 0).map(|input| draft.value(input).stored_shape());
    is_list && stored.is_some_and(|stored| stored.len() == 4 && (count == 1 || stored.last() == Some(&count)))
}

/// Broadcasts elements to `shape`.
fn expanded(source: &Tensor, shape: &[usize]) -> Tensor {
    let dims = [vec![1; shape.len().saturating_sub(source.dims.len())], source.dims.clone()].concat();
    let width = source.data_type.width().unwrap_or(1);
    let mut bytes = Vec::with_capacity(shape.iter().product::<usize>() * width);
    for flat in 0..shape.iter().product::<usize>() {
        let (mut rest, mut from, mut step) = (flat, 0, 1);
        for (&size, &own) in shape.iter().zip(&dims).rev() {
            from += if own == 1 { 0 } else { rest % size * step };
            (rest, step) = (rest / size, step * own);
        }
        // In bounds: slopes are broadcast to the input.
        bytes.extend(&source.bytes[from * width..(from + 1) * width]);
    }
    Tensor { dims: shape.to_vec(), bytes, ..source.clone() }
}

/// Returns the shortest tail that all elements repeat, as `[N, 1, 1]`.
fn repeated(source: Tensor) -> Tensor {
    let width = source.data_type.width().unwrap_or(1);
    let tails = (0..=source.dims.len()).rev().map(|axis| source.dims[axis..].iter().product::<usize>());
    let repeats =
        |&count: &usize| count > 0 && source.bytes.chunks(count * width).all(|part| source.bytes.starts_with(part));
    let count = tails.into_iter().find(repeats).unwrap_or(source.bytes.len() / width);
    Tensor { dims: vec![count, 1, 1], bytes: source.bytes[..count * width].to_vec(), ..source }
}

/// Bits that may be lost where a kernel copies positive inputs and its output has smaller steps; beyond, the layer runs
/// in float.
const LARGEST_LOSS: i64 = 1;

/// Runs PReLU in float, at the values of its integers; [`super::boundaries`] then converts around it.
fn run_in_float(draft: &mut Draft, id: NodeId) {
    let Some(node) = draft.node_mut(id) else { return };
    node.ports = (vec![None; node.inputs.len()], vec![None; node.outputs.len()]);
    node.set_quant_type(QuantType::F32);
    let name = node.name.clone();
    let slopes = draft.input(id, 1).and_then(|value| draft.value_mut(value).constant.as_mut());
    slopes.into_iter().for_each(|slopes| *slopes = dequantized(slopes));
    draft.differences.push(format!(
        "{name}: it runs in float, since its kernel for integers copies positive inputs, whose steps are larger than those of its \
         output"
    ));
}

fn dequantized(integers: &Tensor) -> Tensor {
    let exponent = integers.exponents.first().copied().unwrap_or(0) as f64;
    let values = integers.values().unwrap_or_default();
    let bytes = values.iter().flat_map(|value| ((value * exponent.exp2()) as f32).to_le_bytes()).collect();
    Tensor { data_type: DataType::Float, exponents: vec![0], bytes, ..integers.clone() }
}

/// Sets exponents within the kernel's range, before the boundaries, which then requantize the input or the output. A kernel
/// that copies positive inputs has the larger exponent of both: slopes above 1, or below -1, make an output larger than the
/// input.
pub fn exponents(draft: &mut Draft, family: Family) {
    for id in draft.order() {
        let Some(node) = draft.node(id).filter(|n| slopes(draft, n).is_some()) else { continue };
        let first = |ports: &[Option<Port>]| ports.first()?.as_ref()?.exponents.first().copied();
        let (Some(input), Some(output)) = (first(&node.ports.0), first(&node.ports.1)) else { continue };
        let copied = family == Family::C || node.quant_type() != Some(QuantType::S8);
        if copied && input > output.saturating_add(LARGEST_LOSS) {
            run_in_float(draft, id);
            continue;
        }
        let right = if copied { input.max(output) } else { output.max(input.saturating_sub(LARGEST_SHIFT)) };
        let name = node.name.clone();
        if copied && input < right {
            if let Some(port) = draft.node_mut(id).and_then(|n| n.ports.0.first_mut()?.as_mut()) {
                port.exponents = vec![right];
            }
            draft.differences.push(format!(
                "{name}: its input is requantized from exponent {input} to {right}, that of its output, since the kernel copies \
                 positive inputs"
            ));
        }
        if right == output {
            continue;
        }
        if let Some(port) = draft.node_mut(id).and_then(|n| n.ports.1.first_mut()?.as_mut()) {
            port.exponents = vec![right];
        }
        draft.differences.push(format!(
            "{name}: its output has exponent {right} and is requantized to {output} by its readers, since the kernel \
             cannot convert from {input} to {output}"
        ));
    }
}
