//! P001

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};
use crate::text::units::size;

rule! {
    /// ## What it does
    /// Reports a file that is larger than `limits.flash`. The size is that of the `.espdl` file that `espq export` writes, to
    /// the byte.
    ///
    /// ## Why is this bad?
    /// The file does not fit into its partition, or leaves too little of the flash to the program.
    ///
    /// ## Example
    /// ```text
    /// the file takes 3.72 MiB of flash, over the limit of 2 MiB
    /// ```
    ///
    /// ## What to do
    /// Give fewer layers 16 bits: each weight takes two bytes there. `espq report --cost` shows the bytes of each layer. On the
    /// ESP32-P4, exponents by channel take 16 bytes for each output channel.
    P001, "flash-over-limit", Error
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let (Some(cost), Some(limit)) = (facts.cost, &facts.project.config.limits.flash) else { return };
    let (flash, limit) = (&cost.flash, limit.value.0);
    if flash.file_bytes <= limit {
        return;
    }
    let message = format!("the file takes {} of flash, over the limit of {}", size(flash.file_bytes), size(limit));
    let help = format!(
        "weights take {}, exponents {}, tables {}, names and structure {}; `espq report --cost` shows each layer",
        size(flash.weight_bytes),
        size(flash.exponent_bytes),
        size(flash.table_bytes),
        size(flash.name_bytes + flash.other_bytes)
    );
    findings.push(Finding::new(&RULE, place::of_key(facts.project, "limits.flash"), message).with_help(help));
}
