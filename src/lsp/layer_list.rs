//! List of the layers: a read-only document with a line for each layer, and the ways from a layer's name to its line and back.

use lsp_types::{Diagnostic, DiagnosticRelatedInformation, Location, Position, Range, Url, notification, request};
use serde::{Deserialize, Serialize};

use crate::cost::Interval;
use crate::lint::Finding;
use crate::project::cursor::{self, Place, unquoted};
use crate::project::{Project, schema};
use crate::text::units::{count, percent, short_percent};
use crate::text::{Encoding, visible};

use super::diagnostics::Presentation;
use super::document::Snapshot;
use super::knowledge::{Knowledge, LayerView};
use super::position::Places;

/// Scheme of the list's URI; the rest is that of the configuration, with an ending.
pub const SCHEME: &str = "espq";
/// Ending that tells a list from its configuration: editors choose a language by the name.
const ENDING: &str = ".layers";

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
    /// Errors of the outputs, for a status line.
    pub verdict: Verdict,
}

/// Errors of the outputs in a few words.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// "output 23.2% (limit 10%)"; `None` until it is measured.
    pub text: Option<String>,
    /// An output is over its limit.
    pub is_over: bool,
    /// The figures are those of the current text.
    pub is_final: bool,
}

/// Layer for a tree or a table of an editor.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedLayer {
    pub name: String,
    pub op: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<String>,
    pub line: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cumulative: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alone: Option<f64>,
    /// Estimated milliseconds on the chip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub milliseconds: Option<f64>,
    /// Bytes in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flash_bytes: Option<usize>,
    /// The error alone is an estimate.
    pub is_estimate: bool,
    /// The error alone is over its limit.
    pub is_over: bool,
}

/// Returns the configuration of a list's URI; other URIs are returned as they are.
pub fn configuration(uri: &Url) -> Url {
    let path = uri.as_str().strip_prefix("espq:").map(|path| path.strip_suffix(ENDING).unwrap_or(path));
    path.and_then(|path| Url::parse(&format!("file:{path}")).ok()).unwrap_or_else(|| uri.clone())
}

pub fn list_of(uri: &Url) -> Option<Url> {
    Url::parse(&format!("{SCHEME}:{}{ENDING}", uri.as_str().strip_prefix("file:")?)).ok()
}

/// Lines above the first layer.
const HEAD: usize = 2;
const BAR: usize = 8;

pub fn list(snapshot: &Snapshot) -> Option<LayerListText> {
    let layers = snapshot.knowledge.layers();
    let config = &snapshot.project.config;
    let cost = |layer: &LayerView| snapshot.knowledge.layer_cost(&layer.name);
    let listed = layers.iter().enumerate().map(|(at, layer)| ListedLayer {
        milliseconds: cost(layer).and_then(|cost| cost.time).map(|time| time.estimate / 1000.0),
        flash_bytes: cost(layer).map(|cost| cost.flash_bytes),
        name: layer.name.clone(),
        op: layer.op.clone(),
        precision: layer.scheme.map(|scheme| scheme.to_string()),
        line: (HEAD + at) as u32,
        cumulative: cumulative(layer),
        alone: layer.alone().map(|alone| alone.nsr),
        is_estimate: layer.alone().is_some_and(|alone| alone.is_estimate),
        is_over: layer.alone().is_some_and(|alone| crate::analysis::is_over(alone.nsr, config.limit_of(&layer.name))),
    });
    let (uri, text, layers) = (list_of(&snapshot.uri)?, text(snapshot), listed.collect());
    Some(LayerListText { uri, text, layers, verdict: verdict(&snapshot.knowledge, &snapshot.project) })
}

pub fn verdict(knowledge: &Knowledge, project: &Project) -> Verdict {
    let limit = project.config.output_limit();
    let judged: Vec<_> = knowledge.outputs().iter().filter(|output| output.is_judged()).collect();
    let worst = judged.iter().max_by(|a, b| a.error.nsr.total_cmp(&b.error.nsr));
    Verdict {
        text: worst.map(|o| format!("{} {} (limit {})", o.name, percent(o.error.nsr), percent(limit))),
        is_over: judged.iter().any(|output| output.fails(limit)),
        is_final: knowledge.is_final(),
    }
}

/// Returns the place of a layer's name in the list.
pub fn place_of(knowledge: &Knowledge, name: &str, encoding: Encoding) -> Option<Range> {
    let layer = knowledge.layer(name)?;
    let at = knowledge.layers().iter().position(|listed| listed.name == layer.name)?;
    let name = visible(&layer.name);
    let end = Places::new(&name, encoding).range(&(0..name.len())).end.character;
    let line = (HEAD + at) as u32;
    Some(Range::new(Position::new(line, 0), Position::new(line, end)))
}

