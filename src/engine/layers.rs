//! Layers of a project before anything is measured.

use crate::Result;
use crate::chip::Scheme;
use crate::project::Project;

use super::analyze::known_layers;
use super::{Engine, export};

/// Inputs and layers of a project's model, in the graph's order.
#[derive(Debug, Clone, PartialEq)]
pub struct Layers {
    pub inputs: Vec<String>,
    pub layers: Vec<PlannedLayer>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PlannedLayer {
    pub name: String,
    pub op: String,
    /// The precision that the configuration gives it; `None` while there is no plan.
    pub scheme: Option<Scheme>,
}

impl Engine {
    /// Returns the layers of the model as the project plans them.
    pub fn layers(&self, project: &Project) -> Result<Layers> {
        let model = self.model(project)?;
        let graph = &model.simplified.graph;
        let settings = project.config.settings().map(|settings| known_layers(&settings, graph));
        // Without a plan the names are known all the same; lint says what is wrong.
        let plan = settings.and_then(|settings| export::plan(project, graph, &settings).ok());
        let planned = plan.as_ref().map_or(graph, |plan| &plan.graph);
        let layers = planned.node_ids().map(|id| {
            let node = planned.node(id);
            PlannedLayer {
                name: node.name.clone(),
                op: node.op.clone(),
                scheme: plan.as_ref().map(|plan| plan.scheme(id)),
            }
        });
        let inputs = graph.inputs.iter().map(|&id| graph.value(id).name.clone());
        Ok(Layers { inputs: inputs.collect(), layers: layers.collect() })
    }
}
