//! `cargo xtask tidy` as a test: the code follows docs/architecture.md and CONTRIBUTING.md.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

#[test]
fn the_tree_is_tidy() {
    let faults = xtask::tidy::Tree::read().unwrap().faults();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}
