//! Attribute `quant_type`, by which ESP-DL selects a node's kernel.

use crate::chip::{Family, Scheme};

/// Value of the attribute; unknown values count as float.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QuantType {
    /// 8-bit weights and activations.
    S8,
    /// 16-bit weights and activations.
    S16,
    /// 8-bit weights, 16-bit activations; ESP-DL 3.3.9 has no kernel for it.
    W8A16,
    /// float32, without exponents.
    F32,
}

impl QuantType {
    /// Returns the text that the file stores.
    pub fn name(self) -> &'static str {
        match self {
            QuantType::S8 => "S8",
            QuantType::S16 => "S16",
            QuantType::W8A16 => "W8A16",
            QuantType::F32 => "F32",
        }
    }

    /// Finds the value of a stored text; `None` for one that ESP-DL does not define.
    pub fn from_name(name: &str) -> Option<QuantType> {
        [QuantType::S8, QuantType::S16, QuantType::W8A16, QuantType::F32].into_iter().find(|t| t.name() == name)
    }

    /// Precision of a kernel of this type.
    pub fn scheme(self) -> Scheme {
        match self {
            QuantType::S8 => Scheme::Int8,
            QuantType::S16 => Scheme::Int16,
            QuantType::W8A16 => Scheme::W8A16,
            QuantType::F32 => Scheme::Float,
        }
    }

    /// Output channels per vector instruction; `None` if filters are not packed. W8A16 uses as many lanes as int16.
    pub fn lanes(self, family: Family) -> Option<usize> {
        match (family, self) {
            (Family::C, _) => None,
            (_, QuantType::S8) => Some(16),
            _ => Some(8),
        }
    }
}
