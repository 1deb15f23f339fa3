//! P004

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place, slow};
use crate::text::units::{percent, size};

rule! {
    /// ## What it does
    /// Reports layers whose weights exceed the cache, if they take more than a tenth of the network's time.
    ///
    /// It looks at networks that exceed `limits.latency`; without that limit, at those over 20 ms, and only informs.
    ///
    /// ## Why is this bad?
    /// ESP-DL's kernels compute all output channels of one pixel after the other. Weights that do not fit into the cache are
    /// read from PSRAM or flash again for every pixel, which takes many times the time of the products.
    ///
    /// ## Example
    /// ```text
    /// layer /features.18/Conv: its weights (405.0 KiB) exceed the cache of 64 KB and are read 49 times: 92% of its time
    /// ```
    ///
    /// ## What to do
    /// Use fewer channels, or the layer at a lower resolution. At int16 the weights are twice as large. A larger cache is a
    /// setting of ESP-IDF (`CONFIG_ESP32S3_DATA_CACHE_64KB`, `CONFIG_CACHE_L2_CACHE_256KB`); ESP-DL's examples use the
    /// largest, ESP-IDF's defaults do not.
    P004, "weights-exceed-cache", Warning
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(cost) = slow::cost(facts) else { return };
    for (layer, _) in slow::layers(cost, slow::SHARE).filter(|(layer, _)| layer.rereads && layer.waits > 0.5) {
        let message = format!(
            "layer {}: its weights ({}) exceed the cache of {} KB and are read {} times: {} of its time",
            layer.name,
            size(layer.weight_bytes),
            cost.board.cache_bytes / 1024,
            layer.pixels,
            percent(layer.waits)
        );
        let finding = Finding::new(&RULE, place::of_layer(facts.project, &layer.name), message).about(&layer.name);
        let help = "use fewer channels there, or a lower resolution, or set a larger cache in ESP-IDF and in [board]";
        findings.push(slow::graded(facts, finding.with_help(help)));
    }
}
