//! Quantization settings: target chip, precision by layer, calibration method by layer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::chip::{Method, Scheme, Target};

/// All that decides the plan and the calibration, beside the graph and the samples.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Settings {
    pub target: Target,
    pub scheme: Scheme,
    /// By layer name, over `scheme`.
    pub layer_schemes: BTreeMap<String, Scheme>,
    /// `None`: esp-ppq's default, kl for int8 models and minmax for 16-bit ones.
    pub method: Option<Method>,
    /// By layer name, over `method`.
    pub layer_methods: BTreeMap<String, Method>,
    /// Passes that change constants.
    pub recipe: Recipe,
}

/// The passes of `[optimize]` that a network is quantized with; none by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Recipe {
    pub equalize: bool,
    pub align: bool,
    #[serde(default)]
    pub scales: bool,
    pub round: bool,
    pub correct: bool,
}

impl Recipe {
    /// Names of the passes that are on, as `[optimize]` has them.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        let &Recipe { equalize, align, scales, round, correct } = self;
        let all =
            [("equalize", equalize), ("align", align), ("scales", scales), ("round", round), ("correct", correct)];
        all.into_iter().filter(|(_, on)| *on).map(|(name, _)| name)
    }
}

impl Settings {
    /// int8, kl or minmax by the scheme, no layer set apart.
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

    /// The observer of a layer's activations.
    pub fn method_of(&self, layer: &str) -> Method {
        let default = if self.scheme.activation_bits() == 8 { Method::Kl } else { Method::MinMax };
        self.layer_methods.get(layer).copied().or(self.method).unwrap_or(default)
    }
}
