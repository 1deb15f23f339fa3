//! Values at which a network can be cut, for completion.

use crate::graph::ValueId;
use crate::model::Imported;
use crate::order;

/// Value at which a network can be cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Name of the value in the file.
    pub value: String,
    /// Name of the layer that computes it; empty if it has none.
    pub layer: String,
    /// ONNX operator type of the layer.
    pub op: String,
    /// Set if the layer has this output alone, so that its name stands for the value.
    pub is_only: bool,
    /// Number of layers on the longest way from the model's inputs.
    pub depth: usize,
    /// Lengths of the axes, where they are known.
    pub shape: Option<Vec<usize>>,
}

/// Lists the values of a network that depend on its inputs, by depth.
pub fn places(imported: &Imported) -> Vec<Place> {
    let mut graph = imported.graph.clone();
    if super::sort(&mut graph).is_err() {
        return Vec::new();
    }
    super::fold::infer_known(&mut graph);
    let mut depths: Vec<Option<usize>> = vec![None; graph.values.len()];
    graph.inputs.iter().for_each(|input| depths[input.0] = Some(0));
    let mut places = Vec::new();
    for node in &graph.nodes {
        let Some(depth) = node.inputs.iter().flatten().filter_map(|input| depths[input.0]).max() else { continue };
        let outputs: Vec<ValueId> = node.outputs.iter().flatten().copied().collect();
        for &output in &outputs {
            depths[output.0] = Some(depth + 1);
            let value = graph.value(output);
            places.push(Place {
                value: value.name.clone(),
                layer: node.name.clone(),
                op: node.op.clone(),
                is_only: outputs.len() == 1,
                depth: depth + 1,
                shape: value.shape.clone(),
            });
        }
    }
    order::sort_by_key(&mut places, |place| place.depth);
    places
}
