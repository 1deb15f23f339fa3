//! First words of documentation: a noun or a verb.

use super::Source;

/// Beginnings that make a reader wait for the noun.
const NO_NOUN: [&str; 11] =
    ["What", "Whether", "How", "The same", "Which", "Who", "Whose", "Whoever", "Whatever", "Where", "When"];

/// Modules whose docs are not yet rewritten.
const PENDING: [&str; 8] = ["chip", "engine", "export", "lint", "lsp", "ops", "quant", "runtime"];

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let sources = sources.iter().filter(|source| !PENDING.contains(&source.module().as_str()));
    sources.flat_map(|source| blocks(source).into_iter().filter_map(|(line, text)| fault(source, line, text))).collect()
}

fn fault(source: &Source, line: usize, text: &str) -> Option<String> {
    let begins =
        |word: &&&str| text.strip_prefix(**word).is_some_and(|rest| rest.starts_with([' ', ',']) || rest.is_empty());
    let word = NO_NOUN.iter().find(begins)?;
    Some(source.fault(line, &format!("a doc begins with `{word}`: begin with a noun or a verb (\"Returns ...\")")))
}

/// Finds the first line of every doc comment.
fn blocks(source: &Source) -> Vec<(usize, &str)> {
    let mut blocks = Vec::new();
    let mut is_within = false;
    for (number, line) in source.text.lines().enumerate() {
        let line = line.trim_start();
        let doc = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")).filter(|doc| !doc.starts_with('/'));
        if let (Some(doc), false) = (doc, is_within) {
            blocks.push((number, doc.trim()));
        }
        is_within = doc.is_some();
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_word_of_a_doc_counts() {
        let text = "//! What it is.\n\n/// Whether it is.\nfn a() {}\n    /// Returns it.\n    /// What else?\n    fn b() {}\n\
                    /// Wherever.\n/// Where(c, x, y)\nfn c() {}\n// What is no doc.\n/// The same, but other.\n";
        let source = Source { path: "src/a.rs".into(), text: text.to_string() };
        let lines: Vec<String> = check(&[source]).iter().map(|f| f.split(": ").next().unwrap().to_string()).collect();
        assert_eq!(lines, ["src/a.rs:1", "src/a.rs:3", "src/a.rs:12"]);
    }
}
