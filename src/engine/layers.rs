//! Layers of a project before any measurement.

use crate::Result;
use crate::chip::Scheme;
use crate::simplify::LayerNames;

use super::opened::Opened;

/// Inputs and layers of a project's model, in the graph's order.
#[derive(Debug, Clone, PartialEq)]
pub struct Layers {
    /// Names of the model's inputs.
    pub inputs: Vec<String>,
    /// Nodes of the planned graph; of the simplified one without a plan.
    pub layers: Vec<PlannedLayer>,
    /// Layers by the names that the file has.
    pub names: LayerNames,
}

/// Layer, before its figures are known.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedLayer {
    /// Name in the graph, by which the configuration selects the layer.
    pub name: String,
    /// ONNX operator type.
    pub op: String,
    /// Precision in the configuration; `None` without a plan.
    pub scheme: Option<Scheme>,
    /// Shape of its first output.
    pub shape: Vec<usize>,
}

impl Opened {
    /// Returns the layers of the model, with precisions if there is a plan.
    pub fn layers(&self) -> Result<Layers> {
        let model = self.model()?;
        let graph = &model.simplified.graph;
        // Lint reports why there is none.
        let plan = self.plan().ok();
        let planned = plan.as_ref().map_or(graph, |plan| &plan.graph);
        let layers = planned.node_ids().map(|id| {
            let node = planned.node(id);
            let scheme = plan.as_ref().map(|plan| plan.scheme(id));
            let shape = node.outputs.first().copied().flatten().and_then(|id| planned.value(id).shape.clone());
            PlannedLayer { name: node.name.clone(), op: node.op.clone(), scheme, shape: shape.unwrap_or_default() }
        });
        let inputs = graph.inputs.iter().map(|&id| graph.value(id).name.clone());
        Ok(Layers { inputs: inputs.collect(), layers: layers.collect(), names: model.simplified.names.clone() })
    }
}
