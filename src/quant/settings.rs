//! Quantization settings: target chip, precision by layer, calibration method by layer.

use std::collections::BTreeMap;

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

/// Passes of `[optimize]` to quantize with; none by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Recipe {
    /// Moves a factor for each channel between layers, before calibration.
    pub equalize: bool,
    /// Moves factors between layers so that power-of-two scales fit the ranges, before calibration.
    pub align: bool,
    /// Chooses scales of 8-bit values by the least error, in place of the observer's.
    #[serde(default)]
    pub scales: bool,
    /// Rounds 8-bit weights one after the other, each correcting the error of those before it.
    pub round: bool,
    /// Subtracts the mean error of each output channel from its bias.
    pub correct: bool,
}

impl Recipe {
    /// Returns all passes by their keys in `[optimize]`, with `true` for the enabled ones.
    pub fn passes(&self) -> [(&'static str, bool); 5] {
        let &Recipe { equalize, align, scales, round, correct } = self;
        [("equalize", equalize), ("align", align), ("scales", scales), ("round", round), ("correct", correct)]
    }

    /// Returns the names of enabled passes, as in `[optimize]`.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.passes().into_iter().filter(|(_, on)| *on).map(|(name, _)| name)
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
