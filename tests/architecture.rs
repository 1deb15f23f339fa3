//! The code keeps to the table of modules in docs/architecture.md.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Modules and their allowed imports, in the order of the page.
fn rows() -> Vec<(String, BTreeSet<String>)> {
    let page = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').collect();
        let names = |cell: &str| cell.split('`').skip(1).step_by(2).map(String::from).collect::<Vec<_>>();
        (names(cells[1]).remove(0), names(cells[3]).into_iter().collect())
    })
    .collect()
}

fn table() -> BTreeMap<String, BTreeSet<String>> {
    rows().into_iter().collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => sources(&path, found),
            false if path.extension().is_some_and(|e| e == "rs") => found.push(path),
            false => {}
        }
    }
}

/// Files of a module and their text without tests, which may use anything.
fn code_of(module: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    sources(&root().join("src").join(module), &mut files);
    files.retain(|file| !file.components().any(|part| part.as_os_str().to_string_lossy().contains("tests")));
    files
        .into_iter()
        .map(|file| {
            let text = std::fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_string();
            (file, code)
        })
        .collect()
}

/// The top-level modules that a text names: `crate::graph::Tensor`, `use crate::{graph, quant}`.
fn named(code: &str) -> BTreeSet<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut found = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            None => found.extend([word(rest)]),
            Some(group) => {
                let group = group.split(';').next().unwrap_or_default();
                let mut depth = 0;
                let outer: String = group
                    .chars()
                    .filter(|c| {
                        depth += i32::from(*c == '{') - i32::from(*c == '}');
                        depth == 0
                    })
                    .collect();
                found.extend(outer.split(',').map(|part| word(part.trim())));
            }
        }
    }
    found
}

#[test]
fn every_module_has_a_row() {
    let mut folders: BTreeSet<String> = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("src")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() && name != "bin" {
            folders.insert(name);
        }
    }
    assert_eq!(table().into_keys().collect::<BTreeSet<_>>(), folders);
}

#[test]
fn imports_are_those_of_the_table() {
    let table = table();
    let mut wrong = Vec::new();
    for (module, allowed) in &table {
        for (file, code) in code_of(module) {
            for name in named(&code) {
                if name != *module && table.contains_key(&name) && !allowed.contains(&name) {
                    wrong.push(format!("{} imports {name}", file.strip_prefix(root()).unwrap().display()));
                }
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn every_allowed_import_is_used() {
    let mut unused = Vec::new();
    for (module, allowed) in table() {
        let used: BTreeSet<String> = code_of(&module).iter().flat_map(|(_, code)| named(code)).collect();
        unused.extend(allowed.difference(&used).map(|name| format!("{module} no longer imports {name}")));
    }
    assert_eq!(unused, [""; 0]);
}

#[test]
fn imports_are_of_rows_above() {
    let mut above = BTreeSet::new();
    for (module, allowed) in rows() {
        assert_eq!(allowed.difference(&above).collect::<Vec<_>>(), [""; 0], "{module}");
        above.insert(module);
    }
}

#[test]
fn every_module_says_what_never_lives_there() {
    for module in table().keys() {
        let text = std::fs::read_to_string(root().join(format!("src/{module}/mod.rs"))).unwrap();
        let head: String = text.lines().take_while(|line| line.starts_with("//!")).collect();
        assert!(head.contains("Never:"), "src/{module}/mod.rs");
    }
}

#[test]
fn unsafe_code_stands_in_kernels_and_memory() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    for file in files {
        let place = file.strip_prefix(root().join("src")).unwrap();
        let is_allowed = place.starts_with("kernels") || place == Path::new("memory.rs");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(is_allowed || !(text.contains("unsafe {") || text.contains("unsafe fn")), "{}", place.display());
    }
}
