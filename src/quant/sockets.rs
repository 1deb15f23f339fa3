//! Which ports of an operator are never quantized: shapes, indices, conditions, probabilities.
//!
//! The sets are esp-ppq's `IR/base/opdef.py` and `create_espdl_quant_config` in `EspdlQuantizer.py`.

/// Whether input `port` of `op` stays in float.
pub fn float_input(op: &str, port: usize) -> bool {
    match op {
        "Reshape" | "Split" | "Expand" | "Squeeze" | "Unsqueeze" | "TopK" | "ReverseSequence" => port == 1,
        "Gather" | "GatherElements" | "GatherND" | "grid_sampler" | "ScatterElements" | "ScatterND" => port == 1,
        "ReduceL1" | "ReduceL2" | "ReduceMax" | "ReduceMean" | "ReduceMin" | "ReduceProd" | "ReduceSum"
        | "ReduceSumSquare" | "ReduceLogSum" | "ReduceLogSumExp" => port == 1,
        "RMSNormalization" => port == 1,
        "Clip" | "Where" | "Tile" | "RoiAlign" => (1..=2).contains(&port),
        "Pad" | "Resize" => (1..=3).contains(&port),
        "Slice" | "NonMaxSuppression" => (1..=4).contains(&port),
        "Range" | "OneHot" => port <= 2,
        "ConstantOfShape" => port == 0,
        "Attention" => port == 3,
        _ => false,
    }
}

/// Whether output `port` of `op` stays in float.
pub fn float_output(op: &str, port: usize) -> bool {
    match op {
        "Softmax" | "LogSoftmax" | "NonZero" | "Shape" | "OneHot" => port == 0,
        "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" | "And" | "Or" | "Xor" => port == 0,
        "TopK" => port == 1,
        _ => false,
    }
}
