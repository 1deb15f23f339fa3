//! What `espq.toml` says: typed, every value with its place in the text.
//!
//! A value that is absent or wrong is `None`; the methods of [`Config`] know the defaults.

use std::collections::BTreeMap;

use crate::chip::{Method, Scheme, Target};
use crate::quant::Settings;
use crate::samples::{Channels, ImageOptions, Layout, Resize};

use super::problem::Span;

#[derive(Debug, Clone, PartialEq)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    pub model: Model,
    pub calibration: Calibration,
    pub analysis: Analysis,
    pub precision: Vec<LayerChoice<Scheme>>,
    pub limits: Limits,
    pub lint: Lint,
    pub export: Export,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Model {
    pub path: Option<Spanned<String>>,
    pub target: Option<Spanned<Target>>,
    pub precision: Option<Spanned<Scheme>>,
    /// A `.json` that takes the place of calibration.
    pub quantization: Option<Spanned<String>>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Calibration {
    pub data: Option<Spanned<Data>>,
    pub samples: Option<Spanned<usize>>,
    pub method: Option<Spanned<Method>>,
    pub methods: Vec<LayerChoice<Method>>,
    pub image: Image,
}

/// Where samples are, as written.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    One(String),
    /// By model input.
    PerInput(Vec<(Spanned<String>, Spanned<String>)>),
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Image {
    /// Height, width.
    pub size: Option<Spanned<[u32; 2]>>,
    pub resize: Option<Spanned<Resize>>,
    pub channels: Option<Spanned<Channels>>,
    pub layout: Option<Spanned<Layout>>,
    pub scale: Option<Spanned<f32>>,
    pub mean: Option<Spanned<Vec<f32>>>,
    pub std: Option<Spanned<Vec<f32>>>,
}

impl Image {
    /// The options without their places in the text.
    pub fn options(&self) -> ImageOptions {
        ImageOptions {
            size: self.size.as_ref().map(|v| v.value),
            resize: self.resize.as_ref().map(|v| v.value),
            channels: self.channels.as_ref().map(|v| v.value),
            layout: self.layout.as_ref().map(|v| v.value),
            scale: self.scale.as_ref().map(|v| v.value),
            mean: self.mean.as_ref().map(|v| v.value.clone()),
            std: self.std.as_ref().map(|v| v.value.clone()),
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Analysis {
    pub samples: Option<Spanned<usize>>,
}

/// One line of `[precision]` or `[calibration.methods]`.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerChoice<T> {
    /// Unquoted; the span has the quotes.
    pub layer: Spanned<String>,
    pub choice: Spanned<T>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Limits {
    pub output_nsr: Option<Spanned<f64>>,
    pub layer_nsr: Option<Spanned<f64>>,
}

/// Codes of rules, names, or beginnings of codes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lint {
    pub select: Vec<Spanned<String>>,
    pub ignore: Vec<Spanned<String>>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Export {
    /// Major, minor, patch of the runtime.
    pub esp_dl: Option<Spanned<[u32; 3]>>,
    pub test_values: Option<Spanned<bool>>,
}

/// From the command line, over what the file says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    pub target: Option<Target>,
    pub precision: Option<Scheme>,
    pub method: Option<Method>,
    pub samples: Option<usize>,
}

impl Config {
    pub fn precision(&self) -> Scheme {
        self.model.precision.as_ref().map_or(Scheme::Int8, |p| p.value)
    }

    pub fn calibration_samples(&self) -> usize {
        self.calibration.samples.as_ref().map_or(32, |s| s.value)
    }

    /// esp-ppq's `steps` of 8 looks at the first 9.
    pub fn analysis_samples(&self) -> usize {
        self.analysis.samples.as_ref().map_or(9, |s| s.value)
    }

    /// A share of the signal's power: 0.1 is 10%. ESP-DL's documentation advises this limit.
    pub fn output_limit(&self) -> f64 {
        self.limits.output_nsr.as_ref().map_or(0.1, |l| l.value)
    }

    pub fn layer_limit(&self) -> f64 {
        self.limits.layer_nsr.as_ref().map_or(0.01, |l| l.value)
    }

    /// `None` without a target, which then is one of the project's problems.
    pub fn settings(&self) -> Option<Settings> {
        Some(Settings {
            target: self.model.target.as_ref()?.value,
            scheme: self.precision(),
            layer_schemes: by_layer(&self.precision),
            method: self.calibration.method.as_ref().map(|m| m.value),
            layer_methods: by_layer(&self.calibration.methods),
        })
    }

    /// The values take no place in the text: their spans are empty.
    pub(super) fn apply(&mut self, overrides: &Overrides) {
        replace(&mut self.model.target, overrides.target);
        replace(&mut self.model.precision, overrides.precision);
        replace(&mut self.calibration.method, overrides.method);
        replace(&mut self.calibration.samples, overrides.samples);
    }

    /// Where the value of a dotted key stands, for the keys that errors name.
    pub fn span_of(&self, key: &str) -> Option<Span> {
        fn span<T>(value: &Option<Spanned<T>>) -> Option<Span> {
            value.as_ref().map(|v| v.span.clone()).filter(|s| !s.is_empty())
        }
        let image = &self.calibration.image;
        match key {
            "model.path" => span(&self.model.path),
            "model.target" => span(&self.model.target),
            "model.quantization" => span(&self.model.quantization),
            "model.precision" => span(&self.model.precision),
            "calibration.data" => span(&self.calibration.data),
            "calibration.samples" => span(&self.calibration.samples),
            "calibration.method" => span(&self.calibration.method),
            "calibration.image.size" => span(&image.size),
            "calibration.image.resize" => span(&image.resize),
            "calibration.image.channels" => span(&image.channels),
            "calibration.image.layout" => span(&image.layout),
            "calibration.image.mean" => span(&image.mean),
            "calibration.image.std" => span(&image.std),
            "analysis.samples" => span(&self.analysis.samples),
            "export.esp-dl" => span(&self.export.esp_dl),
            _ => self.span_of_layer(key).or_else(|| self.span_of_input(key)),
        }
    }

    /// `precision."NAME"` and `calibration.methods."NAME"`.
    fn span_of_layer(&self, key: &str) -> Option<Span> {
        fn find<T>(choices: &[LayerChoice<T>], name: &str) -> Option<Span> {
            let name = name.trim_matches('"');
            choices.iter().find(|c| c.layer.value == name).map(|c| c.layer.span.clone())
        }
        if let Some(name) = key.strip_prefix("precision.") {
            return find(&self.precision, name);
        }
        find(&self.calibration.methods, key.strip_prefix("calibration.methods.")?)
    }

    /// `calibration.data."INPUT"`.
    fn span_of_input(&self, key: &str) -> Option<Span> {
        let name = key.strip_prefix("calibration.data.")?.trim_matches('"');
        match &self.calibration.data.as_ref()?.value {
            Data::One(_) => None,
            Data::PerInput(inputs) => inputs.iter().find(|(i, _)| i.value == name).map(|(_, d)| d.span.clone()),
        }
    }
}

fn by_layer<T: Copy>(choices: &[LayerChoice<T>]) -> BTreeMap<String, T> {
    choices.iter().map(|c| (c.layer.value.clone(), c.choice.value)).collect()
}

fn replace<T: Copy>(value: &mut Option<Spanned<T>>, by: Option<T>) {
    if let Some(by) = by {
        *value = Some(Spanned { value: by, span: 0..0 });
    }
}
