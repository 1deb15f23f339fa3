//! Imported quantization: schemes and exponents come from a file instead of samples.
//!
//! Never: the format of the file.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::graph::{Graph, Node};
use crate::{Error, Result};

use super::config::State;
use super::plan::Plan;
use super::settings::Settings;
use crate::chip::{Family, Scheme};

/// Layers in the file's order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ImportedScales {
    /// Quantized layers; any other layer of the model is fused into one of them, or stays in float.
    pub layers: Vec<ImportedLayer>,
}

/// Quantization of one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedLayer {
    /// Name in the graph that was quantized.
    pub name: String,
    /// Precision in the file, which overrides that of the settings.
    pub scheme: Scheme,
    /// Kernel family; `None` for all families.
    pub family: Option<Family>,
    /// Inputs, then outputs, by the value's name; `None` for a value in float.
    pub ports: Vec<(String, Option<ImportedPort>)>,
}

/// Integers of one value.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedPort {
    /// Width of the integers.
    pub bits: u32,
    /// log2 of the scale, one per channel if per-channel.
    pub exponents: Vec<i32>,
}

impl ImportedScales {
    /// Returns the settings of the file, as far as it contains them: schemes of layers, and of the model unless `whole`
    /// overrides it.
    pub fn settings(&self, graph: &Graph, base: &Settings, whole: Option<Scheme>) -> Result<Settings> {
        for layer in &self.layers {
            if let Some(family) = layer.family.filter(|&f| f != base.target.family()) {
                return Err(Error::new(format!(
                    "the quantization is for {}, but the target is {}",
                    named(family),
                    base.target
                ))
                .in_layer(&layer.name)
                .with_help("calibrate for this target, or export for the one of the file"));
            }
        }
        let mut settings = Settings { scheme: whole.unwrap_or_else(|| self.most()), ..base.clone() };
        let layers: HashMap<&str, &ImportedLayer> = self.layers.iter().map(|l| (l.name.as_str(), l)).collect();
        let values: HashSet<&str> =
            self.layers.iter().flat_map(|l| l.ports.iter().map(|(name, _)| name.as_str())).collect();
        for node in &graph.nodes {
            let scheme = match layers.get(node.name.as_str()) {
                Some(layer) => Some(layer.scheme),
                None if is_fused(graph, node, &values) => None,
                None => Some(Scheme::Float),
            };
            if let Some(scheme) = scheme.filter(|&s| s != settings.scheme) {
                settings.layer_schemes.insert(node.name.clone(), scheme);
            }
        }
        Ok(settings)
    }

    fn most(&self) -> Scheme {
        let mut counts: BTreeMap<Scheme, usize> = BTreeMap::new();
        self.layers.iter().for_each(|l| *counts.entry(l.scheme).or_default() += 1);
        counts.into_iter().max_by_key(|&(_, count)| count).map_or(Scheme::Int8, |(scheme, _)| scheme)
    }

    /// Gives every port that calibration would observe the file's scale, and constants theirs.
    pub fn apply(&self, plan: &mut Plan) -> Result<()> {
        let layers: HashMap<&str, &ImportedLayer> = self.layers.iter().map(|l| (l.name.as_str(), l)).collect();
        let mut values: HashMap<&str, &ImportedPort> = HashMap::new();
        for (name, port) in self.layers.iter().flat_map(|l| &l.ports) {
            if let Some(port) = port {
                values.entry(name).or_insert(port);
            }
        }
        for node in plan.graph.node_ids() {
            let layer = layers.get(plan.graph.node(node).name.as_str());
            for (index, (config, value)) in plan.ports(node).into_iter().enumerate() {
                let open = plan.configs[config].state == State::Initial;
                let Some(value) = value.filter(|_| open || plan.configs[config].state == State::Activated) else {
                    continue;
                };
                let name = plan.graph.value(value).name.as_str();
                let bits = plan.configs[config].bits;
                let own = layer.and_then(|l| l.ports.iter().find(|(n, _)| n == name)?.1.as_ref());
                let placed = layer.and_then(|l| l.ports.get(index));
                // After a node whose integers are converted, the exporter gives the value another name.
                let renamed = placed.filter(|(n, _)| n.starts_with("PPQ_")).and_then(|(_, port)| port.as_ref());
                let made = || values.get(name).copied().filter(|p| p.bits == bits);
                let found = own.or(renamed).or_else(made).or(placed.and_then(|(_, port)| port.as_ref()));
                match found {
                    Some(port) if port.bits == bits && fits(plan, config, port) => {
                        plan.configs.activate(config, port.exponents.clone());
                    }
                    Some(port) => {
                        let what = format!(
                            "{name} has {} bits and {} exponents in the quantization, but {bits} bits here",
                            port.bits,
                            port.exponents.len(),
                        );
                        return Err(plan
                            .in_layer(node, what)
                            .with_help("the file belongs to another model: calibrate again"));
                    }
                    None if open => {
                        let what = format!("the quantization has no scale for {name}");
                        return Err(plan
                            .in_layer(node, what)
                            .with_help("the file belongs to another model: calibrate again"));
                    }
                    None => {}
                }
            }
        }
        Ok(())
    }
}

/// Returns `true` if the port has as many exponents as the constant has channels, or one.
fn fits(plan: &Plan, config: super::ConfigId, port: &ImportedPort) -> bool {
    let known = plan.configs.exponents(config).map_or(1, <[i32]>::len);
    port.exponents.len() == known
}

fn named(family: Family) -> &'static str {
    match family {
        Family::P4 => "ESP32-P4 or ESP32-S31",
        Family::S3 => "ESP32-S3",
        Family::C => "chips that run ESP-DL's portable code",
    }
}

/// Returns `true` for a Relu or Transpose that the exporter merges into another layer, whose output it then is.
fn is_fused(graph: &Graph, node: &Node, values: &HashSet<&str>) -> bool {
    node.op == "Transpose" || node.outputs.iter().flatten().any(|&v| values.contains(graph.value(v).name.as_str()))
}
