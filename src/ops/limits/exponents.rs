//! Limits of kernels that shift integers in one direction only. They are checked once exponents are calibrated.

use crate::chip::{Checked, Effect, Family, Limit, NodeView};

/// Products have the sum of their factors' exponents. Portable code shifts in both directions.
pub static SHIFT: Limit = Limit {
    name: "shift-right-only",
    effect: Effect::SilentlyWrong,
    on: Family::VECTOR,
    until: None,
    check: shift,
    help: "give the layer int16, or widen the output's range: the chip cannot shift left",
    source: "dl_base_conv2d.hpp, dl_base_mul.hpp",
};

fn shift(node: &dyn NodeView) -> Checked {
    let (Some(input), Some(output)) = (node.input_exponent(0), node.output_exponent()) else { return Ok(None) };
    let Some(factors) = node.input_exponents(1).filter(|_| node.is_integer()) else { return Ok(None) };
    let is_left = |&&factor: &&i64| output < input.saturating_add(factor);
    let Some(worst) = factors.iter().filter(is_left).max() else { return Ok(None) };
    let channels = match factors.len() {
        1 => String::new(),
        all => format!(", in {} of {all} channels", factors.iter().filter(is_left).count()),
    };
    let factor = if node.is_constant(1) { "weight" } else { "input" };
    Ok(Some(format!("output exponent {output} is below input {input} plus {factor} {worst}{channels}")))
}
