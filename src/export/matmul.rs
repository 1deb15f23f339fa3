//! Order of MatMul's right side (esp-ppq 1.3.12, `InsertPreNodeOfMatMulPattern`).
//!
//! Constants are packed when they are written (`weights`). Values computed at run time are packed by nodes, as in
//! esp-ppq up to 1.3.5; later versions write `native_kn`, which ESP-DL 3.3.9 does not support.

use crate::chip::{Family, Runtime};
use crate::espdl::Attribute;
use crate::graph::NodeId;

use super::draft::{Draft, perm_attribute, permuted};

/// Sets the order of the right side of every MatMul.
pub fn right_sides(draft: &mut Draft, family: Family, runtime: Runtime) {
    for id in draft.order() {
        let Some(node) = draft.node(id).filter(|n| n.op == "MatMul" && n.ports.1.iter().any(Option::is_some)) else {
            continue;
        };
        let Some(right) = node.inputs.get(1).copied().flatten() else { continue };
        let constant = draft.value(right).constant.is_some();
        let plain = !constant && runtime >= Runtime::PLAIN_ROWS;
        if !constant && !plain {
            pack(draft, id, family);
        }
        let layout = if plain { "native_kn" } else { "packed" };
        if let Some(node) = draft.node_mut(id) {
            node.set("input1_layout", Attribute::Text(layout.as_bytes().to_vec()));
        }
    }
}

/// Inserts nodes that reorder `[..., C, N]` to the order of a stored 1x1 filter.
fn pack(draft: &mut Draft, id: NodeId, family: Family) {
    let Some(shape) = draft.input(id, 1).map(|v| draft.value(v).shape.clone()) else { return };
    let [lead @ .., c, n] = shape.as_slice() else { return };
    let (lead, c, n) = (lead.to_vec(), *c, *n);
    let bits = draft.node(id).and_then(|node| node.ports.0.get(1)?.as_ref().map(|p| p.bits));
    let lanes = if bits == Some(16) { 8 } else { 16 };
    let name = draft.node(id).map(|node| node.name.clone()).unwrap_or_default();
    let with = |tail: &[usize]| [lead.as_slice(), tail].concat();
    let rank = lead.len();
    let swapped =
        |tail: &[usize]| [(0..rank).collect(), tail.iter().map(|t| rank + t).collect::<Vec<usize>>()].concat();
    let mut at = Before { draft, id, index: 1 };
    if family == Family::C {
        at.transpose(&swapped(&[1, 0]));
    } else if n % lanes == 0 {
        at.reshape(&with(&[c, n / lanes, lanes]));
        at.transpose(&swapped(&[1, 0, 2]));
    } else {
        at.transpose(&swapped(&[1, 0]));
        if n > lanes {
            at.blocks(&lead, c, n, lanes);
        }
    }
    at.reshape(&shape);
    draft.differences.push(format!(
        "{name}: nodes pack the right side; esp-ppq 1.3.12 writes input1_layout native_kn, which ESP-DL 3.3.9 does \
         not support"
    ));
}

/// Input of a node, before which nodes are inserted.
struct Before<'d> {
    draft: &'d mut Draft,
    id: NodeId,
    index: usize,
}

impl Before<'_> {
    fn shape(&self) -> Vec<usize> {
        self.draft.input(self.id, self.index).map(|v| self.draft.value(v).shape.clone()).unwrap_or_default()
    }

    /// Inserts a node before the layout is determined, so its new value can have any order.
    fn insert(&mut self, op: &str, shape: Vec<usize>) -> Option<NodeId> {
        let made = self.draft.insert_before(self.id, self.index, op, shape)?;
        self.draft.forget_perm(made);
        Some(made)
    }

    fn transpose(&mut self, perm: &[usize]) -> Option<NodeId> {
        let shape = permuted(&self.shape(), perm);
        let made = self.insert("Transpose", shape)?;
        self.draft.node_mut(made)?.set("perm", perm_attribute(perm));
        Some(made)
    }

    fn reshape(&mut self, shape: &[usize]) {
        if let Some(made) = self.insert("Reshape", shape.to_vec()) {
            self.draft.append_sizes(made, shape);
        }
    }

    fn slice(&mut self, starts: &[usize], ends: &[usize]) {
        let shape = ends.iter().zip(starts).map(|(e, s)| e.saturating_sub(*s)).collect();
        let Some(made) = self.insert("Slice", shape) else { return };
        let axes: Vec<usize> = (0..starts.len()).collect();
        let steps = vec![1; starts.len()];
        [starts, ends, &axes, &steps].into_iter().for_each(|list| self.draft.append_sizes(made, list));
    }

    /// Splits `[..., N, C]`: full blocks of columns as blocks, the others unchanged.
    fn blocks(&mut self, lead: &[usize], c: usize, n: usize, lanes: usize) {
        let with = |tail: &[usize]| [lead, tail].concat();
        let rank = lead.len();
        let full = n / lanes * lanes;
        let Some(turned) = self.draft.input(self.id, self.index) else { return };
        self.slice(&vec![0; rank + 2], &with(&[full, c]));
        self.reshape(&with(&[n / lanes, lanes, c]));
        let perm: Vec<usize> = (0..rank).chain([rank, rank + 2, rank + 1]).collect();
        self.transpose(&perm);
        self.reshape(&with(&[full, c]));
        let Some(concat) = self.insert("Concat", with(&[n, c])) else { return };
        let Some(node) = self.draft.node_mut(concat) else { return };
        node.set("axis", Attribute::Int(rank as i64)); // a rank fits any integer
        node.inputs.push(Some(turned));
        let port = node.ports.0.first().cloned().flatten();
        node.ports.0.push(port);
        self.draft.value_mut(turned).readers.push(concat);
        let mut rest = Before { draft: self.draft, id: concat, index: 1 };
        rest.slice(&[vec![0; rank], vec![full, 0]].concat(), &with(&[n, c]));
    }
}
