//! Limits of kernels of two operands that broadcast.

use crate::chip::{Checked, Effect, Family, Limit, NodeView};

pub static RANK: Limit = Limit {
    name: "broadcast-rank",
    effect: Effect::Crashes,
    on: Family::ALL,
    until: None,
    check: elementwise,
    help: "merge dimensions with a Reshape before it",
    source: "dl_base_elemwise.cpp, get_elemwise_operation_args",
};

fn elementwise(node: &dyn NodeView) -> Checked {
    let (Some(a), Some(b)) = (node.shape(0), node.shape(1)) else { return Ok(None) };
    let rank = merged_elementwise(&a, &b);
    Ok((rank > 4)
        .then(|| format!("{} of shapes that broadcast over {rank} dimensions; the runtime has up to 4", node.op())))
}

/// Returns the number of dimensions that a kernel of two operands runs over. Neighbours in which both operands advance
/// are merged, and so are those in which one operand is broadcast.
fn merged_elementwise(a: &[usize], b: &[usize]) -> usize {
    let rank = a.len().max(b.len());
    let aligned = |shape: &[usize]| [&vec![1; rank - shape.len()], shape].concat();
    let mut merged: Vec<(usize, usize)> = Vec::new();
    for (a, b) in aligned(a).into_iter().zip(aligned(b)) {
        match merged.last_mut() {
            Some((x, y)) if (x == y && a == b) || (*x == 1 && a == 1) || (*y == 1 && b == 1) => {
                // Saturating, since a file may contain any sizes.
                (*x, *y) = (x.saturating_mul(a), y.saturating_mul(b));
            }
            _ => merged.push((a, b)),
        }
    }
    merged.len().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_that_advance_together_count_once() {
        assert_eq!(merged_elementwise(&[1, 2, 3, 4, 5], &[1, 2, 3, 4, 5]), 1);
        assert_eq!(merged_elementwise(&[2, 3, 4, 5, 6], &[5, 6]), 2);
        assert_eq!(merged_elementwise(&[2, 1, 4, 1, 6], &[2, 3, 4, 5, 6]), 5);
        assert_eq!(merged_elementwise(&[], &[]), 1);
    }
}
