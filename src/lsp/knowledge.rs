//! Knowledge of a project's layers. Hover and completion read it, and nothing else.

use std::sync::Arc;

use crate::analysis::{Error, Layer, OutputError, Port, Report};
use crate::chip::Scheme;
use crate::engine::{Layers, PlannedLayer};

/// Result of a stage of the analysis.
pub enum Fact {
    /// Of the model and the plan.
    Layers(Layers),
    Report(Arc<Report>),
}

/// The layers of a model in the graph's order, each as far as it is known. Figures of an earlier text stay until newer
/// ones come.
#[derive(Clone, Default)]
pub struct Knowledge {
    inputs: Vec<String>,
    outputs: Vec<OutputError>,
    layers: Vec<LayerView>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct LayerView {
    pub name: String,
    pub op: String,
    pub scheme: Option<Scheme>,
    pub figures: Option<Figures>,
}

/// What a report has of a layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    scheme: Scheme,
    pub graphwise: Option<Error>,
    pub layerwise: Option<Error>,
    pub inputs: Vec<Port>,
    pub outputs: Vec<Port>,
    pub notes: Vec<String>,
}

impl Knowledge {
    pub fn learn(&mut self, fact: Fact) {
        match fact {
            Fact::Layers(found) => {
                self.inputs = found.inputs;
                let mut old = std::mem::take(&mut self.layers);
                self.layers = found.layers.into_iter().map(|layer| planned(layer, &mut old)).collect();
            }
            Fact::Report(report) => {
                self.outputs.clone_from(&report.outputs);
                self.layers = report.layers.iter().map(|layer| measured(layer, &report)).collect();
            }
        }
    }

    pub fn inputs(&self) -> &[String] {
        &self.inputs
    }

    /// Errors of the outputs, once they are measured.
    pub fn outputs(&self) -> &[OutputError] {
        &self.outputs
    }

    pub fn layers(&self) -> &[LayerView] {
        &self.layers
    }

    pub fn layer(&self, name: &str) -> Option<&LayerView> {
        self.layers.iter().find(|layer| layer.name == name)
    }
}

impl LayerView {
    /// Error of the outputs with this layer alone quantized.
    pub fn layerwise(&self) -> Option<f64> {
        Some(self.figures.as_ref()?.layerwise?.nsr)
    }
}

/// With the figures that it had, unless they are of another precision.
fn planned(layer: PlannedLayer, old: &mut [LayerView]) -> LayerView {
    let PlannedLayer { name, op, scheme } = layer;
    let before = old.iter_mut().find(|old| old.name == name && old.op == op);
    let figures = before.and_then(|old| old.figures.take());
    let figures = figures.filter(|figures| scheme.is_none_or(|scheme| scheme == figures.scheme));
    LayerView { name, op, scheme, figures }
}

fn measured(layer: &Layer, report: &Report) -> LayerView {
    let ports = |ports: &[Option<Port>]| ports.iter().flatten().cloned().collect();
    let figures = Figures {
        scheme: layer.scheme,
        graphwise: layer.graphwise,
        layerwise: layer.layerwise,
        inputs: ports(&layer.inputs),
        outputs: ports(&layer.outputs),
        notes: report.notes.iter().filter(|note| note.layers.contains(&layer.name)).map(|n| n.text.clone()).collect(),
    };
    LayerView { name: layer.name.clone(), op: layer.op.clone(), scheme: Some(layer.scheme), figures: Some(figures) }
}
