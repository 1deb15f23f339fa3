//! Page of operators: the support of ESP-DL's runtime for each, and its limits.

use std::fmt::Write as _;

use crate::chip::{Chip, Family, Limit, Runtime, Table};
use crate::ops;

/// Renders `docs/operators.md`, as Markdown.
pub fn operators_page() -> String {
    let mut page = format!(
        "# Operators of ESP-DL {}\n\nGenerated from the descriptors in `core/src/ops`: `UPDATE_DOCS=1 cargo test --test operators`.\n\n\
         An operator that is not in this table has no module: the loader refuses the model. `espq lint` reports \
         violations of these limits. `differences.md` says what was proved of them, and how.\n\n\
         | operator | precisions | order of axes | exponents | lookup table | limits |\n| --- | --- | --- | --- | --- | --- |\n",
        Runtime::KNOWN
    );
    for (name, chip) in ops::all_on_chip() {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "{}", row(name, chip));
    }
    page.push_str(
        "\n## Limits\n\nA limit is a form of an operator that its kernels lack. *Not loaded*: the loader stops, or creates no \
         module. *Crashes*: the kernel stops, or reads or writes memory out of bounds. *Silently wrong*: it runs \
         and computes something else. Sources are files of ESP-DL, in `esp-dl/dl/module/include` and `esp-dl/dl/base`.\n\n\
         | limit | operators | effect | what to do | source |\n| --- | --- | --- | --- | --- |\n",
    );
    for limit in ops::all_limits() {
        let _ = writeln!(page, "{}", limit_row(limit));
    }
    page
}

fn row(name: &str, chip: &Chip) -> String {
    let precisions: Vec<&str> = chip.module().names().collect();
    let others: Vec<&str> = chip.kernels.names().filter(|name| !precisions.contains(name)).collect();
    let written = match (chip.written_as, others.as_slice()) {
        (Some(other), _) => format!(", as {other}"),
        (None, []) => String::new(),
        (None, others) => format!("; {} as other operators", others.join(", ")),
    };
    let table = match chip.table {
        Table::Never => "",
        Table::Int8 => "int8",
        Table::Int8AndInt16 => "int8, int16",
    };
    let limits: Vec<&str> = chip.limits.iter().map(|limit| limit.name).collect();
    let (precisions, limits) = (precisions.join(", "), limits.join(", "));
    format!("| {name} | {precisions}{written} | {} | {} | {table} | {limits} |", chip.axes.words(), chip.scales.words())
}

fn limit_row(limit: &Limit) -> String {
    let has_it = |(_, chip): &(&str, &Chip)| chip.limits.iter().any(|other| other.name == limit.name);
    let operators: Vec<&str> = ops::all_on_chip().filter(has_it).map(|(name, _)| name).collect();
    let on = if limit.on.len() == Family::ALL.len() { String::new() } else { format!(" on {}", families(limit.on)) };
    let until = limit.until.map(|first| format!(" before {first}")).unwrap_or_default();
    let effect = limit.effect.name();
    format!("| {} | {} | {effect}{on}{until} | {} | {} |", limit.name, operators.join(", "), limit.help, limit.source)
}

fn families(on: &[Family]) -> String {
    let name = |family: &Family| match family {
        Family::P4 => "ESP32-P4 and -S31",
        Family::S3 => "ESP32-S3",
        Family::C => "other chips",
    };
    on.iter().map(name).collect::<Vec<_>>().join(", ")
}
