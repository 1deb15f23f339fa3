//! Operators that an exporter writes and that are not ONNX's: lookup tables, changes of width, streaming buffers.

use crate::chip::{Axes, Buffer, Chip, Kernels, Scales, Table};

const PASSES: Chip = Chip { axes: Axes::Any, buffer: Buffer::Overwritten, ..Chip::PLAIN };

/// Operators by name.
pub static WRITTEN: &[(&str, Chip)] = &[
    ("DequantizeLinear", PASSES),
    ("LUT", Chip { kernels: Kernels::INTEGER, table: Table::Int8AndInt16, ..PASSES }),
    ("QuantizeLinear", PASSES),
    ("RequantizeLinear", PASSES),
    ("StreamingCache", Chip { scales: Scales::OfInput, ..Chip::PLAIN }),
];
