//! List of the layers: a read-only document with a line for each layer, and the ways from a layer's name to its line and back.

use lsp_types::{Location, Position, Range, Url, notification, request};
use serde::{Deserialize, Serialize};

use crate::project::cursor::{self, Place, unquoted};
use crate::project::schema;
use crate::text::units::{count, percent};

use super::document::Snapshot;
use super::knowledge::LayerView;

/// Scheme of the list's URI; the rest is that of the configuration.
pub const SCHEME: &str = "espq";

/// Request for the list of a configuration's layers.
pub enum LayerList {}

impl request::Request for LayerList {
    type Params = LayerListParams;
    type Result = Option<LayerListText>;
    const METHOD: &'static str = "espq/layers";
}

/// Notification that the list of a configuration's layers has changed.
pub enum LayersChanged {}

impl notification::Notification for LayersChanged {
    type Params = LayerListParams;
    const METHOD: &'static str = "espq/layersChanged";
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerListParams {
    /// The configuration, or its list.
    pub uri: Url,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerListText {
    /// URI of the list.
    pub uri: Url,
    /// Its text.
    pub text: String,
    /// Layers in the order of their lines.
    pub layers: Vec<ListedLayer>,
}

/// Layer for a tree or a table of an editor.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedLayer {
    pub name: String,
    pub op: String,
    pub precision: Option<String>,
    pub line: u32,
    pub cumulative: Option<f64>,
    pub alone: Option<f64>,
    /// The error alone is over its limit.
    pub is_over: bool,
}

/// Returns the configuration of a list's URI; other URIs are returned as they are.
pub fn configuration(uri: &Url) -> Url {
    let path = uri.as_str().strip_prefix("espq:");
    path.and_then(|path| Url::parse(&format!("file:{path}")).ok()).unwrap_or_else(|| uri.clone())
}

fn list_of(uri: &Url) -> Option<Url> {
    Url::parse(&format!("{SCHEME}:{}", uri.as_str().strip_prefix("file:")?)).ok()
}

/// Lines above the first layer.
const HEAD: usize = 2;
const BAR: usize = 8;

pub fn list(snapshot: &Snapshot) -> Option<LayerListText> {
    let layers = snapshot.knowledge.layers();
    let config = &snapshot.project.config;
    let listed = layers.iter().enumerate().map(|(at, layer)| ListedLayer {
        name: layer.name.clone(),
        op: layer.op.clone(),
        precision: layer.scheme.map(|scheme| scheme.to_string()),
        line: (HEAD + at) as u32,
        cumulative: cumulative(layer),
        alone: layer.alone().map(|alone| alone.nsr),
        is_over: layer.alone().is_some_and(|alone| crate::analysis::is_over(alone.nsr, config.limit_of(&layer.name))),
    });
    Some(LayerListText { uri: list_of(&snapshot.uri)?, text: text(snapshot), layers: listed.collect() })
}

fn text(snapshot: &Snapshot) -> String {
    let (layers, outputs) = (snapshot.knowledge.layers(), snapshot.knowledge.outputs());
    let errors: Vec<String> = outputs
        .iter()
        .filter(|output| output.is_judged())
        .map(|output| format!("{} loses {}", output.name, percent(output.error.nsr)))
        .collect();
    let state = snapshot.knowledge.state();
    let errors = if errors.is_empty() { "not measured yet".to_string() } else { errors.join(", ") + state };
    let names = layers.iter().map(|layer| layer.name.chars().count()).max().unwrap_or(0).max(5);
    let ops = layers.iter().map(|layer| layer.op.len()).max().unwrap_or(0).max(8);
    let shapes: Vec<String> = layers.iter().map(|layer| shape(&layer.shape)).collect();
    let wide = shapes.iter().map(String::len).max().unwrap_or(0).max(5);
    let most = |of: fn(&LayerView) -> Option<f64>| {
        layers.iter().filter_map(of).filter(|nsr| nsr.is_finite()).fold(0.0, f64::max)
    };
    let (most_cumulative, most_alone) = (most(cumulative), most(|layer| layer.alone().map(|alone| alone.nsr)));
    let column = BAR + 10;
    let mut text = format!(
        "# {}: {errors}\n# {:<names$}  {:<ops$}  {:<wide$}  precision  exponent  {:<column$}  alone\n",
        count(layers.len(), "layer"),
        "layer",
        "operator",
        "shape",
        "cumulative",
        // The head begins with "# ".
        names = names.saturating_sub(2),
    );
    for (layer, shape) in layers.iter().zip(&shapes) {
        let gap = " ".repeat(names - layer.name.chars().count());
        let precision = layer.scheme.map(|scheme| scheme.to_string()).unwrap_or_default();
        let line = format!(
            "{}{gap}  {:<ops$}  {shape:<wide$}  {precision:<9}  {:>8}  {:<column$}  {}",
            layer.name,
            layer.op,
            exponent(layer),
            bar(cumulative(layer), most_cumulative, false),
            bar(layer.alone().map(|alone| alone.nsr), most_alone, layer.alone().is_some_and(|alone| alone.is_estimate)),
        );
        text += line.trim_end();
        text.push('\n');
    }
    text
}

fn cumulative(layer: &LayerView) -> Option<f64> {
    layer.figures.as_ref()?.graphwise.map(|error| error.nsr)
}

fn exponent(layer: &LayerView) -> String {
    let output = layer.figures.as_ref().and_then(|figures| figures.outputs.first());
    output.and_then(|output| output.port.exponents.first()).map(ToString::to_string).unwrap_or_default()
}

fn shape(shape: &[usize]) -> String {
    shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x")
}

/// A bar of its share of the largest, and the figure, with a sign for estimates.
fn bar(nsr: Option<f64>, most: f64, is_estimate: bool) -> String {
    let Some(nsr) = nsr else { return String::new() };
    let share = if most > 0.0 && nsr.is_finite() { nsr / most } else { 0.0 };
    let filled = ((share * BAR as f64).round() as usize).min(BAR);
    let sign = if is_estimate { "≈" } else { "" };
    format!("{}{} {sign}{}", "█".repeat(filled), " ".repeat(BAR - filled), percent(nsr))
}

/// Returns the place that a name at a position leads to: from the configuration to the list, and back.
pub fn definition(snapshot: &Snapshot, uri: &Url, position: Position) -> Option<Location> {
    match uri.scheme() == SCHEME {
        true => from_list(snapshot, position),
        false => to_list(snapshot, position),
    }
}

fn to_list(snapshot: &Snapshot, position: Position) -> Option<Location> {
    let text = &snapshot.project.text;
    let Place::Key { table, key } = cursor::at(text, snapshot.places().byte(position)) else { return None };
    let layer = snapshot.knowledge.layer(unquoted(text.get(key)?)).filter(|_| schema::is_of_layers(&table))?;
    let at = snapshot.knowledge.layers().iter().position(|listed| listed.name == layer.name)?;
    let start = Position::new((HEAD + at) as u32, 0);
    let end = Position::new(start.line, layer.name.encode_utf16().count() as u32);
    Some(Location { uri: list_of(&snapshot.uri)?, range: Range::new(start, end) })
}

/// To the layer's own line, else to the precision of the model, else to the model.
fn from_list(snapshot: &Snapshot, position: Position) -> Option<Location> {
    let layer = snapshot.knowledge.layers().get((position.line as usize).checked_sub(HEAD)?)?;
    let span = crate::lint::place::of_layer(&snapshot.project, &layer.name);
    Some(Location { uri: snapshot.uri.clone(), range: snapshot.places().visible(&span) })
}
