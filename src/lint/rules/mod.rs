//! Rules, one per file, and the table of codes.

mod accuracy_loss;
mod assumed_normalization;
mod batch_size;
mod better_observer;
mod collapsed_output;
mod cut_input;
mod decoding_on_chip;
mod dynamic_dimension;
mod end_amplifies;
mod error_jump;
mod exponent_rule;
mod exponents_by_channel;
mod fails_on_chip;
mod flash_over_limit;
mod invalid_labels;
mod invalid_model;
mod invalid_samples;
mod invalid_value;
mod latency_over_limit;
mod layer_over_limit;
mod lost_boxes;
mod missing_classes;
mod missing_file;
mod missing_key;
mod mixed_ranges;
mod needless_int16;
mod no_effect;
mod non_finite;
mod not_measured;
mod other_target;
mod output_over_limit;
mod parameters_in_flash;
mod preprocessing_inside;
mod problems;
mod ram_over_limit;
mod random_samples;
mod raw_pixels;
mod repeated_samples;
mod same_output;
mod sample_shape;
mod saturated_layer;
mod slow_transpose;
mod split_pair;
mod stale_export;
mod syntax_error;
mod too_few_samples;
mod turned_input;
mod unaligned_channels;
mod unequal_channels;
mod unknown_key;
mod unknown_layer;
mod unreadable_file;
mod unsupported_form;
mod unsupported_operator;
mod unsupported_width;
mod untrained_precision;
mod unused_ignore;
mod weights_exceed_cache;

use super::Rule;

pub use not_measured::unmeasured;
pub(super) use unused_ignore::RULE as UNUSED_IGNORE;

/// Every rule, by code.
pub static RULES: &[&Rule] = &[
    &syntax_error::RULE,
    &unknown_key::RULE,
    &invalid_value::RULE,
    &missing_key::RULE,
    &missing_file::RULE,
    &unknown_layer::RULE,
    &same_output::RULE,
    &unused_ignore::RULE,
    &unreadable_file::RULE,
    &no_effect::RULE,
    &split_pair::RULE,
    &untrained_precision::RULE,
    &unsupported_operator::RULE,
    &unsupported_width::RULE,
    &unsupported_form::RULE,
    &exponent_rule::RULE,
    &fails_on_chip::RULE,
    &unequal_channels::RULE,
    &decoding_on_chip::RULE,
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
    &end_amplifies::RULE,
    &error_jump::RULE,
    &saturated_layer::RULE,
    &collapsed_output::RULE,
    &mixed_ranges::RULE,
    &lost_boxes::RULE,
    &accuracy_loss::RULE,
    &needless_int16::RULE,
    &invalid_model::RULE,
    &dynamic_dimension::RULE,
    &batch_size::RULE,
    &preprocessing_inside::RULE,
    &turned_input::RULE,
    &exponents_by_channel::RULE,
    &invalid_samples::RULE,
    &too_few_samples::RULE,
    &sample_shape::RULE,
    &non_finite::RULE,
    &repeated_samples::RULE,
    &random_samples::RULE,
    &assumed_normalization::RULE,
    &raw_pixels::RULE,
    &invalid_labels::RULE,
    &missing_classes::RULE,
    &stale_export::RULE,
    &other_target::RULE,
];
