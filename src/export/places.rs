//! Resize that ESP-DL 3.3.9 has no kernel for: at int16 its function is empty, in float there is none, and int8 has two modes
//! and few coordinates (`dl_base_resize.cpp`).
//!
//! An axis whose places are each one of the input's is gathered, which copies. One whose places are mixed of several is
//! gathered once for each share, and summed up in float with the shares.

use std::collections::BTreeMap;

use crate::Result;
use crate::chip::Runtime;
use crate::graph::{Graph, NodeId};
use crate::ops::resize::Taps;
use crate::ops::{self, Call};
use crate::quant::Quantized;
use crate::runtime::limits::GraphNode;
use crate::text::units;

use super::draft::Draft;
use super::rewrite::{At, Rewrite, along};

/// Writes every Resize by its places that the kernel would not compute.
pub fn by_places(draft: &mut Draft, quantized: &Quantized, runtime: Runtime) -> Result<()> {
    let graph = &quantized.plan().graph;
    let family = Some(quantized.plan().settings.target.family());
    for (index, source) in graph.insertion_order().into_iter().enumerate() {
        if graph.node(source).op != "Resize" {
            continue;
        }
        let scheme = Some(quantized.plan().quant_type(source).scheme());
        let view = GraphNode { scheme, family, runtime, as_it_stands: true, ..GraphNode::of(graph, source) };
        if ops::resize::has_kernel(&view) {
            continue;
        }
        let name = &graph.node(source).name;
        let taps = taps(graph, source).map_err(|e| e.in_layer(name))?;
        let resized = |taps: &Option<Taps>| match taps {
            None => Some(None),
            Some(taps) => axis(taps).map(Some),
        };
        let axes: Option<Vec<Option<Axis>>> = taps.iter().map(resized).collect();
        // Beyond a region of interest there is nothing to copy: the checks say so.
        let Some(axes) = axes else { continue };
        if let Some(mut rewrite) = Rewrite::of(draft, NodeId(index)) {
            write(&mut rewrite, axes);
        }
    }
    Ok(())
}

fn taps(graph: &Graph, id: NodeId) -> Result<Vec<Option<Taps>>> {
    let node = graph.node(id);
    let inputs = ops::input_facts(graph, node)?;
    ops::resize::taps(&Call { outputs: 1, ..Call::of(graph, node, &inputs) })
}

/// An axis by what its places are made of.
#[derive(Debug, PartialEq)]
enum Axis {
    Copied(Vec<usize>),
    /// Places of the input and their shares, as often as a place is mixed of.
    Mixed(Vec<(Vec<usize>, Vec<f32>)>),
}

fn axis(taps: &Taps) -> Option<Axis> {
    let mut places = Vec::with_capacity(taps.len());
    for taps in taps {
        let mut shares: BTreeMap<usize, f64> = BTreeMap::new();
        taps.as_ref()?.iter().for_each(|&(place, share)| *shares.entry(place).or_default() += share);
        shares.retain(|_, share| *share != 0.0);
        places.push(shares.into_iter().collect::<Vec<(usize, f64)>>());
    }
    let is_copy = |shares: &Vec<(usize, f64)>| matches!(shares[..], [(_, share)] if (share - 1.0).abs() < 1e-6);
    if places.iter().all(is_copy) {
        return Some(Axis::Copied(places.iter().filter_map(|shares| Some(shares.first()?.0)).collect()));
    }
    let count = places.iter().map(Vec::len).max()?;
    let share = |n: usize| {
        let of =
            |shares: &Vec<(usize, f64)>| shares.get(n).copied().unwrap_or((shares.first().map_or(0, |s| s.0), 0.0));
        places.iter().map(of).map(|(place, share)| (place, share as f32)).unzip()
    };
    Some(Axis::Mixed((0..count).map(share).collect()))
}

fn write(rewrite: &mut Rewrite, axes: Vec<Option<Axis>>) -> Option<()> {
    let ((source, _), (output, port)) = (rewrite.input(0)?, rewrite.output()?);
    // Gathers copy integers: they read those of the output.
    let mut at: At = (source, port.clone());
    let (mut copied, mut widest) = (Vec::new(), 0);
    for (axis, how) in axes.into_iter().enumerate() {
        match how {
            None => {}
            Some(Axis::Copied(places)) => copied.push((rewrite.stored(axis), places)),
            Some(Axis::Mixed(shares)) => {
                at = mixed(rewrite, at, rewrite.stored(axis), &shares)?;
                widest = widest.max(rewrite.shape(at.0).iter().product::<usize>() * size_of::<f32>());
            }
        }
    }
    if copied.is_empty() && (at.0 == source || port.is_some()) {
        let shape = rewrite.shape(at.0);
        let made = (rewrite.value(output, shape), port.clone());
        rewrite.add("Identity", &[(at.0, port.clone())], std::slice::from_ref(&made), &[]);
        at = made;
    }
    for (axis, places) in copied {
        at = rewrite.gather((at.0, port.clone()), axis, &places);
    }
    rewrite.finish(at);
    let why = "since ESP-DL's Resize has no kernel of this form at this precision";
    rewrite.note(&match widest {
        0 => format!("Gathers copy its places, {why}"),
        widest => {
            format!("Gather, Mul and Add mix its places in float, of values of up to {}, {why}", units::size(widest))
        }
    });
    Some(())
}

/// A sum of what the shares make of the gathered places.
fn mixed(rewrite: &mut Rewrite, at: At, axis: usize, shares: &[(Vec<usize>, Vec<f32>)]) -> Option<At> {
    let mut sum: Option<At> = None;
    for (places, shares) in shares {
        let part = rewrite.gather(at.clone(), axis, places);
        let shape = rewrite.shape(part.0);
        let made = (rewrite.value(part.0, shape.clone()), None);
        let id = rewrite.add("Mul", &[(part.0, None)], std::slice::from_ref(&made), &[]);
        let constant = along(axis, shape.len(), shares);
        rewrite.append(id, constant, None);
        sum = Some(match sum {
            None => made,
            Some(before) => {
                let both = (rewrite.value(part.0, shape), None);
                rewrite.add("Add", &[before, made], std::slice::from_ref(&both), &[]);
                both
            }
        });
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_one_share_are_copies() {
        let taps = vec![Some(vec![(0, 0.25), (0, 0.75)]), Some(vec![(1, 1.0), (2, 0.0)])];
        assert_eq!(axis(&taps), Some(Axis::Copied(vec![0, 1])));
        assert_eq!(axis(&vec![None]), None);
    }

    #[test]
    fn places_of_fewer_shares_get_empty_ones() {
        let taps = vec![Some(vec![(0, 1.0)]), Some(vec![(0, 0.25), (1, 0.75)])];
        let mixed = vec![(vec![0, 0], vec![1.0, 0.25]), (vec![0, 1], vec![0.0, 0.75])];
        assert_eq!(axis(&taps), Some(Axis::Mixed(mixed)));
    }
}
