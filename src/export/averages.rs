//! AveragePool whose windows at the edge cover less: the kernels divide by the whole window everywhere, and round sizes down
//! (`dl_base_avg_pool2d.cpp`, `dl_module_average_pool.hpp`).
//!
//! Windows that cover equally much are pooled together, each kind from the part of the input that it covers, and the results
//! are joined. Every sum is divided as the kernel divides it.

use crate::espdl::Attribute;
use crate::graph::NodeId;
use crate::ops::average_pool::Side;

use super::draft::Draft;
use super::rewrite::{At, Rewrite};

pub fn pool_edges_apart(draft: &mut Draft) {
    for id in draft.order() {
        let Some(sides) = sides(draft, id) else { continue };
        let padded: Vec<Side> = sides.iter().map(Side::padded).collect();
        let Some(runs) = padded.iter().map(runs).collect::<Option<Vec<Vec<Run>>>>() else { continue };
        if let Some(mut rewrite) = Rewrite::of(draft, id) {
            pool(&mut rewrite, &sides, &runs);
        }
    }
}

/// Spatial axes of an AveragePool that the kernel would get wrong.
fn sides(draft: &Draft, id: NodeId) -> Option<Vec<Side>> {
    let node = draft.node(id).filter(|node| node.op == "AveragePool")?;
    if node.ints("dilations").iter().any(|&d| d != 1) {
        return None;
    }
    // Channels are last.
    let places = |value| match draft.value(value).stored_shape().as_slice() {
        [_, places @ .., _] => Some(places.to_vec()),
        _ => None,
    };
    let (from, to) = (places(draft.input(id, 0)?)?, places(*node.outputs.first()?)?);
    let list = |name| node.ints(name).into_iter().map(|v| usize::try_from(v).ok()).collect::<Option<Vec<usize>>>();
    let (kernel, strides, pads) = (list("kernel_shape")?, list("strides")?, list("pads")?);
    let counts_pads = node.int("count_include_pad").unwrap_or(0) != 0;
    let rank = from.len();
    let at = |list: &[usize], index: usize, default: usize| list.get(index).copied().unwrap_or(default);
    let side = |axis: usize| Side {
        size: from[axis],
        outputs: at(&to, axis, 0),
        kernel: at(&kernel, axis, 1),
        stride: at(&strides, axis, 1),
        pads: (at(&pads, axis, 0), at(&pads, axis + rank, 0)),
        counts_pads,
    };
    let sides: Vec<Side> = (0..rank).map(side).collect();
    (sides.len() < 3 && !sides.iter().all(Side::is_whole)).then_some(sides)
}

/// Outputs in a row whose windows cover equally much.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Run {
    outputs: usize,
    /// Places that each window covers.
    covers: usize,
    /// Part of the input that they read.
    from: usize,
    to: usize,
}

/// All outputs of an axis without counted pads, in order; `None` where a window covers nothing.
fn runs(side: &Side) -> Option<Vec<Run>> {
    let mut runs: Vec<Run> = Vec::new();
    let mut last = 0;
    for output in 0..side.outputs {
        let (start, covers) = side.window(output);
        let from = usize::try_from(start).ok().filter(|_| covers > 0)?;
        match runs.last_mut() {
            Some(run) if run.covers == covers && from == last + side.stride => {
                (run.outputs, run.to) = (run.outputs + 1, from + covers);
            }
            _ => runs.push(Run { outputs: 1, covers, from, to: from + covers }),
        }
        last = from;
    }
    Some(runs)
}

