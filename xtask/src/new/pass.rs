//! `new pass NAME`: a pass of `[optimize]`, with its line in the table of passes.

use std::path::Path;

use super::Change;
use super::edit::{insert, within};
use crate::cases::{kebab, snake};
use crate::read;

const TABLE: &str = "core/src/optimize/mod.rs";

/// Prepares the files of a pass that runs before calibration and preserves the function of the float network. Fails if
/// the name is taken.
pub fn pass(name: &str) -> Result<Change, String> {
    let (name, key) = (snake(name), kebab(name));
    let table = insert(&read(Path::new(TABLE))?, &format!("mod {name};"), |line| {
        within(line, "mod ", ";").map(str::to_string)
    })?;
    let row = format!("    Pass {{ name: \"{key}\", run: Run::Equivalent({name}::{name}) }},\n");
    let (before, after) = table.split_once("    Pass {").ok_or_else(|| format!("{TABLE} has no table of passes"))?;
    let mut change = Change::default();
    change.replace(TABLE, format!("{before}{row}    Pass {{{after}"));
    change.create(format!("core/src/optimize/{name}.rs"), source(&name, &key));
    change.next = vec![
        format!("{TABLE}: move the line of `{name}` to its place in the order; `Run` has the other stages"),
        format!("core/src/optimize/{name}.rs: cite the paper or esp-ppq's file, and write the pass"),
        format!("src/project/keys.rs: add the key `{key}` to `[optimize]`, with its line for README"),
        format!("tests/optimize.rs: a network on which `{name}` moves the figures, while its reference stays"),
        "cargo xtask gen: adds the key to the JSON Schema and README".to_string(),
    ];
    Ok(change)
}

fn source(name: &str, key: &str) -> String {
    format!(
        r#"//! Pass `{key}`: TODO
//!
//! TODO: paper with its section, or esp-ppq's file.

use crate::Result;

use super::{{Equivalent, Work}};

/// Returns changed constants that preserve the function of the float network.
pub fn {name}(work: &Work) -> Result<Equivalent> {{
    // TODO: add each changed constant, and the factors of the values that it scales.
    let _ = work;
    Ok(Equivalent::default())
}}
"#
    )
}
