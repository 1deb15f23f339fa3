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
    /// Precision that they were measured at.
    pub scheme: Scheme,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Seconds;
    use crate::chip::Target;
    use crate::note::Note;

    const ERROR: Error = Error { nsr: 0.25, cosine: 0.9, mse: 0.1 };

    fn layers(schemes: &[(&str, Scheme)]) -> Fact {
        let planned = |&(name, scheme): &(&str, Scheme)| PlannedLayer {
            name: name.to_string(),
            op: "Conv".to_string(),
            scheme: Some(scheme),
        };
        Fact::Layers(Layers { inputs: vec!["x".to_string()], layers: schemes.iter().map(planned).collect() })
    }

    fn report(names: &[&str]) -> Fact {
        let layer = |name: &&str| Layer {
            name: name.to_string(),
            op: "Conv".to_string(),
            scheme: Scheme::Int8,
            graphwise: None,
            layerwise: Some(ERROR),
            inputs: vec![None, Some(Port { name: "w".to_string(), bits: 8, exponents: vec![-7] })],
            outputs: Vec::new(),
            statistics: None,
        };
        Fact::Report(Arc::new(Report {
            model: String::new(),
            settings: crate::quant::Settings::new(Target::Esp32p4, Scheme::Int8),
            calibration_samples: 1,
            analysis_samples: 1,
            layers: names.iter().map(layer).collect(),
            outputs: vec![OutputError { name: "y".to_string(), error: ERROR, standard_error: 0.0, before: None }],
            observers: None,
            notes: vec![Note::of_layer("/b", "is zero"), Note::new("the batch is 1")],
            seconds: Seconds::default(),
        }))
    }

    #[test]
    fn layers_are_known_before_their_figures() {
        let mut knowledge = Knowledge::default();
        knowledge.learn(layers(&[("/a", Scheme::Int8), ("/b", Scheme::Int16)]));
        let names: Vec<_> = knowledge.layers().iter().map(|l| (l.name.as_str(), l.scheme, l.layerwise())).collect();
        assert_eq!(names, [("/a", Some(Scheme::Int8), None), ("/b", Some(Scheme::Int16), None)]);
        assert_eq!((knowledge.inputs(), knowledge.outputs()), (&["x".to_string()][..], &[][..]));
    }

    #[test]
    fn a_report_adds_errors_ports_and_the_notes_of_each_layer() {
        let mut knowledge = Knowledge::default();
        knowledge.learn(layers(&[("/a", Scheme::Int8), ("/b", Scheme::Int8)]));
        knowledge.learn(report(&["/a", "/b"]));
        let b = knowledge.layer("/b").and_then(|layer| layer.figures.clone()).unwrap();
        assert_eq!((b.layerwise, b.inputs.len(), b.notes), (Some(ERROR), 1, vec!["is zero".to_string()]));
        let a = knowledge.layer("/a").and_then(|layer| layer.figures.clone()).unwrap();
        assert_eq!(a.notes, [""; 0]);
        assert_eq!(knowledge.outputs().len(), 1);
    }

    #[test]
    fn figures_stay_with_a_layer_until_it_has_another_precision() {
        let mut knowledge = Knowledge::default();
        knowledge.learn(report(&["/a", "/b"]));
        knowledge.learn(layers(&[("/a", Scheme::Int8), ("/b", Scheme::Int16), ("/c", Scheme::Int8)]));
        let measured: Vec<_> = knowledge.layers().iter().map(|l| (l.name.as_str(), l.layerwise().is_some())).collect();
        assert_eq!(measured, [("/a", true), ("/b", false), ("/c", false)]);
    }
}
