//! Pad by less than nothing: ESP-DL 3.3.9 pads and never crops (`dl_base_pad.cpp`). A Slice crops, behind what is left of the
//! Pad.

use crate::espdl::DataType;
use crate::graph::NodeId;

use super::draft::Draft;

pub fn slice(draft: &mut Draft) {
    for id in draft.order() {
        let Some(pads) = negative(draft, id) else { continue };
        let Some(output) = draft.node(id).and_then(|node| node.outputs.first().copied()) else { continue };
        let Some(input) = draft.input(id, 0) else { continue };
        let (from, to) = (draft.value(input).shape.clone(), draft.value(output).shape.clone());
        let rank = from.len();
        let part = |pad: i64, sign: i64| usize::try_from(pad.saturating_mul(sign)).unwrap_or(0);
        let starts: Vec<usize> = pads.iter().take(rank).map(|&pad| part(pad, -1)).collect();
        let ends: Vec<usize> = starts.iter().zip(&to).map(|(start, size)| start + size).collect();
        let added: Vec<usize> = pads.iter().map(|&pad| part(pad, 1)).collect();
        let slice = if added.iter().all(|&pad| pad == 0) {
            only_slice(draft, id);
            Some(id)
        } else {
            let wide = from.iter().enumerate().map(|(i, size)| size + added[i] + added[i + rank]).collect();
            set_pads(draft, id, &added);
            draft.insert_after(id, 0, "Slice", wide)
        };
        let Some(slice) = slice else { continue };
        let (axes, steps): (Vec<usize>, Vec<usize>) = (0..rank).map(|axis| (axis, 1)).unzip();
        [&starts, &ends, &axes, &steps].into_iter().for_each(|list| draft.append_sizes(slice, list));
        let name = draft.node(id).map(|node| node.name.clone()).unwrap_or_default();
        draft.differences.push(format!("{name}: a Slice crops where its pads are negative, since ESP-DL only pads"));
    }
}

/// Begins, then ends, where any is below 0.
fn negative(draft: &Draft, id: NodeId) -> Option<Vec<i64>> {
    draft.node(id).filter(|node| node.op == "Pad")?;
    let pads = draft.value(draft.input(id, 1)?).integers()?;
    let rank = draft.value(draft.input(id, 0)?).shape.len();
    (pads.len() == 2 * rank && pads.iter().any(|&pad| pad < 0)).then_some(pads)
}

/// The node is a Slice, without pads and filler.
fn only_slice(draft: &mut Draft, id: NodeId) {
    let Some(node) = draft.node_mut(id) else { return };
    node.op = "Slice".to_string();
    node.attributes.retain(|(name, _)| name == "quant_type");
    node.ports.0.truncate(1);
    for value in node.inputs.split_off(1).into_iter().flatten() {
        draft.value_mut(value).readers.retain(|reader| *reader != id);
    }
}

fn set_pads(draft: &mut Draft, id: NodeId, pads: &[usize]) {
    let Some(value) = draft.input(id, 1) else { return };
    let constant = draft.value_mut(value).constant.iter_mut();
    for constant in constant.filter(|constant| constant.data_type == DataType::Int64) {
        constant.bytes = pads.iter().flat_map(|&pad| (pad as i64).to_le_bytes()).collect(); // sizes fit
    }
}
