//! Scales of the file's constants through rewrites that move or multiply their elements. Any other new constant has none.

use crate::graph::{Graph, Node, Tensor, TrainedScale};

/// Operators that move the elements of their first input without changing any.
const MOVES: [&str; 8] = ["Identity", "Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Slice", "Gather"];

/// Returns the scales of a folded node's outputs: those of its input, if it only moves elements.
pub fn moved(graph: &Graph, node: &Node, results: &[Tensor]) -> Vec<TrainedScale> {
    let Some(input) = node.input(0).map(|input| graph.value(input)) else { return Vec::new() };
    let (Some(from), [to]) = (&input.constant, results) else { return Vec::new() };
    if !node.domain.is_empty() || !MOVES.contains(&node.op.as_str()) {
        return Vec::new();
    }
    input.scales.iter().filter_map(|scale| along(scale, node, from.shape(), to.shape())).collect()
}

/// Finds the axis of the channels in the result; `None` where it is no axis of its own there.
fn along(scale: &TrainedScale, node: &Node, from: &[usize], to: &[usize]) -> Option<TrainedScale> {
    let Some(axis) = scale.axis else { return Some(scale.clone()) };
    let axis = match node.op.as_str() {
        "Identity" => Some(axis),
        "Transpose" => match node.attributes.ints("perm") {
            Some(order) => order.iter().position(|&place| usize::try_from(place) == Ok(axis)),
            None => from.len().checked_sub(axis + 1),
        },
        "Slice" | "Gather" => None,
        _ => {
            let before: usize = from.get(..axis)?.iter().product();
            let starts = |place: &usize| to[..*place].iter().product::<usize>() == before;
            (0..to.len()).find(|place| to[*place] == scale.exponents.len() && starts(place))
        }
    };
    axis.map(|axis| scale.on_axis(axis))
}

/// Multiplies scales by a factor; those that are then no powers of two are dropped.
pub fn multiply(scales: &mut Vec<TrainedScale>, factor: f32) {
    let exponent = factor.log2();
    match factor > 0.0 && exponent.fract() == 0.0 {
        true => scales.iter_mut().flat_map(|scale| &mut scale.exponents).for_each(|e| *e += exponent as i32), // -149 to 127
        false => scales.clear(),
    }
}

/// Repeats the scales of channels for each group.
pub fn repeated(scale: &TrainedScale, groups: usize) -> TrainedScale {
    match scale.axis {
        Some(_) => TrainedScale { exponents: scale.exponents.repeat(groups), ..scale.clone() },
        None => scale.clone(),
    }
}
