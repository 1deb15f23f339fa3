//! Limits of kernels that do not rescale integers, or shift them in one direction only. They are checked once exponents
//! are calibrated.
//!
//! The exporter requantizes the inputs of Add, Sub and Concat, so their limits only apply to files.

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

pub static SUM: Limit = Limit {
    name: "sum-of-one-exponent",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: sum,
    help: "requantize the inputs to the output's exponent",
    source: "dl_base_add.cpp, dl_base_sub.cpp",
};

pub static JOIN: Limit = Limit {
    name: "join-of-one-exponent",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: join,
    help: "requantize the input to the output's exponent",
    source: "dl_module_concat.hpp",
};

pub static COMPARE: Limit = Limit {
    name: "comparison-of-one-exponent",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: |node| {
        let exponents = (node.input_exponent(0), node.input_exponent(1));
        let (Some(a), Some(b)) = exponents else { return Ok(None) };
        let what = || format!("exponent {a} is compared with {b}, but {} does not rescale integers", node.op());
        Ok((node.is_integer() && a != b).then(what))
    },
    help: "use the same scale for both values, or give the layer float",
    source: "dl_base_equal.cpp, dl_base_greater.cpp, dl_base_less.cpp",
};

pub static NEGATION: Limit = Limit {
    name: "negation-of-one-exponent",
    effect: Effect::SilentlyWrong,
    on: Family::ALL,
    until: None,
    check: |node| {
        let (Some(input), Some(output)) = (node.input_exponent(0), node.output_exponent()) else { return Ok(None) };
        let what = || format!("exponent {input} becomes {output}, but {} does not rescale integers", node.op());
        Ok((node.is_integer() && input != output).then(what))
    },
    help: "use the same scale for both values, or give the layer float",
    source: "dl_module_neg.hpp",
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

fn sum(node: &dyn NodeView) -> Checked {
    let exponents = (node.input_exponent(0), node.input_exponent(1), node.output_exponent());
    let (Some(a), Some(b), Some(output)) = exponents else { return Ok(None) };
    let what = || format!("exponents {a} and {b} become {output}, but {} does not rescale integers", node.op());
    Ok((node.is_written() && node.is_integer() && (a != b || a != output)).then(what))
}

fn join(node: &dyn NodeView) -> Checked {
    let Some(output) = node.output_exponent().filter(|_| node.is_written() && node.is_integer()) else {
        return Ok(None);
    };
    let mut inputs = (0..node.input_count()).filter_map(|port| Some((port, node.input_exponent(port)?)));
    Ok(inputs.find(|(_, exponent)| *exponent != output).map(|(port, exponent)| {
        format!("input {port} has exponent {exponent}, the output {output}, but integers are copied unscaled")
    }))
}
