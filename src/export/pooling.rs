//! Windows in the runtime's form: explicit pads, sizes rounded down.
//!
//! ESP-DL 3.3.9 reads neither `auto_pad` nor `ceil_mode`. Pads that give the same windows are equivalent, except for an
//! AveragePool with `ceil_mode`, whose last windows are divided by the number of elements inside; the checks refuse it.

use crate::espdl::Attribute;

use super::draft::{Draft, DraftNode};

pub fn explicit_windows(draft: &mut Draft) {
    for id in draft.order() {
        let Some(node) = draft.node(id).filter(|n| matches!(n.op.as_str(), "Conv" | "MaxPool" | "AveragePool")) else {
            continue;
        };
        let (Some(input), Some(&output)) = (draft.input(id, 0), node.outputs.first()) else { continue };
        let places = |v| draft.value(v).shape.get(2..).map(<[usize]>::to_vec).unwrap_or_default();
        let kernel = match draft.input(id, 1).filter(|_| node.op == "Conv") {
            Some(weight) => places(weight),
            None => node.ints("kernel_shape").iter().filter_map(|&k| usize::try_from(k).ok()).collect(),
        };
        let (from, to, name) = (places(input), places(output), node.name.clone());
        let Some(node) = draft.node_mut(id) else { continue };
        let said = automatic(node, &from, &to, &kernel).or_else(|| rounded_up(node, &from, &to, &kernel));
        if let Some(said) = said {
            draft.differences.push(format!("{name}: {said}"));
        }
    }
}

/// Returns begin and end pads of each spatial axis from the attribute.
fn pads(node: &DraftNode, count: usize) -> (Vec<i64>, Vec<i64>) {
    let mut pads = node.ints("pads");
    pads.resize(2 * count, 0);
    let ends = pads.split_off(count);
    (pads, ends)
}

fn at(list: &[i64], index: usize) -> i64 {
    list.get(index).copied().filter(|&v| v > 0).unwrap_or(1)
}

/// Returns the padded size that `to` windows need.
fn needed(node: &DraftNode, index: usize, to: usize, kernel: usize) -> Option<i64> {
    let (stride, dilation) = (at(&node.ints("strides"), index), at(&node.ints("dilations"), index));
    let window = i64::try_from(kernel).ok()?.checked_sub(1)?.checked_mul(dilation)?.checked_add(1)?;
    i64::try_from(to).ok()?.checked_sub(1)?.checked_mul(stride)?.checked_add(window)
}

fn set_pads(node: &mut DraftNode, begins: Vec<i64>, ends: Vec<i64>) {
    node.set("pads", Attribute::Ints([begins, ends].concat()));
}

fn automatic(node: &mut DraftNode, from: &[usize], to: &[usize], kernel: &[usize]) -> Option<String> {
    let mode = node.text("auto_pad").filter(|m| matches!(*m, "SAME_UPPER" | "SAME_LOWER"))?.to_string();
    node.attributes.retain(|(name, _)| name != "auto_pad");
    let mut begins = Vec::new();
    let mut ends = Vec::new();
    for ((i, &from), (&to, &kernel)) in from.iter().enumerate().zip(to.iter().zip(kernel)) {
        let total = needed(node, i, to, kernel)?.checked_sub(i64::try_from(from).ok()?)?.max(0);
        let (less, more) = (total / 2, total - total / 2);
        let upper = mode == "SAME_UPPER";
        begins.push(if upper { less } else { more });
        ends.push(if upper { more } else { less });
    }
    set_pads(node, begins, ends);
    Some(format!("auto_pad {mode} is written as pads, since ESP-DL does not read it"))
}

fn rounded_up(node: &mut DraftNode, from: &[usize], to: &[usize], kernel: &[usize]) -> Option<String> {
    if node.op != "MaxPool" || node.int("ceil_mode") != Some(1) {
        return None;
    }
    let (begins, mut ends) = pads(node, from.len());
    let mut changed = false;
    for ((i, &from), (&to, &kernel)) in from.iter().enumerate().zip(to.iter().zip(kernel)) {
        let least = needed(node, i, to, kernel)?.checked_sub(i64::try_from(from).ok()?)?.checked_sub(begins[i])?;
        let most = least.checked_add(at(&node.ints("strides"), i))? - 1;
        // Any end in this range gives the same number of windows; a window never starts in it.
        let end = ends[i].clamp(least.max(0), most.max(0));
        changed |= end != ends[i];
        ends[i] = end;
    }
    if !changed {
        return None;
    }
    set_pads(node, begins, ends);
    node.set("ceil_mode", Attribute::Int(0));
    Some("ceil_mode is written as pads at the end, since ESP-DL rounds sizes down".to_string())
}
