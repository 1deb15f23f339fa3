//! Operators that ESP-DL runs, and their widths.
//!
//! From `operator_support_state.md` of espressif/esp-dl and the loader's checks in `dl/module/include`. Forms of an
//! operator are in `limits`.

use crate::chip::Scheme;

/// The runtime that this table describes.
pub const RUNTIME: &str = "ESP-DL 3.3.9";

/// One operator of the runtime, by its ONNX name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Support {
    pub name: &'static str,
    pub int8: bool,
    pub int16: bool,
    pub float: bool,
}

impl Support {
    pub fn runs(&self, scheme: Scheme) -> bool {
        match scheme {
            Scheme::Int8 => self.int8,
            Scheme::Int16 => self.int16,
            Scheme::Float => self.float,
            // No kernel multiplies 8-bit weights with 16-bit activations.
            Scheme::W8A16 => false,
        }
    }

    /// "int8 or int16"
    pub fn schemes(&self) -> String {
        let names: Vec<&str> = Scheme::ALL.iter().filter(|&&s| self.runs(s)).map(|s| s.name()).collect();
        match names.as_slice() {
            [] => "none".to_string(),
            [one] => (*one).to_string(),
            [first @ .., last] => format!("{} or {last}", first.join(", ")),
        }
    }
}

const fn all(name: &'static str) -> Support {
    Support { name, int8: true, int16: true, float: true }
}

const fn integer(name: &'static str) -> Support {
    Support { name, int8: true, int16: true, float: false }
}

/// Sorted by name.
static OPERATORS: &[Support] = &[
    all("Add"),
    all("AveragePool"),
    all("Clip"),
    all("Concat"),
    integer("Conv"),
    integer("ConvTranspose"),
    all("DepthToSpace"),
    all("Div"),
    all("Elu"),
    integer("Equal"),
    all("Exp"),
    all("Flatten"),
    all("GRU"),
    all("Gather"),
    // A lookup table and nothing else.
    integer("Gelu"),
    integer("Gemm"),
    all("GlobalAveragePool"),
    integer("Greater"),
    integer("GreaterOrEqual"),
    all("HardSigmoid"),
    all("HardSwish"),
    all("Identity"),
    all("InsertZeros"),
    all("LSTM"),
    all("LayerNormalization"),
    all("LeakyRelu"),
    integer("Less"),
    integer("LessOrEqual"),
    all("Log"),
    all("LogSoftmax"),
    all("LpNormalization"),
    integer("MatMul"),
    integer("MaxPool"),
    all("Mod"),
    all("Mul"),
    all("Neg"),
    all("PRelu"),
    all("Pad"),
    all("Pow"),
    all("RMSNormalization"),
    all("ReduceL1"),
    all("ReduceL2"),
    all("ReduceLogSum"),
    all("ReduceLogSumExp"),
    all("ReduceMax"),
    all("ReduceMean"),
    all("ReduceMin"),
    all("ReduceProd"),
    all("ReduceSum"),
    all("ReduceSumSquare"),
    all("Relu"),
    all("Reshape"),
    Support { name: "Resize", int8: true, int16: false, float: false },
    integer("ReverseSequence"),
    all("ScatterND"),
    all("Sigmoid"),
    all("Slice"),
    all("Softmax"),
    all("SpaceToDepth"),
    all("Split"),
    all("Sqrt"),
    all("Squeeze"),
    all("Sub"),
    all("Swish"),
    all("Tanh"),
    all("Transpose"),
    all("Unsqueeze"),
];

pub fn operator(name: &str) -> Option<&'static Support> {
    OPERATORS.binary_search_by(|s| s.name.cmp(name)).ok().and_then(|at| OPERATORS.get(at))
}

/// What to do about an operator that the runtime lacks.
pub fn instead(name: &str) -> &'static str {
    match name {
        "Abs" => "write it as LeakyRelu with alpha = -1, or as Relu(x) + Relu(-x), which ESP-DL has",
        "BatchNormalization" => "write it as Mul and Add with constants of shape [C, 1, 1], which ESP-DL has",
        "Celu" | "Selu" => "train with Elu, which ESP-DL has",
        "GlobalMaxPool" => "write it as ReduceMax over the places, or as MaxPool with a window as large as the map",
        "Max" => "write max(a, b) as a + Relu(b - a), which ESP-DL has",
        "Mean" => "write it as Add, and Mul with one by the number of inputs",
        "Min" => "write min(a, b) as a - Relu(a - b), which ESP-DL has",
        "Reciprocal" => "write it as Div of 1 by the value, or as Pow with the exponent -1, which ESP-DL has",
        "RNN" => "train with GRU or LSTM, which ESP-DL has",
        "Softplus" => "write it as Log(1 + Exp(x)), or train with Elu, which ESP-DL has",
        "Sum" => "write it as one Add after another",
        "Tile" | "Expand" => "write it as Concat of the value with itself, which ESP-DL has",
        _ => "replace it by operators that ESP-DL has, or cut the model before it",
    }
}

/// The size of an axis, which counts from the end where it is negative.
pub fn size_along(shape: &[usize], axis: i64) -> Option<i64> {
    let axis = if axis < 0 { axis.saturating_add_unsigned(shape.len() as u64) } else { axis };
    i64::try_from(*shape.get(usize::try_from(axis).ok()?)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_for_the_search() {
        assert!(OPERATORS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    fn what_the_table_of_modules_has_is_here() {
        for name in crate::runtime::fit::OPERATORS {
            // These have no ONNX operator that a model would hold, or are written by an exporter only.
            let own = ["DequantizeLinear", "LUT", "QuantizeLinear", "RequantizeLinear", "StreamingCache"];
            assert!(own.contains(name) || operator(name).is_some(), "{name}");
        }
    }

    #[test]
    fn widths_are_those_of_the_support_table() {
        assert_eq!(operator("Resize").unwrap().schemes(), "int8");
        assert_eq!(operator("Conv").unwrap().schemes(), "int8 or int16");
        assert!(!operator("Add").unwrap().runs(Scheme::W8A16));
        assert_eq!(operator("Gelu").unwrap().schemes(), "int8 or int16");
        // esp-ppq lists them for 16-bit tables and never quantizes them, so none ever has one.
        for name in ["Cos", "Erf", "Sin", "Softplus", "Tan"] {
            assert_eq!(operator(name), None, "{name}");
        }
    }
}
