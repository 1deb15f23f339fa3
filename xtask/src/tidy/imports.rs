//! Imports between top-level modules, compared with the table in docs/architecture.md.

use std::collections::{BTreeMap, BTreeSet};

use super::Source;

/// Row of the table: a module and the modules that it may import.
type Row = (String, BTreeSet<String>);

pub(super) fn check(architecture: &str, sources: &[Source]) -> Vec<String> {
    let rows = rows(architecture);
    let mut faults = order(&rows);
    let table: BTreeMap<String, BTreeSet<String>> = rows.into_iter().collect();
    faults.extend(folders(&table, sources));
    faults.extend(forbidden(&table, sources));
    faults.extend(unused(&table, sources));
    faults
}

/// Reads the rows in the order of the page.
fn rows(page: &str) -> Vec<Row> {
    let names = |cell: &str| cell.split('`').skip(1).step_by(2).map(String::from).collect::<Vec<_>>();
    let row = |line: &str| {
        let mut cells = line.split('|').skip(1);
        let module = names(cells.next()?).into_iter().next()?;
        Some((module, names(cells.nth(1)?).into_iter().collect()))
    };
    page.lines().filter(|line| line.starts_with("| `")).filter_map(row).collect()
}

/// Checks that a module imports only modules of rows above its own.
fn order(rows: &[Row]) -> Vec<String> {
    let mut above: BTreeSet<&String> = BTreeSet::new();
    let mut faults = Vec::new();
    for (module, allowed) in rows {
        for name in allowed.iter().filter(|name| !above.contains(name)) {
            faults
                .push(format!("docs/architecture.md: `{module}` may import `{name}`, which has no row above its own"));
        }
        above.insert(module);
    }
    faults
}

/// Checks that every folder of modules has a row, and every row a folder.
fn folders(table: &BTreeMap<String, BTreeSet<String>>, sources: &[Source]) -> Vec<String> {
    let in_folder = |source: &&Source| source.within().components().count() > 1;
    let folders: BTreeSet<String> = sources.iter().filter(in_folder).map(Source::module).collect();
    let without_row = folders.iter().filter(|folder| *folder != "bin" && !table.contains_key(*folder));
    let without_folder = table.keys().filter(|module| !folders.contains(*module));
    let missing_row =
        without_row.map(|folder| format!("docs/architecture.md: `{folder}` has no row in the table of modules"));
    let missing_folder =
        without_folder.map(|module| format!("docs/architecture.md: there is no folder of the module `{module}`"));
    missing_row.chain(missing_folder).collect()
}

fn forbidden(table: &BTreeMap<String, BTreeSet<String>>, sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| !source.is_test()) {
        let module = source.module();
        let Some(allowed) = table.get(&module) else { continue };
        for name in named(source.code()) {
            if name != module && table.contains_key(&name) && !allowed.contains(&name) {
                let path = source.path.display();
                faults.push(format!(
                    "{path}: imports `{name}`, which the row of `{module}` in docs/architecture.md lacks"
                ));
            }
        }
    }
    faults
}

fn unused(table: &BTreeMap<String, BTreeSet<String>>, sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for (module, allowed) in table {
        let own = sources.iter().filter(|source| source.module() == *module && !source.is_test());
        let used: BTreeSet<String> = own.flat_map(|source| named(source.code())).collect();
        let unused = allowed.difference(&used);
        faults.extend(
            unused.map(|name| format!("docs/architecture.md: `{module}` no longer imports `{name}`: delete it")),
        );
    }
    faults
}

/// Finds the top-level modules that a text names: `crate::graph::Tensor`, `use crate::{graph, quant}`.
fn named(code: &str) -> BTreeSet<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut found = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            None => found.extend([word(rest)]),
            Some(group) => {
                let group = group.split(';').next().unwrap_or_default();
                let mut depth = 0;
                let is_outer = |c: &char| {
                    depth += i32::from(*c == '{') - i32::from(*c == '}');
                    depth == 0
                };
                let outer: String = group.chars().filter(is_outer).collect();
                found.extend(outer.split(',').map(|part| word(part.trim())));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str =
        "| module | what | may import |\n| --- | --- | --- |\n| `text` | tools | |\n| `lint` | rules | `text` |\n";

    fn sources(files: &[(&str, &str)]) -> Vec<Source> {
        files.iter().map(|(path, text)| Source { path: path.into(), text: text.to_string() }).collect()
    }

    #[test]
    fn allowed_imports_are_no_fault() {
        let sources = sources(&[("core/src/text/mod.rs", ""), ("src/lint/mod.rs", "use crate::{Error, text::list};")]);
        assert_eq!(check(PAGE, &sources), [""; 0]);
    }

    #[test]
    fn each_violation_is_a_fault() {
        let sources = sources(&[
            ("src/text/mod.rs", "use crate::lint::Finding;"),
            ("src/lint/mod.rs", "#[cfg(test)]\nmod tests {\n    use crate::text;\n}"),
            ("src/new/mod.rs", ""),
        ]);
        let page = PAGE.replace("| tools | |", "| tools | `late` |") + "| `late` | nothing | |\n";
        let faults = check(&page, &sources);
        let expected = [
            "`text` may import `late`, which has no row above its own",
            "`new` has no row",
            "there is no folder of the module `late`",
            "src/text/mod.rs: imports `lint`",
            "`lint` no longer imports `text`",
            "`text` no longer imports `late`",
        ];
        assert_eq!(faults.len(), expected.len(), "{faults:#?}");
        for (fault, expected) in faults.iter().zip(expected) {
            assert!(fault.contains(expected), "{fault}");
        }
    }
}
