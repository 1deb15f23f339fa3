//! Words of comments and messages: a doc begins with a noun or a verb, and terms are those of the field.

use super::Source;

/// First words of a doc that are neither a noun nor a verb.
const NO_NOUN: [&str; 30] = [
    "What", "Whether", "How", "The same", "Which", "Who", "Whose", "Whoever", "Whatever", "Where", "When", "Why", "As",
    "Those", "These", "They", "It", "Of", "By", "With", "From", "Into", "In", "On", "For", "And", "Behind", "Beside",
    "Told", "Nobody",
];

/// Terms without a meaning in the field, each with its replacement.
const TERMS: [(&str, &str); 17] = [
    ("mend", "fix"),
    ("mends", "fixes"),
    ("mended", "fixed"),
    ("otherwise than", "differs from"),
    ("nothing is written", "export refused"),
    ("all the same", "nevertheless"),
    ("without a word", "silently"),
    ("slip of the pen", "typo"),
    ("set apart", "overridden"),
    ("stands behind", "supports"),
    ("stand behind", "support"),
    ("by itself", "separately"),
    ("whoever", "the caller"),
    ("is no key", "unknown key"),
    ("run right", "run correctly"),
    ("taken for", "treated as"),
    ("and kin", "and similar"),
];

/// Returns a line for each doc that begins with such a word, and for each line with such a term.
pub fn check(sources: &[Source]) -> Vec<String> {
    sources.iter().flat_map(|source| beginnings(source).chain(terms(source)).collect::<Vec<String>>()).collect()
}

fn beginnings(source: &Source) -> impl Iterator<Item = String> {
    blocks(source).into_iter().filter_map(|(line, text)| {
        let begins = |word: &&&str| {
            text.strip_prefix(**word).is_some_and(|rest| rest.starts_with([' ', ',']) || rest.is_empty())
        };
        let word = NO_NOUN.iter().find(begins)?;
        Some(source.fault(line, &format!("a doc begins with `{word}`: begin with a noun or a verb (\"Returns ...\")")))
    })
}

fn terms(source: &Source) -> impl Iterator<Item = String> {
    let lines = source.text.lines().enumerate();
    lines.filter_map(|(number, line)| {
        let line = line.to_lowercase();
        let (term, instead) = TERMS.iter().find(|(term, _)| has_term(&line, term))?;
        Some(source.fault(number, &format!("`{term}` is not a technical term: write \"{instead}\" or rephrase")))
    })
}

/// Returns `true` if a line has a term as whole words.
fn has_term(line: &str, term: &str) -> bool {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(term)
        .any(|(at, _)| !is_word(line[..at].chars().next_back()) && !is_word(line[at + term.len()..].chars().next()))
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

    fn lines(text: &str) -> Vec<String> {
        let source = Source { path: "src/a.rs".into(), text: text.to_string() };
        check(&[source]).iter().map(|fault| fault.split(": ").next().unwrap().to_string()).collect()
    }

    #[test]
    fn only_the_first_word_of_a_doc_counts() {
        let text = "//! What it is.\n\n/// Whether it is.\nfn a() {}\n    /// Returns it.\n    /// What else?\n    fn b() {}\n\
                    /// Wherever.\n/// Where(c, x, y)\nfn c() {}\n// What is no doc.\n/// The same, but other.\n";
        assert_eq!(lines(text), ["src/a.rs:1", "src/a.rs:3", "src/a.rs:12"]);
    }

    #[test]
    fn terms_are_found_as_whole_words() {
        assert_eq!(lines("// Recommended.\nlet text = \"Mend the path\";\n"), ["src/a.rs:2"]);
    }
}
