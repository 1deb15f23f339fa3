//! Support of an operator on the chip, as plain data: kernels by width, order of axes, lookup table, limits.

use super::{Limit, Scheme};

/// Support of an operator on the chip.
pub enum Support {
    /// Supported by its own module, or by being rewritten as other operators.
    Runs(&'static Chip),
    /// Not supported; `instead` names a replacement with the same values, if there is one.
    Lacks {
        /// Advice that begins with a verb; `None` without a replacement.
        instead: Option<&'static str>,
    },
}

impl Support {
    /// Not supported, and without a replacement.
    pub const LACKS: Support = Support::Lacks { instead: None };

    /// Returns the properties in the runtime; `None` if the operator is not supported.
    pub fn chip(&self) -> Option<&'static Chip> {
        match self {
            Support::Runs(chip) => Some(chip),
            Support::Lacks { .. } => None,
        }
    }
}

/// Properties of an operator in ESP-DL's runtime.
pub struct Chip {
    /// Precisions that a layer may have.
    pub kernels: Kernels,
    /// Precisions of its own module, if other precisions are written as other operators.
    pub own_kernels: Option<Kernels>,
    /// Operators that it is rewritten as if it has no module.
    pub written_as: Option<&'static str>,
    /// Order of axes that the kernel expects of values.
    pub axes: Axes,
    /// Lookup tables that may take the module's place.
    pub table: Table,
    /// Set if the weights at input 1 are stored in the order that the target's kernels read.
    pub packs_weights: bool,
    /// Ports whose exponents must be equal.
    pub scales: Scales,
    /// Memory of its output.
    pub buffer: Buffer,
    /// Operators after it that its kernel computes in its last pass.
    pub fuses: &'static [&'static str],
    /// Outputs that its kernel always writes; `None` if it writes only those that exist.
    pub outputs: Option<usize>,
    /// Unsupported forms, in the order in which they are checked: the first one is reported.
    pub limits: &'static [&'static Limit],
}

impl Chip {
    /// Module with kernels of every width, in any order of axes except for its own.
    pub const PLAIN: Chip = Chip {
        kernels: Kernels::ALL,
        own_kernels: None,
        written_as: None,
        axes: Axes::AsOnnx,
        table: Table::Never,
        packs_weights: false,
        scales: Scales::Any,
        buffer: Buffer::Own,
        fuses: &[],
        outputs: None,
        limits: &[],
    };

    /// Returns the precisions of its module.
    pub fn module(&self) -> Kernels {
        self.own_kernels.unwrap_or(self.kernels)
    }

    /// Returns `true` if a limit applies to it, on some target or in some release.
    pub fn has_limit(&self, limit: &Limit) -> bool {
        self.limits.iter().any(|own| own.name == limit.name)
    }

    /// Returns `true` if the loader creates a module for it.
    pub fn has_module(&self) -> bool {
        self.written_as.is_none()
    }
}

/// Precisions for which an operator has kernels; ESP-DL 3.3.9 has none for 8-bit weights with 16-bit activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernels {
    /// Set for kernels of 8-bit weights and activations (`S8`).
    pub int8: bool,
    /// Set for kernels of 16-bit weights and activations (`S16`).
    pub int16: bool,
    /// Set for kernels of float32 (`F32`).
    pub float: bool,
}

impl Kernels {
    /// Every precision that ESP-DL has kernels for.
    pub const ALL: Kernels = Kernels { int8: true, int16: true, float: true };
    /// 8 and 16 bits, not float.
    pub const INTEGER: Kernels = Kernels { float: false, ..Kernels::ALL };
    /// 8 bits only.
    pub const INT8: Kernels = Kernels { int16: false, ..Kernels::INTEGER };

    /// Returns `true` if there is a kernel for a layer of this precision.
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

/// Memory of the output of a node that has one (`module_inplace_t` in `dl_module_base.hpp`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Buffer {
    /// Its own.
    Own,
    /// That of an input, as it is.
    Shared,
    /// That of an input, which is overwritten unless another node reads it later.
    Overwritten,
}

/// Order of axes in which a kernel reads and writes values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axes {
    /// ONNX's order.
    AsOnnx,
    /// N, spatial axes, C.
    ChannelsLast,
    /// Any order, element by element.
    Any,
    /// Any order, the same for all inputs.
    OneForAll,
    /// Any order; the attribute `axis` is converted to it.
    Attribute {
        /// Value of `axis` if the attribute is left out.
        default: i64,
    },
    /// Any order; the axes at input 1 are converted to it.
    Reduced,
    /// Any order, the same for all inputs; the attribute `axis` is converted to it.
    Joined,
    /// Any order; the axes at input 3 are converted to it.
    Sliced,
}

impl Axes {
    /// Returns the order in words, for `operators.md`.
    pub fn words(self) -> &'static str {
        match self {
            Axes::AsOnnx => "ONNX's",
            Axes::ChannelsLast => "channels last",
            Axes::Any => "any",
            Axes::OneForAll => "any, the same for all inputs",
            Axes::Attribute { .. } => "any, by its `axis`",
            Axes::Reduced => "any, by its axes",
            Axes::Joined => "any, the same for all inputs, by its `axis`",
            Axes::Sliced => "any, by its axes",
        }
    }
}

/// Exponents that a kernel assumes to be equal, because it does not rescale integers. Other exponents are silently wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scales {
    /// Any: the kernel rescales.
    Any,
    /// Every input has the output's exponent (`dl_base_add.cpp`, `dl_base_sub.cpp`, `dl_module_concat.hpp`).
    OfOutput,
    /// Every output has the exponent of input 0, whose integers are moved, chosen or negated (`dl_module_slice.hpp` and its
    /// kin, `dl_base_max_pool2d.cpp`, `dl_module_reduce_max.hpp`, `dl_module_neg.hpp`).
    OfInput,
    /// Inputs 0 and 1 are compared as integers (`dl_base_equal.cpp`, `dl_base_greater.cpp`, `dl_base_less.cpp`).
    OneForInputs,
}

impl Scales {
    /// Returns the rule in words, for `operators.md`.
    pub fn words(self) -> &'static str {
        match self {
            Scales::Any => "any",
            Scales::OfOutput => "inputs as the output",
            Scales::OfInput => "outputs as the input",
            Scales::OneForInputs => "one for both inputs",
        }
    }
}

/// Lookup tables that replace an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// No table: the module computes the function at every precision.
    Never,
    /// The module supports a table of 256 entries.
    Int8,
    /// At int16, the node is written as LUT with an interpolated table.
    Int8AndInt16,
}
