//! Scales of weights and other constants, before any activation is calibrated.
//!
//! esp-ppq: `ParameterQuantizePass` in `optim/parameters.py`, observers chosen in `EspdlQuantizer.py`.

use std::borrow::Cow;

use crate::Result;
use crate::chip::{Family, Scheme};
use crate::graph::{NodeId, Tensor};
use crate::parallel;
use crate::quant::config::{ConfigId, State};
use crate::quant::observe::{self, Elements, Extremes};
use crate::quant::plan::Plan;

pub fn parameters(plan: &mut Plan) -> Result<()> {
    let constants = constants(plan);
    let ranges = parallel::try_map(constants.len(), |index| ranges(plan, &constants[index]))?;
    for (constant, ranges) in constants.iter().zip(ranges) {
        // A scale that two constants share is that of the first one.
        if plan.configs[constant.id].state == State::Initial {
            set_scale(plan, constant, &ranges);
        }
    }
    Ok(())
}

/// Constant whose scale is not known yet.
struct Parameter {
    node: NodeId,
    port: usize,
    id: ConfigId,
    tensor: Tensor,
}

fn constants(plan: &Plan) -> Vec<Parameter> {
    let mut constants = Vec::new();
    for node in plan.graph.node_ids() {
        for (port, (id, value)) in plan.ports(node).into_iter().enumerate() {
            let Some(tensor) = value.and_then(|v| plan.graph.value(v).constant.clone()) else { continue };
            if matches!(plan.configs[id].state, State::Initial | State::PassiveInit) {
                constants.push(Parameter { node, port, id, tensor });
            }
        }
    }
    constants
}

/// Returns the range of a constant, or of each channel; none where its scale follows from others. Fails if an element
/// is not finite.
fn ranges(plan: &Plan, constant: &Parameter) -> Result<Vec<Extremes>> {
    let Parameter { node, port, id, tensor } = constant;
    let elements = elements(plan, *node, *port, tensor)?;
    if plan.configs[*id].state != State::Initial {
        return Ok(Vec::new());
    }
    let ranges = match plan.configs[*id].axis {
        Some(axis) => channel_ranges(&elements, tensor.shape(), axis),
        None if by_percentile(plan, *node, *id) => vec![observe::percentiles(elements.into_owned())],
        None => Extremes::finite(Elements::F32(&elements)).into_iter().collect(),
    };
    match ranges.is_empty() {
        true => Err(plan.in_layer(*node, format!("input {port} is an empty constant of shape {:?}", tensor.shape()))),
        false => Ok(ranges),
    }
}

fn set_scale(plan: &mut Plan, constant: &Parameter, ranges: &[Extremes]) {
    let &Parameter { node, port, id, .. } = constant;
    let bits = plan.configs[id].bits;
    let tiny = ranges.iter().all(|e| e.magnitude() > 0.0 && e.below_floor(bits));
    plan.configs.activate(id, ranges.iter().map(|e| e.exponent(bits)).collect());
    if tiny {
        let magnitude = ranges.iter().fold(0.0, |m: f64, e| m.max(e.magnitude()));
        plan.keep_float(node, port, magnitude);
    }
}

/// Returns `true` if a per-tensor constant has the observer percentile: at 8 bits, except in 16-bit models.
fn by_percentile(plan: &Plan, node: NodeId, id: ConfigId) -> bool {
    if plan.settings.scheme.activation_bits() == 16 {
        return false;
    }
    match plan.scheme(node) {
        Scheme::Int8 | Scheme::Float => true,
        Scheme::Int16 => false,
        Scheme::W8A16 => plan.configs[id].bits == 8 && plan.settings.target.family() != Family::P4,
    }
}

/// Returns the elements as float32; fails if one is not finite.
fn elements<'t>(plan: &Plan, node: NodeId, port: usize, constant: &'t Tensor) -> Result<Cow<'t, [f32]>> {
    let elements = match constant {
        Tensor::F32(a) => a.as_slice().map_or_else(|| a.iter().copied().collect(), Cow::Borrowed),
        Tensor::F64(a) => a.iter().map(|&v| v as f32).collect(),
        _ => return Ok(Cow::default()),
    };
    let search = || elements.iter().position(|v| !v.is_finite());
    // The range is sooner known than the place.
    match Extremes::finite(Elements::F32(&elements)).map_or_else(search, |_| None) {
        None => Ok(elements),
        Some(at) => {
            let what = format!("element {at} of the constant at input {port} is {}", elements[at]);
            Err(plan.in_layer(node, what).with_help("such a model cannot be quantized: train or export it again"))
        }
    }
}

fn channel_ranges(elements: &[f32], shape: &[usize], axis: usize) -> Vec<Extremes> {
    let Some(&channels) = shape.get(axis) else { return Vec::new() };
    let inner: usize = shape[axis + 1..].iter().product();
    let mut ranges = vec![Extremes::EMPTY; channels];
    if inner > 0 {
        for (block, values) in elements.chunks(inner).enumerate() {
            let range = &mut ranges[block % channels];
            // The elements are known to be finite.
            let block = Extremes::finite(Elements::F32(values)).unwrap_or(Extremes::EMPTY);
            *range = Extremes::union(&[*range, block]);
        }
    }
    ranges
}
