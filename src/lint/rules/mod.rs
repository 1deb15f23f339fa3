//! Rules, one per file, and the table of codes.

mod batch_size;
mod better_observer;
mod cut_input;
mod dynamic_dimension;
mod exponent_rule;
mod fails_on_chip;
mod flash_over_limit;
mod invalid_model;
mod invalid_samples;
mod invalid_value;
mod latency_over_limit;
mod layer_over_limit;
mod missing_file;
mod missing_key;
mod non_finite;
mod not_measured;
mod output_over_limit;
mod parameters_in_flash;
mod problems;
mod ram_over_limit;
mod same_output;
mod sample_shape;
mod slow_transpose;
mod syntax_error;
mod too_few_samples;
mod unaligned_channels;
mod unknown_key;
mod unknown_layer;
mod unsupported_form;
mod unsupported_operator;
mod unsupported_width;
mod weights_exceed_cache;

use super::Rule;

/// Every rule, by code.
pub static RULES: &[&Rule] = &[
    &syntax_error::RULE,
    &unknown_key::RULE,
    &invalid_value::RULE,
    &missing_key::RULE,
    &missing_file::RULE,
    &unknown_layer::RULE,
    &same_output::RULE,
    &unsupported_operator::RULE,
    &unsupported_width::RULE,
    &unsupported_form::RULE,
    &exponent_rule::RULE,
    &fails_on_chip::RULE,
    &output_over_limit::RULE,
    &layer_over_limit::RULE,
    &not_measured::RULE,
    &better_observer::RULE,
    &flash_over_limit::RULE,
    &ram_over_limit::RULE,
    &latency_over_limit::RULE,
    &weights_exceed_cache::RULE,
    &unaligned_channels::RULE,
    &slow_transpose::RULE,
    &parameters_in_flash::RULE,
    &cut_input::RULE,
    &invalid_model::RULE,
    &dynamic_dimension::RULE,
    &batch_size::RULE,
    &invalid_samples::RULE,
    &too_few_samples::RULE,
    &sample_shape::RULE,
    &non_finite::RULE,
];
