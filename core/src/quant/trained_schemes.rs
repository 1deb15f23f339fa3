//! Precisions of layers by the widths of the scales that the model's file has.

use std::collections::BTreeMap;

use crate::chip::Scheme;
use crate::graph::{Graph, NodeId};
use crate::ops::{self, Role, Treatment};

use super::settings::Settings;

/// Layer whose precision in the settings is another one than that of its trained scales.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overridden {
    /// Name of the layer.
    pub layer: String,
    /// Precision that it was trained with.
    pub trained: Scheme,
    /// Precision of the settings.
    pub chosen: Scheme,
}

/// Returns settings with the file's precisions, except for layers that have one of their own. `whole` is the precision of
/// all others, if the user has chosen one.
pub fn with_trained(graph: &Graph, base: &Settings, whole: Option<Scheme>) -> Settings {
    let mut settings = base.clone();
    if whole.is_some() || !graph.has_scales() {
        return settings;
    }
    let schemes = schemes(graph);
    let mut counts: BTreeMap<Scheme, usize> = BTreeMap::new();
    schemes.values().for_each(|&scheme| *counts.entry(scheme).or_default() += 1);
    if let Some((&most, _)) = counts.iter().max_by_key(|&(_, count)| count) {
        settings.scheme = most;
    }
    for (node, scheme) in schemes {
        if scheme != settings.scheme {
            settings.layer_schemes.entry(graph.node(node).name.clone()).or_insert(scheme);
        }
    }
    settings
}

/// Lists layers whose precision in the settings differs from that of their scales, in the graph's order.
pub fn overridden(graph: &Graph, settings: &Settings) -> Vec<Overridden> {
    if !graph.has_scales() {
        return Vec::new();
    }
    let found = schemes(graph).into_iter().filter_map(|(node, trained)| {
        let layer = &graph.node(node).name;
        let chosen = settings.layer_schemes.get(layer).copied().unwrap_or(settings.scheme);
        (chosen != trained).then(|| Overridden { layer: layer.clone(), trained, chosen })
    });
    found.collect()
}

/// Returns the precisions of layers that have scales. A layer without a scale of its output has that of the activation
/// behind it, else that of its input.
fn schemes(graph: &Graph) -> BTreeMap<NodeId, Scheme> {
    let mut widths: Vec<Option<u32>> =
        graph.values.iter().map(|value| value.scales.first().map(|scale| scale.bits)).collect();
    let consumers = graph.consumers();
    for id in graph.node_ids() {
        let node = graph.node(id);
        let Some(output) = node.output(0).filter(|output| widths[output.0].is_none()) else { continue };
        let behind = match consumers[output.0][..] {
            [(reader, _)] if treatment(graph, reader).clamps => graph.node(reader).output(0),
            _ => None,
        };
        let input = node.input(0).filter(|_| treatment(graph, id).role != Role::Float);
        widths[output.0] = behind.and_then(|value| widths[value.0]).or_else(|| input.and_then(|value| widths[value.0]));
    }
    let scheme = |id: NodeId| {
        let node = graph.node(id);
        if treatment(graph, id).role == Role::Float {
            return None;
        }
        let weights = node.input(1).map(|value| graph.value(value)).filter(|value| value.constant.is_some());
        let weights = weights.and_then(|value| value.scales.first()).map(|scale| scale.bits);
        let packs = ops::on_chip(&node.op).is_some_and(|chip| chip.packs_weights);
        Some(match (widths[node.output(0)?.0]?, weights) {
            (16, Some(8)) if packs => Scheme::W8A16,
            (16, _) => Scheme::Int16,
            _ => Scheme::Int8,
        })
    };
    graph.node_ids().filter_map(|id| Some((id, scheme(id)?))).collect()
}

fn treatment(graph: &Graph, id: NodeId) -> &'static Treatment {
    ops::find(&graph.node(id).op).map_or(&Treatment::PLAIN, |operator| &operator.treatment)
}
