//! Support of an operator on the chip, as plain data: kernels by width, order of axes, lookup table, limits.

use super::{Limit, Scheme};

/// An operator on the chip.
pub enum Support {
    /// By a module of its own, or written as others.
    Runs(&'static Chip),
    /// Not at all; `instead` says what gives the same values, where something does.
    Lacks { instead: Option<&'static str> },
}

impl Support {
    pub const LACKS: Support = Support::Lacks { instead: None };

    pub fn chip(&self) -> Option<&'static Chip> {
        match self {
            Support::Runs(chip) => Some(chip),
            Support::Lacks { .. } => None,
        }
    }
}

/// What ESP-DL's runtime has of an operator.
pub struct Chip {
    /// Precisions that a layer may have.
    pub kernels: Kernels,
    /// Precisions of its module, where a layer is written as other operators at the rest.
    pub own_kernels: Option<Kernels>,
    /// The operators that it is written as, where it has no module of its own.
    pub written_as: Option<&'static str>,
    pub axes: Axes,
    pub table: Table,
    /// Multiplies by weights at input 1 that lie in the order that the target's kernels read.
    pub packs_weights: bool,
    /// Works on integers as they are: all inputs have the exponent of the output.
    pub takes_integers: bool,
    /// Operators behind it that its kernel computes in its last pass.
    pub fuses: &'static [&'static str],
    /// Outputs that its kernel writes, whether they are read or not; `None` where it writes those that are there.
    pub outputs: Option<usize>,
    pub limits: &'static [&'static Limit],
}

impl Chip {
    /// A module with kernels of every width that minds nothing but its own axes.
    pub const PLAIN: Chip = Chip {
        kernels: Kernels::ALL,
        own_kernels: None,
        written_as: None,
        axes: Axes::AsOnnx,
        table: Table::Never,
        packs_weights: false,
        takes_integers: false,
        fuses: &[],
        outputs: None,
        limits: &[],
    };

    /// Precisions of its module.
    pub fn module(&self) -> Kernels {
        self.own_kernels.unwrap_or(self.kernels)
    }

    /// The loader makes a module of it.
    pub fn has_module(&self) -> bool {
        self.written_as.is_none()
    }
}

/// Precisions that an operator has kernels for; ESP-DL 3.3.9 has none of 8-bit weights and 16-bit activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernels {
    pub int8: bool,
    pub int16: bool,
    pub float: bool,
}

impl Kernels {
    pub const ALL: Kernels = Kernels { int8: true, int16: true, float: true };
    pub const INTEGER: Kernels = Kernels { float: false, ..Kernels::ALL };
    pub const INT8: Kernels = Kernels { int16: false, ..Kernels::INTEGER };

    pub fn runs(self, scheme: Scheme) -> bool {
        match scheme {
            Scheme::Int8 => self.int8,
            Scheme::Int16 => self.int16,
            Scheme::Float => self.float,
            Scheme::W8A16 => false,
        }
    }

    /// "int8 or int16"
    pub fn words(self) -> String {
        let names: Vec<&str> = self.names().collect();
        match names.as_slice() {
            [] => "none".to_string(),
            [one] => (*one).to_string(),
            [first @ .., last] => format!("{} or {last}", first.join(", ")),
        }
    }

    /// Names of the precisions: `int8`, `int16`.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Scheme::ALL.iter().filter(move |&&scheme| self.runs(scheme)).map(|scheme| scheme.name())
    }
}

/// Order of axes in which a kernel reads and writes values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axes {
    /// ONNX's.
    AsOnnx,
    /// N, places, C.
    ChannelsLast,
    /// Any, element by element.
    Any,
    /// Any, one for all inputs.
    OneForAll,
    /// Any; the attribute `axis` is stored with it.
    Attribute { default: i64 },
    /// Any; the axes at input 1 are stored with it.
    Reduced,
    /// Any, one for all inputs; the attribute `axis` is stored with it.
    Joined,
    /// Any; the axes at input 3 are stored with it.
    Sliced,
}

impl Axes {
    pub fn words(self) -> &'static str {
        match self {
            Axes::AsOnnx => "ONNX's",
            Axes::ChannelsLast => "channels last",
            Axes::Any => "any",
            Axes::OneForAll => "any, one for all inputs",
            Axes::Attribute { .. } => "any, by its `axis`",
            Axes::Reduced => "any, by its axes",
            Axes::Joined => "any, one for all inputs, by its `axis`",
            Axes::Sliced => "any, by its axes",
        }
    }
}

/// Lookup tables that stand for an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    Never,
    /// The module takes a table of 256 entries.
    Int8,
    /// At int16 the node is written as LUT, with a table that is interpolated.
    Int8AndInt16,
}
