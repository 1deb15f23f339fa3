//! P002

use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};
use crate::text::units::size;

rule! {
    /// ## What it does
    /// Reports a network that needs more RAM than `limits.ram`: the arena of values as ESP-DL's planner makes it, copies of
    /// parameters (or the whole file, from an SD card), and buffers of kernels. `[board]` says where the file lies.
    ///
    /// What ESP-DL's objects and the allocator take comes on top, some tens of KB.
    ///
    /// ## Why is this bad?
    /// `Model` cannot allocate its memory, and the program stops.
    ///
    /// ## Example
    /// ```text
    /// the network needs 5.1 MiB of RAM, over the limit of 4 MiB
    /// ```
    ///
    /// ## What to do
    /// A smaller input makes the arena smaller. `param-copy = false` in `[board]`, and in the constructor of `Model`, leaves
    /// parameters in flash, at the cost of time.
    P002, "ram-over-limit", Error
}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let (Some(cost), Some(limit)) = (facts.cost, &facts.project.config.limits.ram) else { return };
    let (ram, limit) = (&cost.ram, limit.value.0);
    if ram.total_bytes <= limit {
        return;
    }
    let message = format!("the network needs {} of RAM, over the limit of {}", size(ram.total_bytes), size(limit));
    let at = if cost.memory.peak_node.is_empty() { String::new() } else { format!(", at {}", cost.memory.peak_node) };
    let copies = match (ram.copy_bytes, ram.file_bytes) {
        (0, 0) => "parameters stay in flash".to_string(),
        (0, file) => format!("the file {}", size(file)),
        (copies, _) => format!("copies of parameters {} (none with `param-copy = false`)", size(copies)),
    };
    let help = format!("values take {}{at}; {copies}", size(ram.arena_bytes + ram.internal_bytes));
    findings.push(Finding::new(&RULE, place::of_key(facts.project, "limits.ram"), message).with_help(help));
}
