//! Knowledge of a project's layers: the only data source of hover and completion.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::analysis::{Alone, ErrorFigures, Layer, LayerPort, OutputError, Report};
use crate::chip::Scheme;
use crate::cost::{Change, Cost, LayerCost};
use crate::engine::{LayerNames, Layers, Place, PlannedLayer};
use crate::project::Project;

/// Result of a stage of the analysis.
pub enum Fact {
    /// Layers of the model and the plan.
    Layers(Layers),
    /// Figures with the scales of an earlier calibration.
    Expected(Arc<Report>),
    /// Values of the whole network at which it can be cut, by depth.
    Places(Arc<Vec<Place>>),
    Report(Arc<Report>),
    /// Flash, RAM and time of the finished file.
    Cost(Arc<Cost>),
    /// Changes of these by the lines of `[precision]`, by layer.
    Prices(BTreeMap<String, Change>),
    /// The current text is not going to be measured.
    Outdated,
}

/// Relation of the figures to the current text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Figures of an earlier text or calibration, until the analysis ends.
    #[default]
    Earlier,
    /// Figures of an earlier text, and no analysis runs.
    Outdated,
    /// Figures of the current text and its own calibration.
    Final,
}

/// Layers of a model in the graph's order, each with the figures known so far. Figures of an earlier text stay until
/// newer ones arrive.
#[derive(Clone, Default)]
pub struct Knowledge {
    inputs: Vec<String>,
    outputs: Vec<OutputError>,
    layers: Vec<LayerView>,
    names: LayerNames,
    state: State,
    cost: Option<Arc<Cost>>,
    prices: BTreeMap<String, Change>,
    places: Arc<Vec<Place>>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct LayerView {
    pub name: String,
    pub op: String,
    /// Path of the module of the source model that it is from.
    pub module: Option<String>,
    pub scheme: Option<Scheme>,
    /// Shape of its first output.
    pub shape: Vec<usize>,
    pub figures: Option<Figures>,
}

/// Figures of a layer from a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Precision at which they were measured.
    pub scheme: Scheme,
    pub graphwise: Option<ErrorFigures>,
    /// Error of the layer alone, measured or estimated.
    pub alone: Option<Alone>,
    pub inputs: Vec<LayerPort>,
    pub outputs: Vec<LayerPort>,
    pub notes: Vec<String>,
}

impl Knowledge {
    pub fn apply_result(&mut self, fact: Fact) {
        match fact {
            Fact::Layers(found) => {
                self.inputs = found.inputs;
                self.names = found.names;
                self.state = State::Earlier;
                let mut old = std::mem::take(&mut self.layers);
                let names = &self.names;
                self.layers = found.layers.into_iter().map(|layer| planned(layer, names, &mut old)).collect();
            }
            Fact::Expected(report) => self.learn(&report, State::Earlier),
            Fact::Report(report) => self.learn(&report, State::Final),
            Fact::Cost(cost) => self.cost = Some(cost),
            Fact::Prices(prices) => self.prices = prices,
            Fact::Places(places) => self.places = places,
            Fact::Outdated => self.state = State::Outdated,
        }
    }

    fn learn(&mut self, report: &Report, state: State) {
        let earlier: BTreeMap<String, LayerView> =
            self.layers.drain(..).map(|layer| (layer.name.clone(), layer)).collect();
        self.state = state;
        self.outputs.clone_from(&report.outputs);
        self.layers = report.layers.iter().map(|layer| measured(layer, earlier.get(&layer.name), report)).collect();
    }

    /// Words behind a figure that is not that of the current text.
    pub fn state(&self) -> &'static str {
        match self.state {
            State::Earlier => " (recalibrating)",
            State::Outdated => " (before the last change)",
            State::Final => "",
        }
    }

    pub fn is_final(&self) -> bool {
        self.state == State::Final
    }

    pub fn inputs(&self) -> &[String] {
        &self.inputs
    }

    /// Flash, RAM and time, once the file is finished.
    pub fn cost(&self) -> Option<&Cost> {
        self.cost.as_deref()
    }

    /// Cost of the layer that a name stands for.
    pub fn layer_cost(&self, name: &str) -> Option<&LayerCost> {
        let name = self.names.layer(name).unwrap_or(name);
        self.cost.as_ref()?.layers.iter().find(|layer| layer.name == name)
    }

    /// Change of flash and time by the line of `[precision]` with this name.
    pub fn price(&self, name: &str) -> Option<&Change> {
        self.prices.get(self.names.layer(name).unwrap_or(name))
    }

    /// Errors of the outputs, once they are measured.
    pub fn outputs(&self) -> &[OutputError] {
        &self.outputs
    }

    /// Values at which the network can be cut, by depth.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// The value of a name: its own, or that of a layer with one output.
    pub fn place(&self, name: &str) -> Option<&Place> {
        let of_layer = || self.places.iter().find(|place| place.is_only && place.layer == name);
        self.places.iter().find(|place| place.value == name).or_else(of_layer)
    }

    pub fn layers(&self) -> &[LayerView] {
        &self.layers
    }

    /// The layer that a name stands for: its own, or that of a node within it.
    pub fn layer(&self, name: &str) -> Option<&LayerView> {
        let name = self.names.layer(name).unwrap_or(name);
        self.layers.iter().find(|layer| layer.name == name)
    }

    /// The project with the names of layers in the place of those of nodes within them.
    pub fn named(&self, project: &Arc<Project>) -> Arc<Project> {
        let named = project.with_layers(|name| self.names.layer(name).map(str::to_string));
        named.map_or_else(|| project.clone(), Arc::new)
    }
}

impl LayerView {
    /// Error of the outputs with only this layer quantized.
    pub fn alone(&self) -> Option<Alone> {
        self.figures.as_ref()?.alone
    }
}

