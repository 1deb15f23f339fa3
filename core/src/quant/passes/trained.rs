//! Scales that the model's file has, in place of those that are observed.

use std::collections::BTreeSet;

use crate::Result;
use crate::graph::{Graph, NodeId, TrainedScale, ValueId};
use crate::note::Note;
use crate::quant::config::{ConfigId, State};
use crate::quant::plan::Plan;

/// Gives ports the scales of their values, where the widths are equal. Constants have been given theirs by range.
pub fn trained(plan: &mut Plan) -> Result<()> {
    if !plan.graph.has_scales() {
        return Ok(());
    }
    let mut count = [0, 0];
    for port in ports(plan) {
        count[1] += usize::from(port.is_constant && weights(plan, &port)?);
    }
    // A value that shares another's scale has its own only if that other one has none.
    for is_member in [false, true] {
        for port in ports(plan).iter().filter(|port| !port.is_constant) {
            let root = plan.configs.root(port.config);
            let is_open = plan.configs[root].state == State::Initial && (root != port.config) == is_member;
            let Some(scale) = port.scale(plan).filter(|_| is_open) else { continue };
            if let Some(exponent) = scale.exponent() {
                plan.configs.activate(root, vec![exponent]);
                count[0] += 1;
            }
        }
    }
    note(plan, count);
    Ok(())
}

/// Port of a value that has scales.
struct TrainedPort {
    node: NodeId,
    port: usize,
    config: ConfigId,
    value: ValueId,
    is_constant: bool,
}

impl TrainedPort {
    /// Returns the first scale of the port's width.
    fn scale(&self, plan: &Plan) -> Option<TrainedScale> {
        of_width(&plan.graph, self.value, plan.configs[self.config].bits).next().cloned()
    }
}

fn of_width(graph: &Graph, value: ValueId, bits: u32) -> impl Iterator<Item = &TrainedScale> {
    graph.value(value).scales.iter().filter(move |scale| scale.bits == bits)
}

fn ports(plan: &Plan) -> Vec<TrainedPort> {
    let mut ports = Vec::new();
    for node in plan.graph.node_ids() {
        for (port, (config, value)) in plan.ports(node).into_iter().enumerate() {
            let Some(value) = value.filter(|&value| !plan.graph.value(value).scales.is_empty()) else { continue };
            let is_constant = plan.graph.value(value).constant.is_some();
            ports.push(TrainedPort { node, port, config, value, is_constant });
        }
    }
    ports
}

/// Gives weights their scales; `false` where they have another width, or a scale that follows from others.
fn weights(plan: &mut Plan, port: &TrainedPort) -> Result<bool> {
    if plan.configs[port.config].state != State::Activated {
        return Ok(false);
    }
    let Some(scale) = port.scale(plan) else { return Ok(false) };
    let axis = plan.configs[port.config].axis;
    let channels = plan.configs.exponents(port.config).map_or(1, <[i32]>::len);
    let exponents = match (scale.exponent(), axis) {
        (Some(exponent), _) => vec![exponent; channels],
        (None, Some(axis)) if scale.axis == Some(axis) && scale.exponents.len() == channels => scale.exponents,
        (None, _) => return Err(other_channels(plan, port, &scale, axis)),
    };
    plan.configs.rescale(port.config, exponents);
    Ok(true)
}

fn other_channels(plan: &Plan, port: &TrainedPort, scale: &TrainedScale, axis: Option<usize>) -> crate::Error {
    let target = plan.settings.target;
    let count = scale.exponents.len();
    let has = match axis {
        Some(axis) => format!("those of the output channels, on axis {axis}"),
        None => format!("one scale for all of this constant on {target}"),
    };
    let what = format!("the constant at input {} was trained with {count} scales, but ESP-DL has {has}", port.port);
    plan.in_layer(port.node, what).with_help(match axis {
        Some(_) => "train with scales of the output channels, or with one",
        None => {
            "train with one scale for the weights of a layer, choose a target that has one for each channel (esp32p4), or use \
             the float model"
        }
    })
}

fn note(plan: &mut Plan, [values, constants]: [usize; 2]) {
    if values + constants == 0 {
        return;
    }
    let open = plan.observed().len();
    let others = match open {
        0 => "calibration determines none".to_string(),
        1 => "calibration determines 1 other".to_string(),
        _ => format!("calibration determines {open} others"),
    };
    let text = format!(
        "{} scales come from the model: {values} of values between layers, {constants} of weights; {others}",
        values + constants
    );
    plan.notes.push(Note::new(text));
}

/// Adds a note on scales of the file that do not hold, since a value has that of another one on the chip.
pub fn note_lost(plan: &mut Plan) {
    let mut layers = BTreeSet::new();
    let mut example = None;
    for port in ports(plan).iter().filter(|port| !port.is_constant) {
        let mut given = of_width(&plan.graph, port.value, plan.configs[port.config].bits).peekable();
        let (Some(&[exponent]), Some(first)) = (plan.configs.scale(port.config), given.peek()) else { continue };
        let first = first.exponent();
        if given.all(|scale| scale.exponent() != Some(exponent)) {
            example = example.or_else(|| Some((plan.graph.value(port.value).name.clone(), first?, exponent)));
            layers.insert((port.node.0, plan.graph.node(port.node).name.clone()));
        }
    }
    let Some((name, trained, exponent)) = example else { return };
    let text = format!(
        "trained scales do not hold: '{name}' was trained with 2^{trained} and has 2^{exponent}, since ESP-DL gives a layer and \
         the activation behind it one scale, as it does inputs and output of Add, Concat and layers that only move values; \
         train with esp-ppq, which simulates that"
    );
    plan.notes.push(Note { layers: layers.into_iter().map(|(_, name)| name).collect(), text });
}
