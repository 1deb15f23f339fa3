//! Values of `espq.toml` with their spans in the text, and the settings that other modules read from them.

use std::collections::BTreeMap;
use std::fmt;

use crate::chip::{Method, Scheme, Target};
use crate::quant::{ChannelSplit, Recipe, Settings, WeightSplit};
use crate::samples::{ImageOptions, Resize};
use crate::text::Span;

use super::declare::{Field, Given, Key, Stage, Table};
use super::keys::{Config, Image, Optimize};
use super::pass_options::Switch;
use super::quantities::{Bytes, Milliseconds};

/// Value with its span in the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Bytes of the text; empty for values from the command line.
    pub span: Span,
}

/// Sample files as written in the text.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// Path, folder or glob for all inputs.
    One(String),
    /// Files by model input.
    PerInput(Vec<(Spanned<String>, Spanned<String>)>),
}

/// Shapes of the model's inputs, as written.
#[derive(Debug, Clone, PartialEq)]
pub enum InputShapes {
    /// Shape of the only input.
    One(Vec<usize>),
    /// Shapes by model input.
    PerInput(BTreeMap<String, Vec<usize>>),
}

/// Ends of the network, as written.
#[derive(Clone, PartialEq)]
pub struct EndNames(pub Vec<EndName>);

/// One end of the network.
#[derive(Clone, PartialEq)]
pub struct EndName {
    /// Name of a value or a layer in the file.
    pub at: Spanned<String>,
    /// New name; `None` in a list.
    pub name: Option<String>,
}

/// The text without spans, since cached results depend on it.
impl fmt::Debug for EndNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|end| (&end.at.value, &end.name))).finish()
    }
}

impl Image {
    /// Returns the options without their spans.
    pub fn options(&self) -> ImageOptions {
        ImageOptions {
            size: self.size.as_ref().map(|v| v.value),
            resize: self.fit.as_ref().map(|_| Resize::Letterbox).or(self.resize.as_ref().map(|v| v.value)),
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
    /// Name without quotes; the span includes the quotes.
    pub layer: Spanned<String>,
    /// Precision or observer of that layer.
    pub choice: Spanned<T>,
}

/// Values from the command line, which override those of the file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// Overrides `model.target`.
    pub target: Option<Target>,
    /// Overrides `model.precision`.
    pub precision: Option<Scheme>,
    /// Overrides `calibration.method`.
    pub method: Option<Observer>,
    /// Overrides `calibration.samples`.
    pub samples: Option<usize>,
    /// Overrides `limits.flash`.
    pub flash: Option<Bytes>,
    /// Overrides `limits.ram`.
    pub ram: Option<Bytes>,
    /// Overrides `limits.latency`.
    pub latency: Option<Milliseconds>,
}

impl Config {
    /// Returns the precision of layers that have no line in `[precision]`.
    pub fn precision(&self) -> Scheme {
        self.model.precision()
    }

    /// Returns the maximum number of samples for calibration.
    pub fn calibration_samples(&self) -> usize {
        self.calibration.samples()
    }

    /// Returns the maximum number of samples for the error tables.
    pub fn analysis_samples(&self) -> usize {
        self.analysis.samples()
    }

    /// Returns the limit on the error of an output, as a share of the signal's power: 0.1 is 10%, the limit in ESP-DL's
    /// documentation.
    pub fn output_limit(&self) -> f64 {
        self.limits.output_nsr().0
    }

    /// Returns the limit on layerwise error, as a share of the signal's power.
    pub fn layer_limit(&self) -> f64 {
        self.limits.layer_nsr().0
    }

    /// Returns the limit on one layer's error: its own, or that of all layers.
    pub fn limit_of(&self, layer: &str) -> f64 {
        let own = self.limits.layers.iter().find(|line| line.layer.value == layer);
        own.map_or_else(|| self.layer_limit(), |line| line.choice.value.0)
    }

    /// Holds out every `held_out`-th sample, like the key. The value has no span in the text.
    pub fn keep_apart(&mut self, held_out: usize) {
        self.optimize.held_out = Some(Spanned { value: held_out, span: 0..0 });
    }

    /// Returns n if every n-th sample is held out of calibration and passes; `None` if no sample is.
    pub fn held_out(&self) -> Option<usize> {
        let by_default = (!self.optimize.recipe().is_empty()).then_some(HELD_OUT);
        self.optimize.held_out.as_ref().map(|given| given.value).or(by_default)
    }

    /// Tells a text that leaves the observer to measurements.
    pub fn chooses_observer(&self) -> bool {
        self.calibration.method.as_ref().is_some_and(|method| method.value == Observer::Auto)
    }

    /// Returns the settings; `None` without a target, which is one of the project's problems.
    pub fn settings(&self) -> Option<Settings> {
        Some(Settings {
            target: self.model.target.as_ref()?.value,
            scheme: self.precision(),
            layer_schemes: by_layer(&self.precision),
            method: self.calibration.method.as_ref().and_then(|m| m.value.method()),
            layer_methods: by_layer(&self.calibration.methods),
            recipe: self.optimize.recipe(),
            equalization: options(&self.optimize.layerwise_equalization).unwrap_or_default(),
            correction: options(&self.optimize.bias_correction).unwrap_or_default(),
        })
    }

    /// Returns the options of esp-ppq's weight split, if it is on.
    pub fn weight_split(&self) -> Option<WeightSplit> {
        options(&self.optimize.weight_split)
    }

    /// Returns the options of esp-ppq's channel split, if it is on.
    pub fn channel_split(&self) -> Option<ChannelSplit> {
        options(&self.optimize.channel_split)
    }

    /// Applies values from the command line, whose spans are empty.
    pub(super) fn apply(&mut self, overrides: &Overrides) {
        replace(&mut self.model.target, overrides.target);
        replace(&mut self.model.precision, overrides.precision);
        replace(&mut self.calibration.method, overrides.method);
        replace(&mut self.calibration.samples, overrides.samples);
        replace(&mut self.limits.flash, overrides.flash);
        replace(&mut self.limits.ram, overrides.ram);
        replace(&mut self.limits.latency, overrides.latency);
    }

    /// Returns the span of a dotted key's value; `precision."NAME"` is a layer's line, `calibration.data."INPUT"` an
    /// input's path.
    pub fn span_of(&self, key: &str) -> Option<Span> {
        Field::span_of(self, key)
    }

    /// Returns the values that determine a stage's result, without their spans, as part of the stage's cache key.
    pub fn identity(&self, stage: Stage) -> String {
        let mut text = String::new();
        Field::identity(self, &Key::PLAIN, stage, &mut text);
        text
    }
}

/// Default of `optimize.held-out` if a pass is on: every fourth sample.
pub const HELD_OUT: usize = 4;

impl Optimize {
    /// The passes that are switched on: each key of the stage of settings is one.
    fn recipe(&self) -> Recipe {
        let switches = Optimize::KEYS.iter().zip(self.fields());
        Recipe::of(
            switches.filter(|(key, field)| key.stage == Stage::Settings && field.is_on()).map(|(key, _)| key.name),
        )
    }
}

fn options<O: Clone>(given: &Given<Switch<O>>) -> Option<O> {
    given.as_ref().and_then(|given| given.value.options())
}

fn by_layer<T: Copy>(choices: &[LayerChoice<T>]) -> BTreeMap<String, T> {
    choices.iter().map(|c| (c.layer.value.clone(), c.choice.value)).collect()
}

fn replace<T: Copy>(value: &mut Option<Spanned<T>>, by: Option<T>) {
    if let Some(by) = by {
        *value = Some(Spanned { value: by, span: 0..0 });
    }
}
