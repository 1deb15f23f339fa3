//! Operators of which esp-ppq 1.3.12 thinks otherwise than ESP-DL 3.3.9.
//!
//! esp-ppq exports operators that the runtime lacks, and has orders of axes and tables for them. espq refuses such a
//! model; a file that is forced is esp-ppq's to the byte, and so are its figures. Never: what the chip runs.

use super::{Axes, Table};

/// Order of axes of an operator that the runtime lacks (`layout_patterns.py`).
pub fn axes(op: &str) -> Option<Axes> {
    Some(match op {
        "Cast" | "Ceil" | "Cos" | "Erf" | "Floor" | "Not" | "Round" | "Sin" | "Softplus" | "Tan" => Axes::Any,
        "And" => Axes::OneForAll,
        "ConstantOfShape" | "Expand" | "GatherElements" | "GatherND" | "Max" | "Min" | "ScatterElements" | "Shape"
        | "Sum" | "TopK" | "Where" => Axes::AsOnnx,
        _ => return None,
    })
}

/// Table that esp-ppq writes, where the runtime has none: it lacks the operator, or computes it without
/// (`AddLUTPattern`, and `LUTOptimizationSetting` of `api/setting.py`).
pub fn table(op: &str) -> Table {
    match op {
        "Cos" | "Erf" | "Sin" | "Softplus" | "Tan" => Table::Int8AndInt16,
        "Cast" | "Ceil" | "Floor" | "Identity" | "Neg" | "Not" | "Round" => Table::Int8,
        _ => Table::Never,
    }
}

/// esp-ppq leaves the Transposes around these, which take any order of axes (`FuseTransposePattern`).
pub fn keeps_transposes(op: &str) -> bool {
    matches!(op, "Ceil" | "Cos" | "Exp" | "Floor" | "Log" | "Neg" | "Not" | "PRelu" | "Round" | "Sin" | "Sqrt" | "Tan")
}
