//! The `.json` beside the model, in the form of esp-ppq's `export_quantization_config`.
//!
//! esp-ppq numbers configurations at random; here they count from 1, in the order of nodes.

use std::collections::HashMap;

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::chip::{Family, Scheme, Target};
use crate::quant::{ConfigId, PortConfig, Quantized, State};
use crate::{Error, Result};

use super::draft::{Draft, DraftNode};

#[derive(Serialize, Default)]
struct File {
    configs: Pairs<Pairs<Value>>,
    dispatchings: Pairs<String>,
    values: Pairs<Value>,
}

/// Map in the order in which it is filled.
struct Pairs<V> {
    entries: Vec<(String, V)>,
    places: HashMap<String, usize>,
}

impl<V> Default for Pairs<V> {
    fn default() -> Self {
        Pairs { entries: Vec::new(), places: HashMap::new() }
    }
}

impl<V> Pairs<V> {
    /// Replaces an earlier value with the same name, like Python.
    fn insert(&mut self, name: String, value: V) {
        match self.places.get(&name) {
            Some(&at) => self.entries[at].1 = value, // entries never go
            None => {
                self.places.insert(name.clone(), self.entries.len());
                self.entries.push((name, value));
            }
        }
    }
}

impl<V: Serialize> Serialize for Pairs<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.entries.iter().map(|(name, value)| (name, value)))
    }
}

/// Writes width, policy, state, range and master of every configuration, by node and by value.
pub fn quantization(draft: &Draft, quantized: &Quantized) -> Result<String> {
    let mut file = File::default();
    let mut numbers = Numbers::default();
    for node in draft.nodes.iter().flatten().chain(&draft.replaced) {
        let Some(config) = &node.config else { continue };
        file.configs.insert(node.name.clone(), ports(draft, node, quantized, &mut numbers));
        file.dispatchings.insert(node.name.clone(), platform(quantized.plan().settings.target, config.scheme));
        for &id in config.inputs.iter().chain(&config.outputs) {
            let leader = quantized.plan().configs.leader(id);
            let exponents = quantized
                .plan()
                .configs
                .exponents(leader)
                .filter(|_| quantized.plan().configs[leader].state.has_scale());
            if let Some(exponents) = exponents {
                let number = numbers.of(leader).to_string();
                file.values.insert(number, scales(&quantized.plan().configs[leader], exponents));
            }
        }
    }
    serde_json::to_string_pretty(&file)
        .map(|text| text + "\n")
        .map_err(|e| Error::new(format!("the quantization cannot be written as JSON: {e}")))
}

/// Numbers of configurations, from 1.
#[derive(Default)]
struct Numbers(HashMap<ConfigId, usize>);

impl Numbers {
    fn of(&mut self, id: ConfigId) -> usize {
        let next = self.0.len() + 1;
        *self.0.entry(id).or_insert(next)
    }
}

fn ports(draft: &Draft, node: &DraftNode, quantized: &Quantized, numbers: &mut Numbers) -> Pairs<Value> {
    let mut ports = Pairs::default();
    let Some(config) = &node.config else { return ports };
    let name = |id| draft.value(id).name.clone();
    let inputs = node.inputs.iter().map(|v| v.map(name).unwrap_or_default());
    let outputs = node.outputs.iter().map(|&v| name(v));
    let ids = config.inputs.iter().zip(inputs).chain(config.outputs.iter().zip(outputs));
    for (&id, value) in ids {
        let config = &quantized.plan().configs[id];
        let leader = quantized.plan().configs.leader(id);
        let half = 1i64.checked_shl(config.bits.saturating_sub(1)).unwrap_or(i64::MIN);
        let port = json!({
            "bit_width": config.bits,
            "policy": policy(config.axis.is_some()),
            "state": state(config.state),
            "quant_min": half.checked_neg().unwrap_or(i64::MIN),
            "quant_max": half.wrapping_sub(1),
            "hash": numbers.of(id),
            "dominator": numbers.of(leader),
        });
        ports.insert(value, port);
    }
    ports
}

fn policy(per_channel: bool) -> Value {
    json!({
        "PER_TENSOR": !per_channel,
        "PER_CHANNEL": per_channel,
        "LINEAR": true,
        "FLOATING": false,
        "SYMMETRICAL": true,
        "ASYMMETRICAL": false,
        "POWER_OF_2": true,
        "DYNAMIC": false,
    })
}

fn state(state: State) -> &'static str {
    match state {
        State::Initial => "INITIAL",
        State::Activated => "ACTIVATED",
        State::Overlapped => "OVERLAPPED",
        State::PassiveInit => "PASSIVE_INIT",
        State::Passive => "PASSIVE",
        State::Float => "FP32",
    }
}

fn scales(config: &PortConfig, exponents: &[i32]) -> Value {
    let scale = |&e: &i32| f64::from(e).exp2();
    match (config.axis, exponents) {
        (None, [one]) => json!({ "scale": scale(one), "zero_point": 0.0 }),
        _ => {
            let scales: Vec<f64> = exponents.iter().map(scale).collect();
            json!({ "zero_point": vec![0.0; scales.len()], "scale": scales })
        }
    }
}

/// Returns esp-ppq's `TargetPlatform`.
pub fn platform(target: Target, scheme: Scheme) -> String {
    let family = match target.family() {
        Family::P4 => "",
        Family::S3 => "S3_",
        Family::C => "C_",
    };
    match scheme {
        Scheme::Int8 => format!("ESPDL_{family}INT8"),
        Scheme::Int16 => format!("ESPDL_{family}INT16"),
        Scheme::W8A16 => format!("ESPDL_{family}W8A16"),
        Scheme::Float => "FP32".to_string(),
    }
}