/// Makes a layer's view, with its previous figures unless they belong to another precision.
fn planned(layer: PlannedLayer, names: &LayerNames, old: &mut [LayerView]) -> LayerView {
    let PlannedLayer { name, op, scheme, shape } = layer;
    let before = old.iter_mut().find(|old| old.name == name && old.op == op);
    let figures = before.and_then(|old| old.figures.take());
    let figures = figures.filter(|figures| scheme.is_none_or(|scheme| scheme == figures.scheme));
    let module = names.module(&name).map(str::to_string);
    LayerView { name, op, module, scheme, shape, figures }
}

/// Makes a layer's view from a report. Where that has no error of the layer alone, the earlier one stays, unless it belongs to another
/// precision.
fn measured(layer: &Layer, earlier: Option<&LayerView>, report: &Report) -> LayerView {
    let ports = |ports: &[Option<LayerPort>]| ports.iter().flatten().cloned().collect();
    let before = earlier.and_then(|earlier| earlier.figures.as_ref()).filter(|before| before.scheme == layer.scheme);
    let figures = Figures {
        scheme: layer.scheme,
        graphwise: layer.graphwise,
        alone: layer.alone().or_else(|| before.and_then(|before| before.alone)),
        inputs: ports(&layer.inputs),
        outputs: ports(&layer.outputs),
        notes: report.notes.iter().filter(|note| note.layers.contains(&layer.name)).map(|n| n.text.clone()).collect(),
    };
    LayerView {
        name: layer.name.clone(),
        op: layer.op.clone(),
        module: layer.module.clone(),
        scheme: Some(layer.scheme),
        shape: earlier.map(|earlier| earlier.shape.clone()).unwrap_or_default(),
        figures: Some(figures),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Seconds;
    use crate::chip::Target;
    use crate::note::Note;
    use crate::quant::Port;

    const ERROR: ErrorFigures = ErrorFigures { nsr: 0.25, cosine: 0.9, mse: 0.1 };
    const ALONE: Alone = Alone { nsr: 0.25, is_estimate: false };

    fn layers(schemes: &[(&str, Scheme)]) -> Fact {
        let planned = |&(name, scheme): &(&str, Scheme)| PlannedLayer {
            name: name.to_string(),
            op: "Conv".to_string(),
            scheme: Some(scheme),
            shape: vec![1, 4],
        };
        Fact::Layers(Layers {
            inputs: vec!["x".to_string()],
            layers: schemes.iter().map(planned).collect(),
            names: LayerNames::default(),
        })
    }

    fn report(names: &[&str]) -> Fact {
        let layer = |name: &&str| Layer {
            name: name.to_string(),
            module: None,
            op: "Conv".to_string(),
            scheme: Scheme::Int8,
            graphwise: None,
            layerwise: Some(ERROR),
            estimate: None,
            inputs: vec![
                None,
                Some(LayerPort { name: "w".to_string(), port: Port { bits: 8, exponents: vec![-7] }, clipping: None }),
            ],
            outputs: Vec::new(),
            statistics: None,
        };
        Fact::Report(Arc::new(Report {
            model: String::new(),
            settings: crate::quant::Settings::new(Target::Esp32p4, Scheme::Int8),
            calibration_samples: 1,
            analysis_samples: 1,
            layers: names.iter().map(layer).collect(),
            outputs: vec![OutputError {
                name: "y".to_string(),
                error: ERROR,
                standard_error: 0.0,
                before: None,
                equal: None,
                agreement: None,
            }],
            joints: Vec::new(),
            saturation: Vec::new(),
            detection: None,
            observers: None,
            notes: vec![Note::of_layer("/b", "is zero"), Note::new("the batch is 1")],
            on_chip: None,
            accuracy: None,
            seconds: Seconds::default(),
        }))
    }

    #[test]
    fn layers_are_known_before_their_figures() {
        let mut knowledge = Knowledge::default();
        knowledge.apply_result(layers(&[("/a", Scheme::Int8), ("/b", Scheme::Int16)]));
        let names: Vec<_> = knowledge.layers().iter().map(|l| (l.name.as_str(), l.scheme, l.alone())).collect();
        assert_eq!(names, [("/a", Some(Scheme::Int8), None), ("/b", Some(Scheme::Int16), None)]);
        assert_eq!((knowledge.inputs(), knowledge.outputs()), (&["x".to_string()][..], &[][..]));
    }

    #[test]
    fn a_report_adds_errors_ports_and_the_notes_of_each_layer() {
        let mut knowledge = Knowledge::default();
        knowledge.apply_result(layers(&[("/a", Scheme::Int8), ("/b", Scheme::Int8)]));
        knowledge.apply_result(report(&["/a", "/b"]));
        let b = knowledge.layer("/b").and_then(|layer| layer.figures.clone()).unwrap();
        assert_eq!((b.alone, b.inputs.len(), b.notes), (Some(ALONE), 1, vec!["is zero".to_string()]));
        let a = knowledge.layer("/a").and_then(|layer| layer.figures.clone()).unwrap();
        assert_eq!(a.notes, [""; 0]);
        assert_eq!(knowledge.outputs().len(), 1);
    }

    #[test]
    fn figures_stay_with_a_layer_until_it_has_another_precision() {
        let mut knowledge = Knowledge::default();
        knowledge.apply_result(report(&["/a", "/b"]));
        knowledge.apply_result(layers(&[("/a", Scheme::Int8), ("/b", Scheme::Int16), ("/c", Scheme::Int8)]));
        let measured: Vec<_> = knowledge.layers().iter().map(|l| (l.name.as_str(), l.alone().is_some())).collect();
        assert_eq!(measured, [("/a", true), ("/b", false), ("/c", false)]);
    }
}