/// Returns the layers on the lines of a range.
pub fn layers_on(knowledge: &Knowledge, range: Range) -> Vec<&LayerView> {
    let lines = range.start.line as usize..=range.end.line as usize;
    let on = |(at, _): &(usize, &LayerView)| lines.contains(&(HEAD + at));
    knowledge.layers().iter().enumerate().filter(on).map(|(_, layer)| layer).collect()
}

/// Returns the diagnostics of the list: those of the configuration that are about one layer, on its line.
pub fn diagnostics(findings: &[Finding], knowledge: &Knowledge, shown: &Presentation) -> Vec<Diagnostic> {
    let of_layer = |finding: &Finding| {
        let range = place_of(knowledge, finding.layer.as_ref()?, shown.places.encoding)?;
        let diagnostic = shown.diagnostic(finding);
        let location = Location { uri: shown.uri.clone(), range: diagnostic.range };
        let back = DiagnosticRelatedInformation { location, message: "the place in the configuration".to_string() };
        let related_information = shown.abilities.related_information.then(|| vec![back]);
        Some(Diagnostic { range, related_information, ..diagnostic })
    };
    findings.iter().filter_map(of_layer).collect()
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
    let shown: Vec<_> = layers.iter().map(|layer| visible(&layer.name)).collect();
    let names = shown.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(5);
    let ops = layers.iter().map(|layer| layer.op.len()).max().unwrap_or(0).max(8);
    let shapes: Vec<String> = layers.iter().map(|layer| shape(&layer.shape)).collect();
    let most = |of: fn(&LayerView) -> Option<f64>| {
        layers.iter().filter_map(of).filter(|nsr| nsr.is_finite()).fold(0.0, f64::max)
    };
    let (most_cumulative, most_alone) = (most(cumulative), most(|layer| layer.alone().map(|alone| alone.nsr)));
    let column = BAR + 10;
    let times: Vec<Option<Interval>> =
        layers.iter().map(|layer| snapshot.knowledge.layer_cost(&layer.name)?.time).collect();
    let longest = times.iter().flatten().map(|time| time.estimate).fold(0.0, f64::max);
    // Without estimates, there is no column.
    let in_ms = |words: &str| if longest > 0.0 { format!("{words:<0$}  ", BAR + 8) } else { String::new() };
    let mut text = format!(
        "# {}: {errors}\n# {:<names$}  {:<column$}  {:<column$}  {}precision  exponent  {:<ops$}  {}\n",
        count(layers.len(), "layer"),
        "layer",
        "alone",
        "cumulative",
        in_ms("ms"),
        "operator",
        "shape",
        // The head begins with "# ".
        names = names.saturating_sub(2),
    );
    for (((layer, shape), name), time) in layers.iter().zip(&shapes).zip(&shown).zip(&times) {
        let gap = " ".repeat(names - name.chars().count());
        let precision = layer.scheme.map(|scheme| scheme.to_string()).unwrap_or_default();
        let line = format!(
            "{name}{gap}  {:<column$}  {:<column$}  {}{precision:<9}  {:>8}  {:<ops$}  {shape}",
            bar(layer.alone().map(|alone| alone.nsr), most_alone, layer.alone().is_some_and(|alone| alone.is_estimate)),
            bar(cumulative(layer), most_cumulative, false),
            in_ms(&time.map(|time| of_share(time.estimate / longest, &time.estimated())).unwrap_or_default()),
            exponent(layer),
            layer.op,
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
    let sign = if is_estimate { "≈" } else { "" };
    of_share(share, &format!("{sign}{}", short_percent(nsr)))
}

/// A bar and a figure.
fn of_share(share: f64, figure: &str) -> String {
    let filled = ((share * BAR as f64).round() as usize).min(BAR);
    format!("{}{} {figure}", "█".repeat(filled), " ".repeat(BAR - filled))
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
    let range = place_of(&snapshot.knowledge, &layer.name, snapshot.encoding)?;
    Some(Location { uri: list_of(&snapshot.uri)?, range })
}

/// To the layer's own line, else to the precision of the model, else to the model.
fn from_list(snapshot: &Snapshot, position: Position) -> Option<Location> {
    let layer = snapshot.knowledge.layers().get((position.line as usize).checked_sub(HEAD)?)?;
    let span = crate::lint::place::of_layer(&snapshot.project, &layer.name);
    Some(Location { uri: snapshot.uri.clone(), range: snapshot.places().visible(&span) })
}
