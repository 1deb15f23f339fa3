//! Tests of generated files in the repository: compared, or with `UPDATE_DOCS=1`, written.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

use std::path::Path;

use espq::project::schema;
use espq::render::rules;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compares a file with its generated text; with `UPDATE_DOCS=1`, writes it instead.
fn hold(file: &str, expected: &str) {
    let path = root().join(file);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{file} is out of date: run cargo xtask gen");
}

#[test]
fn the_committed_schema_is_the_printed_one() {
    hold("docs/espq.schema.json", &schema::json_schema());
}

#[test]
fn the_page_of_rules_has_their_doc_comments() {
    hold("docs/rules.md", &rules::page());
}

#[test]
fn the_readme_has_the_table_of_keys() {
    let (begin, end) = ("<!-- keys: generated -->\n", "<!-- end of keys -->");
    let text = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (before, rest) = text.split_once(begin).unwrap();
    let (_, after) = rest.split_once(end).unwrap();
    hold("README.md", &format!("{before}{begin}\n{}\n{end}{after}", schema::key_table()));
}

#[test]
fn versions_of_all_packages_agree() {
    let version = env!("CARGO_PKG_VERSION");
    let read = |file: &str| std::fs::read_to_string(root().join(file)).unwrap();
    for (file, line) in [
        ("packaging/pre-commit/pyproject.toml", format!("version = \"{version}\"")),
        ("packaging/pre-commit/pyproject.toml", format!("dependencies = [\"espq=={version}\"]")),
        ("editors/vscode/package.json", format!("\"version\": \"{version}\"")),
        ("packaging/mason/package.yaml", format!("id: pkg:pypi/espq@{version}")),
        ("CHANGELOG.md", format!("## [{version}]")),
        ("README.md", format!("rev: v{version}")),
    ] {
        assert!(read(file).contains(&line), "{file} has no {line:?}");
    }
    // The mirror has the hooks of this repository that install espq.
    let own = read(".pre-commit-hooks.yaml");
    let installed = own.split("- id: espq-lint-system").next().unwrap();
    assert_eq!(read("packaging/pre-commit/.pre-commit-hooks.yaml"), installed);
}
