//! Test that docs/operators.md follows the operators' descriptors.

use std::path::Path;

#[test]
fn the_page_of_operators_is_as_generated() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operators.md");
    let expected = espq::render::operators_page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "docs/operators.md is out of date: run UPDATE_DOCS=1 cargo test --test operators");
}
