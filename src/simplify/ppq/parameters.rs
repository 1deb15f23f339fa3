//! Duplication of constants that several ports read: each may get its own scale.

use std::collections::HashSet;

use super::layers::Layers;

pub fn split(layers: &mut Layers) {
    let mut taken = HashSet::new();
    let ids: Vec<_> = layers.graph.node_ids().collect();
    for id in ids {
        for port in 0..layers.node(id).inputs.len() {
            let Some(value) = layers.node(id).input(port) else { continue };
            if !layers.is_constant(value) || taken.insert(value) {
                continue;
            }
            let shared = layers.graph.value(value);
            let (name, tensor, scales) = (shared.name.clone(), shared.constant.clone(), shared.scales.clone());
            if let Some(tensor) = tensor {
                let own = layers.add_constant(&name, tensor);
                layers.graph.values[own.0].scales = scales;
                layers.set_input(id, port, Some(own));
            }
        }
    }
}
