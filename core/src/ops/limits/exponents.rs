//! Limits of kernels that shift integers in one direction only. They are checked once exponents are calibrated.

use crate::chip::{Checked, Effect, Family, Limit, NodeView, Scheme};

/// Products have the sum of their factors' exponents. Portable code shifts in both directions.
pub static SHIFT: Limit = Limit {
    name: "shift-right-only",
    effect: Effect::SilentlyWrong,
    on: Family::VECTOR,
    until: None,
    check: shift,
    help: "calibrate the layer with minmax, which widens its output's range, or give it int16: the chip cannot shift left",
    source: "dl_base_conv2d.hpp, dl_base_mul.hpp",
};

/// Portable and vector code read exponentials of int8 from a table of float32.
pub static EXPONENTIALS: Limit = Limit {
    name: "exponentials-overflow",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: |node| {
        let is_narrow = node.is_written() && node.scheme() == Some(Scheme::Int8);
        let exponent = node.input_exponent(0).filter(|&exponent| is_narrow && exponentials_overflow(exponent));
        Ok(exponent
            .map(|e| format!("an input of exponent {e}, whose exponentials overflow: the chip sums them as they are")))
    },
    help: "give the layer int16, whose kernel subtracts the maximum first",
    source: "dl_module_softmax.hpp (forward_lut)",
};

/// Returns `true` if exponentials of 8-bit integers with this exponent exceed float32: of 127, but not of 63.5.
pub fn exponentials_overflow(exponent: i64) -> bool {
    exponent >= 0
}

fn shift(node: &dyn NodeView) -> Checked {
    let (Some(input), Some(output)) = (node.input_exponent(0), node.output_exponent()) else { return Ok(None) };
    let Some(factors) = node.input_exponents(1).filter(|_| node.is_integer()) else { return Ok(None) };
    // The exporter requantizes outputs of products that have one exponent.
    if !node.is_written() && factors.iter().all(|factor| Some(factor) == factors.first()) {
        return Ok(None);
    }
    let is_left = |&&factor: &&i64| output < input.saturating_add(factor);
    let Some(worst) = factors.iter().filter(is_left).max() else { return Ok(None) };
    let channels = match factors.len() {
        1 => String::new(),
        all => format!(", in {} of {all} channels", factors.iter().filter(is_left).count()),
    };
    let factor = if node.is_constant(1) { "weight" } else { "input" };
    Ok(Some(format!("output exponent {output} is below input {input} plus {factor} {worst}{channels}")))
}
