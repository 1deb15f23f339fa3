//! Rules for modules and files: first lines, places of `unsafe`, templates that are not filled in.

use std::path::Path;

use super::Source;

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    sources
        .iter()
        .flat_map(|source| [never(source), opening(source), unsafe_code(source), unfinished(source)])
        .flatten()
        .collect()
}

/// Requires that the `mod.rs` of a top-level module names what does not belong there.
fn never(source: &Source) -> Option<String> {
    let is_module = source.path.ends_with("mod.rs") || source.path == Path::new("kernels/src/lib.rs");
    let is_top = is_module && source.path.components().count() == 3;
    let mut head = source.text.lines().take_while(|line| line.starts_with("//!"));
    (is_top && !head.any(|line| line.contains("Never:")))
        .then(|| source.fault(0, "add a line `Never: ...` with what does not belong to this module"))
}

/// Requires that a file opens with `//!` lines.
fn opening(source: &Source) -> Option<String> {
    let has_docs = source.text.starts_with("//!");
    (!has_docs && !source.is_test())
        .then(|| source.fault(0, "open the file with `//!` lines that describe its contents"))
}

/// Requires that `unsafe` is in the kernels or around the allocator.
fn unsafe_code(source: &Source) -> Option<String> {
    let is_allowed = source.path.starts_with("kernels/src") || source.path == Path::new("src/memory.rs");
    let signs = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "(unsafe_code)"];
    let line = source.text.lines().position(|line| signs.iter().any(|sign| line.contains(sign)))?;
    (!is_allowed).then(|| source.fault(line, "`unsafe` is only allowed in kernels/src and src/memory.rs"))
}

/// Finds parts of a template that are not filled in.
fn unfinished(source: &Source) -> Option<String> {
    let line = source.text.lines().position(|line| line.contains("TODO"))?;
    Some(source.fault(line, "fill in the template"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(path: &str, text: &str) -> Vec<String> {
        check(&[Source { path: path.into(), text: text.to_string() }])
    }

    #[test]
    fn each_violation_is_a_fault() {
        assert_eq!(faults("src/text/mod.rs", "//! Tools.\n//! Never: files.\n"), [""; 0]);
        assert!(faults("src/text/mod.rs", "//! Tools.\n")[0].contains("Never"));
        assert!(faults("src/text/units.rs", "fn f() {}\n")[0].contains("open the file"));
        assert!(
            faults("src/text/units.rs", "//! Units.\nunsafe { f() }\n")[0].starts_with("src/text/units.rs:2: `unsafe`")
        );
        assert_eq!(faults("kernels/src/tile.rs", "//! Tiles.\nunsafe { f() }\n"), [""; 0]);
        assert!(faults("src/text/units.rs", "//! TODO\n")[0].contains("fill in"));
    }
}
