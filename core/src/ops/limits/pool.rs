//! Limits of AveragePool and MaxPool.

use crate::chip::{Checked, Effect, Family, Limit, NodeView};

pub static DILATED: Limit = Limit {
    name: "dilated-pooling",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: dilated,
    help: "use a window without dilation",
    source: "dl_module_max_pool.hpp",
};

/// The kernels round sizes down, even with `ceil_mode`; the exporter writes other windows.
pub static CEIL_MODE: Limit = Limit {
    name: "pooling-ceil-mode",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: |node| if node.is_written() { rounded_down(node) } else { Ok(None) },
    help: "set ceil_mode = 0, or make the input a multiple of the stride with a Pad before it",
    source: "dl_module_average_pool.hpp, get_output_shape",
};

fn dilated(node: &dyn NodeView) -> Checked {
    let dilations = node.ints("dilations")?;
    let dilated = dilations.iter().any(|&d| d != 1);
    Ok(dilated.then(|| format!("{} with dilations {dilations:?}, which the runtime ignores", node.op())))
}

/// Returns the fault of a node whose output sizes differ if they are rounded down.
fn rounded_down(node: &dyn NodeView) -> Checked {
    if node.int("ceil_mode", 0)? == 0 {
        return Ok(None);
    }
    let (Some(from), Some(to)) = (node.shape(0), node.output_shape(0)) else { return Ok(None) };
    let (strides, pads, dilations) = (node.ints("strides")?, node.ints("pads")?, node.ints("dilations")?);
    let kernel = node.ints("kernel_shape")?;
    for (axis, ((&from, &to), &kernel)) in from.iter().zip(&to).skip(2).zip(kernel).enumerate() {
        let at = |list: &[i64], index: usize, default: i64| list.get(index).copied().unwrap_or(default);
        let (stride, dilation) = (at(strides, axis, 1).max(1), at(dilations, axis, 1));
        let pads = at(pads, axis, 0).saturating_add(at(pads, axis + node.ints("kernel_shape")?.len(), 0));
        let window = kernel.saturating_sub(1).saturating_mul(dilation).saturating_add(1);
        let (from, to) = (i64::try_from(from).unwrap_or(i64::MAX), i64::try_from(to).unwrap_or(i64::MAX));
        let floored = from.saturating_add(pads).saturating_sub(window).div_euclid(stride).saturating_add(1);
        if floored != to {
            return Ok(Some(format!(
                "with ceil_mode, size {from} becomes {to}, but the chip rounds down to {floored}"
            )));
        }
    }
    Ok(None)
}
