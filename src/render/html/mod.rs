//! Report as one HTML file, which needs no network: figures as JSON, and a script that draws them.
//!
//! Never: figures that the report does not have.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::analysis::Report;
use crate::cost::Cost;
use crate::lint::Trials;
use crate::note::sentences;
use crate::{Error, Result};

use super::View;
use super::json::{Shown, shown};
use super::text::advice;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("page.js");

/// A report with what the page shows beside it.
pub struct Page<'a> {
    /// Figures.
    pub report: &'a Report,
    /// Flash, RAM and time of the file, if it is known.
    pub cost: Option<&'a Cost>,
    /// Limits, measured fixes, and a board's measurements.
    pub view: &'a View<'a>,
    /// Text of the configuration.
    pub project: &'a str,
    /// Largest magnitude of each channel's weights, by layer.
    pub weights: &'a BTreeMap<String, Vec<f32>>,
}

/// Data of the script.
#[derive(Serialize)]
struct Data<'a, S> {
    report: Shown<'a, S>,
    limits: Limits<'a>,
    project: &'a str,
    text: Text,
    trials: Option<&'a Trials>,
    weights: &'a BTreeMap<String, Vec<f32>>,
    version: &'static str,
}

#[derive(Serialize)]
struct Limits<'a> {
    output: f64,
    /// Limit of each layer.
    layers: BTreeMap<&'a str, f64>,
}

#[derive(Serialize)]
struct Text {
    advice: Vec<String>,
    notes: Vec<String>,
}

/// Renders a page. Fails if a figure has no JSON form.
pub fn html(page: &Page) -> Result<String> {
    let &Page { report, cost, view, project, weights } = page;
    let layers = report.layers.iter().map(|layer| (layer.name.as_str(), (view.layer_limits)(&layer.name)));
    let data = Data {
        report: shown(report, cost, view.trials.as_deref(), view.profile.as_ref()),
        limits: Limits { output: view.output_limit, layers: layers.collect() },
        project,
        text: Text { advice: advice(report, view), notes: sentences(&report.notes) },
        trials: view.trials.as_deref(),
        weights,
        version: env!("CARGO_PKG_VERSION"),
    };
    let data = serde_json::to_string(&data)
        .map_err(|e| Error::new(format!("the report cannot be written as JSON: {e}")))?
        // A name with `</script>` would end the data.
        .replace('<', "\\u003c");
    let (head, rest) = PAGE.split_once("/*style*/").unwrap_or((PAGE, ""));
    let (body, rest) = rest.split_once("/*data*/").unwrap_or((rest, ""));
    let (between, end) = rest.split_once("/*script*/").unwrap_or((rest, ""));
    Ok([head, STYLE, body, &data, between, SCRIPT, end].concat())
}
