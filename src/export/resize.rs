//! Resize in its kernel's form: a number for every axis.
//!
//! ESP-DL 3.3.9 reads the third and the fourth of the sizes or scales, and ignores `axes` and the policy
//! (`dl_module_resize.hpp`).

use crate::espdl::{DataType, Tensor};
use crate::graph::{NodeId, ValueId};

use super::draft::Draft;

const SCALES: usize = 2;
const SIZES: usize = 3;

pub fn complete(draft: &mut Draft, id: NodeId) {
    every_axis(draft, id);
}

fn elements(draft: &Draft, id: NodeId, port: usize) -> Option<&Tensor> {
    draft.value(draft.input(id, port)?).constant.as_ref()
}

/// Writes a number for every axis; sizes are those of the output after applying the policy.
fn every_axis(draft: &mut Draft, id: NodeId) {
    let Some(node) = draft.node(id) else { return };
    let is_short = |name: &String| matches!(name.as_str(), "axes" | "keep_aspect_ratio_policy");
    if !node.attributes.iter().any(|(name, _)| is_short(name)) {
        return;
    }
    let (axes, name) = (node.ints("axes"), node.name.clone());
    let Some(to) = node.outputs.first().map(|&output| draft.value(output).shape.clone()) else { return };
    if elements(draft, id, SIZES).is_some() {
        let bytes = to.iter().flat_map(|&size| (size as i64).to_le_bytes()).collect();
        write(draft, id, SIZES, DataType::Int64, to.len(), bytes);
    } else if let Some(scales) = elements(draft, id, SCALES).filter(|_| !axes.is_empty()) {
        let (mut all, given) = (vec![1f32.to_le_bytes(); to.len()], scales.bytes.as_chunks::<4>().0.to_vec());
        for (axis, scale) in axes.into_iter().zip(given) {
            let axis = if axis < 0 { axis.saturating_add_unsigned(to.len() as u64) } else { axis };
            let place = usize::try_from(axis).ok().and_then(|axis| all.get_mut(axis));
            place.into_iter().for_each(|place| *place = scale);
        }
        write(draft, id, SCALES, DataType::Float, to.len(), all.concat());
    }
    if let Some(node) = draft.node_mut(id) {
        node.attributes.retain(|(name, _)| !is_short(name));
    }
    draft
        .differences
        .push(format!("{name}: sizes or scales are written for every axis, since the kernel reads them all"));
}

fn write(draft: &mut Draft, id: NodeId, port: usize, data_type: DataType, count: usize, bytes: Vec<u8>) {
    let tensor = Tensor { data_type, dims: vec![count], exponents: vec![0], bytes, ..Tensor::default() };
    let value = draft.add_constant(id, tensor);
    replace(draft, id, port, value);
}

/// Replaces an input; the previous value has one reader less, and without readers it is not written.
fn replace(draft: &mut Draft, id: NodeId, port: usize, value: ValueId) {
    let Some(old) = draft.input(id, port) else { return };
    let readers = &mut draft.value_mut(old).readers;
    if let Some(at) = readers.iter().position(|&reader| reader == id) {
        readers.remove(at);
    }
    if let Some(input) = draft.node_mut(id).and_then(|node| node.inputs.get_mut(port)) {
        *input = Some(value);
    }
}
