//! Operators for which esp-ppq 1.3.12 differs from ESP-DL 3.3.9.
//!
//! esp-ppq exports operators that the runtime does not support, and defines orders of axes and tables for them. espq
//! refuses such a model; with `--force`, the file and the figures are identical to esp-ppq's. Never: support on the
//! chip.

use super::{Axes, Table};

/// Order of axes of an operator that the runtime does not support (`layout_patterns.py`).
pub fn axes(op: &str) -> Option<Axes> {
    Some(match op {
        "Cast" | "Ceil" | "Cos" | "Erf" | "Floor" | "Not" | "Round" | "Sin" | "Softplus" | "Tan" => Axes::Any,
        "And" => Axes::OneForAll,
        "ConstantOfShape" | "Expand" | "GatherElements" | "GatherND" | "Max" | "Min" | "ScatterElements" | "Shape"
        | "Sum" | "TopK" | "Where" => Axes::AsOnnx,
        _ => return None,
    })
}

/// Table that esp-ppq writes for an operator without a table in the runtime, which does not support the operator or
/// computes it directly (`AddLUTPattern`, and `LUTOptimizationSetting` of `api/setting.py`).
pub fn table(op: &str) -> Table {
    match op {
        "Cos" | "Erf" | "Sin" | "Softplus" | "Tan" => Table::Int8AndInt16,
        "Cast" | "Ceil" | "Floor" | "Identity" | "Neg" | "Not" | "Round" => Table::Int8,
        _ => Table::Never,
    }
}

/// Returns `true` for operators with any order of axes around which esp-ppq keeps Transposes (`FuseTransposePattern`).
pub fn keeps_transposes(op: &str) -> bool {
    matches!(op, "Ceil" | "Cos" | "Exp" | "Floor" | "Log" | "Neg" | "Not" | "PRelu" | "Round" | "Sin" | "Sqrt" | "Tan")
}
