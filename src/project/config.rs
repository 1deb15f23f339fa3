//! Values of `espq.toml` with their places in the text, and what the rest of espq asks of a configuration.

use std::collections::BTreeMap;

use crate::chip::{Method, Scheme, Target};
use crate::quant::{Recipe, Settings};
use crate::samples::ImageOptions;
use crate::text::Span;

use super::declare::{Field, Key, Stage};
use super::keys::{Config, Image, Optimize};

/// Value with its place in the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Bytes of the text; empty for values of the command line.
    pub span: Span,
}

/// The files of samples, as written.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// Path, folder or glob for all inputs.
    One(String),
    /// By model input.
    PerInput(Vec<(Spanned<String>, Spanned<String>)>),
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
            std: self.std.as_ref().map(|v| v.value.0.clone()),
        }
    }
}

/// Choice of the observer of all layers without an own one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observer {
    /// The one with the least measured error.
    Auto,
    /// This one.
    Fixed(Method),
}

impl Observer {
    /// All choices.
    pub const ALL: &'static [Observer] = &[
        Observer::Auto,
        Observer::Fixed(Method::Kl),
        Observer::Fixed(Method::MinMax),
        Observer::Fixed(Method::Percentile),
        Observer::Fixed(Method::Mse),
    ];

    /// Returns the word that the user writes.
    pub fn name(self) -> &'static str {
        self.method().map_or("auto", Method::name)
    }

    /// Returns the observer; `None` where it is to be chosen.
    pub fn method(self) -> Option<Method> {
        match self {
            Observer::Auto => None,
            Observer::Fixed(method) => Some(method),
        }
    }
}

/// One line of `[precision]` or `[calibration.methods]`.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerChoice<T> {
    /// Unquoted; the span has the quotes.
    pub layer: Spanned<String>,
    /// Precision or observer of that layer.
    pub choice: Spanned<T>,
}

/// From the command line, over what the file says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// In place of `model.target`.
    pub target: Option<Target>,
    /// In place of `model.precision`.
    pub precision: Option<Scheme>,
    /// In place of `calibration.method`.
    pub method: Option<Observer>,
    /// In place of `calibration.samples`.
    pub samples: Option<usize>,
}

impl Config {
    /// Returns the precision of layers without an own one.
    pub fn precision(&self) -> Scheme {
        self.model.precision()
    }

    /// Returns the largest number of samples for calibration.
    pub fn calibration_samples(&self) -> usize {
        self.calibration.samples()
    }

    /// Returns the largest number of samples for the error tables.
    pub fn analysis_samples(&self) -> usize {
        self.analysis.samples()
    }

    /// A share of the signal's power: 0.1 is 10%. ESP-DL's documentation advises this limit.
    pub fn output_limit(&self) -> f64 {
        self.limits.output_nsr().0
    }

    /// Returns the limit on layerwise error, as a share of the signal's power.
    pub fn layer_limit(&self) -> f64 {
        self.limits.layer_nsr().0
    }

    /// Keeps every `held_out`-th sample apart, as the key would. The value takes no place in the text.
    pub fn keep_apart(&mut self, held_out: usize) {
        self.optimize.held_out = Some(Spanned { value: held_out, span: 0..0 });
    }

    /// Every how many samples one is kept out of calibration and passes; `None` where all are for everything.
    pub fn held_out(&self) -> Option<usize> {
        let by_default = (self.optimize.recipe() != Recipe::default()).then_some(HELD_OUT);
        self.optimize.held_out.as_ref().map(|given| given.value).or(by_default)
    }

    /// Tells a text that leaves the observer to measurements.
    pub fn chooses_observer(&self) -> bool {
        self.calibration.method.as_ref().is_some_and(|method| method.value == Observer::Auto)
    }

    /// `None` without a target, which then is one of the project's problems.
    pub fn settings(&self) -> Option<Settings> {
        Some(Settings {
            target: self.model.target.as_ref()?.value,
            scheme: self.precision(),
            layer_schemes: by_layer(&self.precision),
            method: self.calibration.method.as_ref().and_then(|m| m.value.method()),
            layer_methods: by_layer(&self.calibration.methods),
            recipe: self.optimize.recipe(),
        })
    }

    /// The values take no place in the text: their spans are empty.
    pub(super) fn apply(&mut self, overrides: &Overrides) {
        replace(&mut self.model.target, overrides.target);
        replace(&mut self.model.precision, overrides.precision);
        replace(&mut self.calibration.method, overrides.method);
        replace(&mut self.calibration.samples, overrides.samples);
    }

    /// The span of a dotted key's value; `precision."NAME"` is a layer's line, `calibration.data."INPUT"` an input's path.
    pub fn span_of(&self, key: &str) -> Option<Span> {
        Field::span_of(self, key)
    }

    /// The values that decide a stage's result, without their places: a part of the stage's cache key.
    pub fn identity(&self, stage: Stage) -> String {
        let mut text = String::new();
        Field::identity(self, &Key::PLAIN, stage, &mut text);
        text
    }
}

/// Every fourth sample is kept apart where a pass is on.
pub const HELD_OUT: usize = 4;

impl Optimize {
    fn recipe(&self) -> Recipe {
        Recipe {
            equalize: self.equalize(),
            align: self.align(),
            scales: self.scales(),
            round: self.round(),
            correct: self.correct(),
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
