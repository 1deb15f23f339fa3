//! Limits on the number of dimensions.

use crate::chip::{Checked, Effect, Limit, NodeView};

const REDUCTIONS: &[&str] = &[
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
];

pub static SPATIAL: Limit = Limit {
    name: "spatial-rank",
    operators: &["Conv", "ConvTranspose", "AveragePool", "MaxPool", "GlobalAveragePool", "Resize"],
    effect: Effect::NotLoaded,
    check: spatial,
    help: "reshape the tensor around the layer",
    source: "dl_module_conv.hpp",
};

pub static ELEMENTWISE: Limit = Limit {
    name: "broadcast-rank",
    operators: &["Add", "Sub", "Mul", "Div", "Pow", "Mod", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"],
    effect: Effect::Crashes,
    check: elementwise,
    help: "merge dimensions with a Reshape before it",
    source: "dl_base_elemwise.cpp, get_elemwise_operation_args",
};

pub static REDUCED: Limit = Limit {
    name: "reduction-rank",
    operators: REDUCTIONS,
    effect: Effect::SilentlyWrong,
    check: reduced,
    help: "the output would stay as it was: reduce the axes one after another",
    source: "dl_module_reduce_base.hpp",
};

pub static MATMUL: Limit = Limit {
    name: "matmul-rank",
    operators: &["MatMul"],
    effect: Effect::SilentlyWrong,
    check: |node| {
        let rank = (0..2).filter_map(|port| node.rank(port)).max().filter(|&rank| rank > 4);
        Ok(rank.map(|rank| format!("MatMul of {rank} dimensions; the runtime has up to 4")))
    },
    help: "merge dimensions with a Reshape before it",
    source: "dl_module_matmul.hpp",
};

pub static PAD_MODE: Limit = Limit {
    name: "pad-mode",
    operators: &["Pad"],
    effect: Effect::NotLoaded,
    check: |node| {
        let mode = node.text("mode", "constant")?;
        Ok((!matches!(mode, "constant" | "edge" | "reflect"))
            .then(|| format!("Pad with mode {mode:?} stops the chip while it loads")))
    },
    help: "pad with constant, edge or reflect",
    source: "dl_module_pad.hpp",
};

pub static PAD_AXES: Limit = Limit {
    name: "pad-axes",
    operators: &["Pad"],
    effect: Effect::Crashes,
    check: |node| Ok(node.input(3).map(|_| "Pad with axes, which the runtime does not read".to_string())),
    help: "give pads for every axis",
    source: "dl_base_pad.cpp, get_pad_shape",
};

pub static PAD_NEGATIVE: Limit = Limit {
    name: "pad-negative",
    operators: &["Pad"],
    effect: Effect::Crashes,
    check: |node| {
        let pads = node.constant(1).filter(|pads| pads.iter().any(|&pad| pad < 0));
        Ok(pads
            .map(|pads| format!("Pad with pads {pads:?}; the chip pads and never crops, and writes before its output")))
    },
    help: "crop with a Slice, and pad what is left",
    source: "dl_base_pad.cpp",
};

pub static PAD_RANK: Limit = Limit {
    name: "pad-rank",
    operators: &["Pad"],
    effect: Effect::SilentlyWrong,
    check: |node| {
        let mode = node.text("mode", "constant")?;
        let rank = node.rank(0).filter(|&rank| mode != "constant" && rank > 4);
        Ok(rank.map(|rank| format!("Pad with mode {mode:?} of {rank} dimensions; the runtime has up to 4")))
    },
    help: "merge dimensions with a Reshape before it",
    source: "dl_base_pad.cpp",
};

/// One or two places beside batch and channel.
fn spatial(node: &dyn NodeView) -> Checked {
    let rank = node.rank(0).filter(|rank| !matches!(rank, 3 | 4));
    Ok(rank
        .map(|rank| format!("{} of a tensor with {rank} dimensions; the runtime has 1-D (3) and 2-D (4)", node.op())))
}

fn elementwise(node: &dyn NodeView) -> Checked {
    let (Some(a), Some(b)) = (node.shape(0), node.shape(1)) else { return Ok(None) };
    let rank = merged_elementwise(&a, &b);
    Ok((rank > 4)
        .then(|| format!("{} of shapes that broadcast over {rank} dimensions; the runtime has up to 4", node.op())))
}

/// Number of dimensions that a kernel of two operands runs over: neighbours that both go on are merged, and those over
/// which one operand stays.
fn merged_elementwise(a: &[usize], b: &[usize]) -> usize {
    let rank = a.len().max(b.len());
    let aligned = |shape: &[usize]| [&vec![1; rank - shape.len()], shape].concat();
    let mut merged: Vec<(usize, usize)> = Vec::new();
    for (a, b) in aligned(a).into_iter().zip(aligned(b)) {
        match merged.last_mut() {
            Some((x, y)) if (x == y && a == b) || (*x == 1 && a == 1) || (*y == 1 && b == 1) => {
                // A file may claim any sizes.
                (*x, *y) = (x.saturating_mul(a), y.saturating_mul(b));
            }
            _ => merged.push((a, b)),
        }
    }
    merged.len().max(1)
}

fn reduced(node: &dyn NodeView) -> Checked {
    let Some(rank) = node.rank(0) else { return Ok(None) };
    let axes = match node.input(1) {
        Some(_) => node.constant(1),
        None => Some(node.ints("axes")?.to_vec()),
    };
    let Some(axes) = axes else { return Ok(Some(format!("{} over axes that are computed", node.op()))) };
    let runs = merged_reduction(rank, &axes);
    Ok((runs > 4).then(|| {
        format!("{} over axes {axes:?} of {rank} is computed in {runs} parts; the runtime has up to 4", node.op())
    }))
}

/// Neighbouring axes that are all reduced, or all kept, count once; no axes are all axes.
fn merged_reduction(rank: usize, axes: &[i64]) -> usize {
    let rank = i64::try_from(rank).unwrap_or(i64::MAX);
    let places: Vec<i64> = axes.iter().map(|&a| if a < 0 { a.saturating_add(rank) } else { a }).collect();
    let mut flags: Vec<bool> = (0..rank).map(|axis| axes.is_empty() || places.contains(&axis)).collect();
    flags.dedup();
    flags.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_that_go_on_together_count_once() {
        assert_eq!(merged_elementwise(&[1, 2, 3, 4, 5], &[1, 2, 3, 4, 5]), 1);
        assert_eq!(merged_elementwise(&[2, 3, 4, 5, 6], &[5, 6]), 2);
        assert_eq!(merged_elementwise(&[2, 1, 4, 1, 6], &[2, 3, 4, 5, 6]), 5);
        assert_eq!(merged_elementwise(&[], &[]), 1);
        assert_eq!(merged_reduction(5, &[3, -1]), 2);
        assert_eq!(merged_reduction(5, &[1, 3]), 5);
        assert_eq!(merged_reduction(5, &[]), 1);
    }
}