fn pool(rewrite: &mut Rewrite, sides: &[Side], runs: &[Vec<Run>]) -> Option<()> {
    let (mut input, output) = (rewrite.input(0)?, rewrite.output()?);
    if sides.iter().any(|side| side.counts_pads && side.pads != (0, 0)) {
        let pads = [&[(0, 0)], sides.iter().map(|side| side.pads).collect::<Vec<_>>().as_slice(), &[(0, 0)]].concat();
        input = rewrite.pad(input, &pads);
    }
    let parts: Vec<At> = match runs {
        [across] => across.iter().map(|run| piece(rewrite, &input, &output, sides, &[run])).collect(),
        [down, across] => {
            let row = |row: &Run| -> Option<At> {
                let one = |run: &Run| piece(rewrite, &input, &output, sides, &[row, run]);
                let pieces: Vec<At> = across.iter().map(one).collect();
                if let [only] = pieces.as_slice() {
                    Some(only.clone())
                } else {
                    rewrite.concat(&pieces, rewrite.stored(3), None)
                }
            };
            down.iter().map(row).collect::<Option<Vec<At>>>()?
        }
        _ => return None,
    };
    let down = rewrite.stored(2);
    join(rewrite, &parts, down, output);
    let count: usize = runs.iter().map(Vec::len).product();
    rewrite.note(&format!(
        "it is replaced by {count} pools and a Concat: its windows at the edge cover less, and ESP-DL divides by the whole \
         window"
    ));
    Some(())
}

fn join(rewrite: &mut Rewrite, parts: &[At], axis: usize, output: At) {
    match parts {
        [one] => rewrite.finish(one.clone()),
        parts => _ = rewrite.concat(parts, axis, Some(output.0)),
    }
}

/// The outputs of one run along each axis.
fn piece(rewrite: &mut Rewrite, input: &At, output: &At, sides: &[Side], runs: &[&Run]) -> At {
    let axes: Vec<usize> = (2..2 + runs.len()).map(|axis| rewrite.stored(axis)).collect();
    let (from, to): (Vec<usize>, Vec<usize>) = runs.iter().map(|run| (run.from, run.to)).unzip();
    let shape = rewrite.shape(input.0);
    let is_all = axes.iter().zip(runs).all(|(&axis, run)| (run.from, run.to) == (0, shape[axis]));
    let part = if is_all { input.clone() } else { rewrite.slice(input.clone(), &axes, &from, &to) };
    let mut shape = rewrite.shape(output.0);
    axes.iter().zip(runs).for_each(|(&axis, run)| shape[axis] = run.outputs); // axes of the output
    let made = (rewrite.value(output.0, shape), output.1.clone());
    // Sizes of tensors fit.
    let ints = |list: Vec<usize>| Attribute::Ints(list.into_iter().map(|v| v as i64).collect());
    let attributes = [
        ("kernel_shape", ints(runs.iter().map(|run| run.covers).collect())),
        ("strides", ints(sides.iter().map(|side| side.stride).collect())),
        ("pads", ints(vec![0; 2 * runs.len()])),
        ("count_include_pad", Attribute::Int(1)),
    ];
    rewrite.add("AveragePool", &[part], std::slice::from_ref(&made), &attributes);
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(size: usize, outputs: usize, kernel: usize, stride: usize, pads: (usize, usize)) -> Vec<[usize; 4]> {
        let side = Side { size, outputs, kernel, stride, pads, counts_pads: false };
        let runs = runs(&side).unwrap();
        runs.iter().map(|run| [run.outputs, run.covers, run.from, run.to]).collect()
    }

    #[test]
    fn windows_that_cover_equally_much_are_a_run() {
        assert_eq!(covered(8, 8, 3, 1, (1, 1)), [[1, 2, 0, 2], [6, 3, 0, 8], [1, 2, 6, 8]]);
        assert_eq!(covered(7, 4, 2, 2, (0, 0)), [[3, 2, 0, 6], [1, 1, 6, 7]]);
        assert_eq!(covered(4, 2, 2, 2, (0, 0)), [[2, 2, 0, 4]]);
    }

    #[test]
    fn windows_end_where_counted_pads_end() {
        let side = Side { size: 4, outputs: 3, kernel: 3, stride: 2, pads: (1, 0), counts_pads: true };
        let runs = runs(&side.padded()).unwrap();
        let found: Vec<_> = runs.iter().map(|run| (run.outputs, run.covers, run.from, run.to)).collect();
        assert_eq!(found, [(2, 3, 0, 5), (1, 1, 4, 5)]);
    }
}
