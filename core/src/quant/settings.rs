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
    /// Options of the pass `layerwise-equalization`.
    pub equalization: LayerwiseEqualization,
    /// Options of the pass `bias-correction`.
    pub correction: BiasCorrection,
}

/// Options of esp-ppq's bias correction (`BiasCorrectionSetting`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BiasCorrection {
    /// Longest path through a block of layers that are corrected at once.
    pub block_size: usize,
    /// Layers whose blocks are corrected; all if empty.
    pub interested_layers: Vec<String>,
}

impl Default for BiasCorrection {
    fn default() -> BiasCorrection {
        BiasCorrection { block_size: 4, interested_layers: Vec::new() }
    }
}

/// Options of esp-ppq's weight split (`WeightSplitSetting`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightSplit {
    /// Layers to split.
    pub interested_layers: Vec<String>,
    /// Larger weights are halved between the layer and its copy.
    pub value_threshold: Real,
}

impl Default for WeightSplit {
    fn default() -> WeightSplit {
        WeightSplit { interested_layers: Vec::new(), value_threshold: Real::of(2.0) }
    }
}

/// Options of esp-ppq's channel split (`ChannelSplitSetting`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelSplit {
    /// 1: channels pass layers of one input; 2: Add and Sub, too.
    pub opt_level: usize,
    /// Rounds over all pairs of layers.
    pub iterations: usize,
    /// Channels are split whose largest weights before and after are at least this.
    pub value_threshold: Real,
    /// Biases count among the weights before, times `bias_multiplier`.
    pub including_bias: bool,
    /// Weight of biases.
    pub bias_multiplier: Real,
    /// Layers from which pairs are searched; all if empty.
    pub interested_layers: Vec<String>,
}

impl Default for ChannelSplit {
    fn default() -> ChannelSplit {
        ChannelSplit {
            opt_level: 1,
            iterations: 10,
            value_threshold: Real::of(0.5),
            including_bias: false,
            bias_multiplier: Real::of(0.5),
            interested_layers: Vec::new(),
        }
    }
}

/// Options of esp-ppq's layerwise equalization, by its own names (`EqualizationSetting` in `api/setting.py`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LayerwiseEqualization {
    /// 1: factors pass layers of one input; 2: Add and Sub, too.
    pub opt_level: usize,
    /// Rounds over all pairs of layers.
    pub iterations: usize,
    /// Channels whose largest weights before and after add up to less stay as they are.
    pub value_threshold: Real,
    /// Biases count among the weights before, times `bias_multiplier`.
    pub including_bias: bool,
    /// Weight of biases.
    pub bias_multiplier: Real,
    /// Outputs count among the weights before, times `act_multiplier`.
    pub including_act: bool,
    /// Weight of outputs.
    pub act_multiplier: Real,
    /// Layers from which pairs are searched; all if empty.
    pub interested_layers: Vec<String>,
    /// Every Clip from 0 loses its upper bound first, as in ESP-DL's tutorial: the float network is another one then.
    pub relu6_as_relu: bool,
}

impl Default for LayerwiseEqualization {
    fn default() -> LayerwiseEqualization {
        LayerwiseEqualization {
            opt_level: 1,
            iterations: 10,
            value_threshold: Real::of(0.5),
            including_bias: false,
            bias_multiplier: Real::of(0.5),
            including_act: false,
            act_multiplier: Real::of(0.5),
            interested_layers: Vec::new(),
            relu6_as_relu: false,
        }
    }
}

/// Finite number of float32 that is equal to itself bit by bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Real(u32);

impl Real {
    /// Takes a number.
    pub fn of(value: f32) -> Real {
        Real(value.to_bits())
    }

    /// Returns the number.
    pub fn get(self) -> f32 {
        f32::from_bits(self.0)
    }
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
            equalization: LayerwiseEqualization::default(),
            correction: BiasCorrection::default(),
        }
    }

    /// Returns the observer of a layer's activations.
    pub fn method_of(&self, layer: &str) -> Method {
        let default = if self.scheme.activation_bits() == 8 { Method::Kl } else { Method::MinMax };
        self.layer_methods.get(layer).copied().or(self.method).unwrap_or(default)
    }
}
