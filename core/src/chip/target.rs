//! Chips, kernel families, widths, rounding modes and observers.

use serde::{Deserialize, Serialize};

use crate::kernels::rounding::Rounding;

/// Chip, or `c` for ESP-DL's portable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// ESP32-P4: vector instructions, one weight scale per channel, ties rounded to even.
    Esp32p4,
    /// ESP32-S31, which runs the P4's kernels.
    Esp32s31,
    /// ESP32-S3: vector instructions, one weight scale per tensor, ties rounded up.
    Esp32s3,
    /// ESP32, which runs the portable kernels.
    Esp32,
    /// ESP32-S2, which runs the portable kernels.
    Esp32s2,
    /// ESP32-C2, which runs the portable kernels.
    Esp32c2,
    /// ESP32-C3, which runs the portable kernels.
    Esp32c3,
    /// ESP32-C5, which runs the portable kernels.
    Esp32c5,
    /// ESP32-C6, which runs the portable kernels.
    Esp32c6,
    /// Portable kernels on any other processor (esp-ppq's target `c`).
    C,
}

/// Widths of weights and activations, of the model or of one layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// 8-bit weights and activations (w8a8)
    Int8,
    /// 16-bit weights and activations (w16a16)
    Int16,
    /// 8-bit weights, 16-bit activations
    W8A16,
    /// float32 weights and activations
    Float,
}

/// Calibration observer of activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Least Kullback-Leibler divergence of a histogram of magnitudes; takes a second pass over the samples.
    Kl,
    /// Smallest and largest element of all samples.
    MinMax,
    /// The 0.01 % and 99.99 % elements, as means over samples.
    Percentile,
    /// Least squared error of a histogram of magnitudes; takes a second pass over the samples.
    Mse,
}

/// Names of an enumeration's values in configurations, equal to those of serde.
macro_rules! names {
    ($type:ident: $($variant:ident $name:literal),* $(,)?) => {
        impl $type {
            /// Every value, in the order of the declaration.
            pub const ALL: &[$type] = &[$($type::$variant),*];

            /// Returns the name of the value in `espq.toml`.
            pub fn name(self) -> &'static str {
                match self { $($type::$variant => $name),* }
            }

            /// Finds a value by its exact name; `None` for an unknown one.
            pub fn from_name(name: &str) -> Option<$type> {
                $type::ALL.iter().copied().find(|v| v.name() == name)
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

names!(Target: Esp32p4 "esp32p4", Esp32s31 "esp32s31", Esp32s3 "esp32s3", Esp32 "esp32", Esp32s2 "esp32s2",
    Esp32c2 "esp32c2", Esp32c3 "esp32c3", Esp32c5 "esp32c5", Esp32c6 "esp32c6", C "c");
names!(Scheme: Int8 "int8", Int16 "int16", W8A16 "w8a16", Float "float");
names!(Method: Kl "kl", MinMax "minmax", Percentile "percentile", Mse "mse");

impl Target {
    /// Family of ESP-DL's kernels that the target runs.
    pub fn family(self) -> Family {
        match self {
            Target::Esp32p4 | Target::Esp32s31 => Family::P4,
            Target::Esp32s3 => Family::S3,
            _ => Family::C,
        }
    }

    /// Rounding mode of a shifted sum (`EspdlQuantizer.py`).
    pub fn rounding(self) -> Rounding {
        match self.family() {
            Family::P4 => Rounding::HalfEven,
            Family::S3 | Family::C => Rounding::HalfUp,
        }
    }

    /// Returns `true` if Conv, ConvTranspose and Gemm have one weight scale per channel.
    pub fn per_channel(self) -> bool {
        self.family() == Family::P4
    }

    /// Width of the bias of a layer with this scheme (`_PLATFORM_CONFIGS` in `EspdlQuantizer.py`).
    pub fn bias_bits(self, scheme: Scheme) -> u32 {
        match (self.family(), scheme.activation_bits()) {
            (Family::P4 | Family::C, 8) => 32,
            (Family::S3, 8) => 20,
            (Family::P4 | Family::S3, _) => 40,
            (Family::C, _) => 64,
        }
    }
}

/// Kernels of ESP-DL: the vector instructions of the P4 or of the S3, or portable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// ESP32-P4 and ESP32-S31.
    P4,
    /// ESP32-S3.
    S3,
    /// All other targets.
    C,
}

impl Family {
    /// Families with vector instructions, then the portable one.
    pub const ALL: &[Family] = &[Family::P4, Family::S3, Family::C];
    /// Families with vector instructions.
    pub const VECTOR: &[Family] = &[Family::P4, Family::S3];
}

impl Scheme {
    /// Width of activations; a float layer counts as 8, which has no effect.
    pub fn activation_bits(self) -> u32 {
        match self {
            Scheme::Int8 | Scheme::Float => 8,
            Scheme::Int16 | Scheme::W8A16 => 16,
        }
    }
}
