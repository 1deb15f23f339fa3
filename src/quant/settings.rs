//! Quantization settings: target chip, precision by layer, calibration method by layer.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::chip::{Method, Scheme, Target};

/// Everything that determines plan and calibration, besides the graph and the samples.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Settings {
    /// Chip, which decides rounding, the width of biases and scales per channel.
    pub target: Target,
    /// Scheme of all layers without one of their own.
    pub scheme: Scheme,
    /// Schemes by layer name, which override `scheme`.
    pub layer_schemes: BTreeMap<String, Scheme>,
    /// Method of all layers; `None` for esp-ppq's default: kl for int8 models and minmax for 16-bit ones.
    pub method: Option<Method>,
    /// Methods by layer name, which override `method`.
    pub layer_methods: BTreeMap<String, Method>,
    /// Passes that change constants.
    pub recipe: Recipe,
}

/// Passes to quantize with, by their keys in `[optimize]`; none by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Recipe(BTreeSet<String>);

impl Recipe {
    /// Makes a recipe of these passes.
    pub fn of<'a>(passes: impl IntoIterator<Item = &'a str>) -> Recipe {
        Recipe(passes.into_iter().map(str::to_string).collect())
    }

    /// Returns the recipe with one more pass.
    pub fn with(&self, pass: &str) -> Recipe {
        Recipe::of(self.names().chain([pass]))
    }

    /// Returns the recipe without a pass.
    pub fn without(&self, pass: &str) -> Recipe {
        Recipe::of(self.names().filter(|&name| name != pass))
    }

    /// Returns `true` if it has the pass.
    pub fn has(&self, pass: &str) -> bool {
        self.0.contains(pass)
    }

    /// Returns `true` if it has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the names of the passes, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl Settings {
    /// Makes settings without overrides by layer, with kl or minmax depending on the scheme.
    pub fn new(target: Target, scheme: Scheme) -> Settings {
        Settings {
            target,
            scheme,
            layer_schemes: BTreeMap::new(),
            method: None,
            layer_methods: BTreeMap::new(),
            recipe: Recipe::default(),
        }
    }

    /// Returns the observer of a layer's activations.
    pub fn method_of(&self, layer: &str) -> Method {
        let default = if self.scheme.activation_bits() == 8 { Method::Kl } else { Method::MinMax };
        self.layer_methods.get(layer).copied().or(self.method).unwrap_or(default)
    }
}
