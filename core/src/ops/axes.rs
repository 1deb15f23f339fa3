//! Axes of an operator: from an attribute or an input by operator set, negative ones counted from the end.

use crate::graph::axes::from_front;
use crate::{Result, bail};

use super::Call;

/// Converts `axis` to an index below `rank`.
pub fn normalize(axis: i64, rank: usize) -> Result<usize> {
    match from_front(axis, rank) {
        Some(axis) => Ok(axis),
        None => bail!("axis {axis} is outside a tensor of {rank} axes"),
    }
}

/// Converts `axes` to indices below `rank`, without duplicates.
pub fn normalize_all(axes: &[i64], rank: usize) -> Result<Vec<usize>> {
    let mut all = Vec::with_capacity(axes.len());
    for &axis in axes {
        let axis = normalize(axis, rank)?;
        if all.contains(&axis) {
            bail!("axis {axis} is named twice in {axes:?}");
        }
        all.push(axis);
    }
    Ok(all)
}

/// Returns integers that are an attribute in older operator sets and a constant input in newer ones.
pub fn constant_ints(call: &Call, attribute: &str, port: usize) -> Result<Option<Vec<i64>>> {
    if let Some(ints) = call.attributes.ints(attribute) {
        return Ok(Some(ints.to_vec()));
    }
    let Some(Some(fact)) = call.inputs.get(port) else { return Ok(None) };
    match fact.constant.as_ref().map(|c| c.to_i64s()) {
        Some(Some(ints)) => Ok(Some(ints)),
        Some(None) => bail!("{attribute} is {}, expected integers", fact.data_type.name()),
        None => {
            Err(crate::Error::new(format!("{attribute} is computed while the model runs, but espq needs a constant"))
                .with_help("export the model with fixed shapes"))
        }
    }
}
