//! Deduplication: equal constants become one value, and nodes with equal results become one node.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::graph::edit::Links;
use crate::graph::{Attribute, Element, Graph, Tensor, ValueId};

pub fn constants(graph: &mut Graph) -> bool {
    let mut seen: HashMap<u64, Vec<ValueId>> = HashMap::new();
    let mut twins = HashMap::new();
    let read: Vec<ValueId> = graph.nodes.iter().flat_map(|n| n.inputs.iter().flatten().copied()).collect();
    for id in read {
        let Some(tensor) = &graph.value(id).constant else { continue };
        let alike = seen.entry(fingerprint(tensor)).or_default();
        let twin = |other: &&ValueId| {
            let value = graph.value(**other);
            **other == id || same(value.constant.as_ref(), tensor) && value.scales == graph.value(id).scales
        };
        match alike.iter().find(twin) {
            Some(other) if *other != id => _ = twins.insert(id, *other),
            Some(_) => {}
            None => alike.push(id),
        }
    }
    for input in graph.nodes.iter_mut().flat_map(|n| &mut n.inputs).flatten() {
        if let Some(twin) = twins.get(input) {
            *input = *twin;
        }
    }
    if !twins.is_empty() {
        // Name of a temporary constant in onnxsim.
        graph.numbered += 2;
    }
    !twins.is_empty()
}

/// Compares bit by bit: 0 and -0 differ, NaN equals itself.
fn same(other: Option<&Tensor>, tensor: &Tensor) -> bool {
    other.is_some_and(|other| match (other, tensor) {
        (Tensor::F32(a), Tensor::F32(b)) => {
            a.shape() == b.shape() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
        }
        (Tensor::F64(a), Tensor::F64(b)) => {
            a.shape() == b.shape() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
        }
        (a, b) => a == b,
    })
}

/// Hashes type, shape and a few elements: large constants are only compared if this is equal.
fn fingerprint(tensor: &Tensor) -> u64 {
    fn some<T: Element>(tensor: &Tensor, bits: impl Fn(T) -> u64) -> Option<Vec<u64>> {
        let elements = tensor.slice::<T>()?;
        let step = elements.len().div_ceil(64).max(1);
        Some(elements.iter().step_by(step).map(|&v| bits(v)).collect())
    }
    let mut hash = DefaultHasher::new();
    (tensor.data_type(), tensor.shape()).hash(&mut hash);
    some(tensor, |v: f32| v.to_bits().into()).hash(&mut hash);
    some(tensor, |v: i64| v as u64).hash(&mut hash);
    hash.finish()
}

pub fn nodes(graph: &mut Graph) -> bool {
    let links = Links::of(graph);
    let mut seen: HashMap<(String, Vec<Option<ValueId>>), Vec<usize>> = HashMap::new();
    let mut changed = false;
    for n in 0..graph.nodes.len() {
        let node = &graph.nodes[n];
        let idle = node.outputs.iter().flatten().all(|output| graph.uses(&links, *output) == 0);
        let drawn = super::fold::RANDOM.contains(&node.op.as_str());
        if idle || drawn || node.attributes.0.values().any(|a| matches!(a, Attribute::Graph(_))) {
            continue;
        }
        let alike = seen.entry((format!("{}:{}", node.domain, node.op), node.inputs.clone())).or_default();
        let twin = alike.iter().copied().find(|&other| {
            let other = &graph.nodes[other];
            other.attributes == node.attributes && other.outputs.len() == node.outputs.len()
        });
        let Some(twin) = twin else {
            alike.push(n);
            continue;
        };
        let pairs: Vec<_> = node.outputs.iter().zip(&graph.nodes[twin].outputs).map(|(a, b)| (*a, *b)).collect();
        for (old, new) in pairs {
            if let (Some(old), Some(new)) = (old, new) {
                changed |= graph.uses(&links, old) > 0 && graph.replace_uses(old, new);
            }
        }
    }
    changed
}
