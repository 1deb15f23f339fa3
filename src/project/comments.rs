//! Comments of a configuration, and those that ignore findings: `# espq: ignore[E002] reason`.
//!
//! Never: codes of rules, which lint knows.

use crate::text::Span;

use super::config::Spanned;

/// Comment that asks lint to leave findings out.
#[derive(Debug, Clone, PartialEq)]
pub struct Ignore {
    /// Codes or names of rules, as written; `None` if the comment has another form than `ignore[...]`.
    pub rules: Option<Vec<Spanned<String>>>,
    /// Bytes from `#` to the end of the line.
    pub span: Span,
    /// Bytes of the line whose findings are left out: the comment's own, or the next one with more than a comment.
    pub covers: Span,
    /// Reason after the bracket; may be empty.
    pub reason: String,
}

/// Returns every comment that is addressed to espq, in the order of the text.
pub fn ignores(text: &str) -> Vec<Ignore> {
    // Most texts have none.
    if !text.contains("espq:") {
        return Vec::new();
    }
    comments(text).into_iter().filter_map(|comment| ignore(text, comment)).collect()
}

/// Reads a comment; it may follow another one on the line.
fn ignore(text: &str, comment: Span) -> Option<Ignore> {
    let hashes = text[comment.clone()].match_indices('#').map(|(at, _)| comment.start + at);
    let (start, body) = hashes.into_iter().find_map(|at| {
        let after = &text[at + 1..comment.end];
        let trimmed = after.trim_start();
        let body = trimmed.strip_prefix("espq:")?;
        Some((at, comment.end - body.len()))
    })?;
    let (rules, reason) = match listed(text, body..comment.end) {
        Some((rules, reason)) => (Some(rules), reason),
        None => (None, String::new()),
    };
    Some(Ignore { rules, span: start..comment.end, covers: covered(text, &comment), reason })
}

/// Returns the names in `ignore[A, B]`, and the text behind it.
fn listed(text: &str, body: Span) -> Option<(Vec<Spanned<String>>, String)> {
    let words = text[body.clone()].trim_start().strip_prefix("ignore")?.trim_start().strip_prefix('[')?;
    let (names, reason) = words.split_once(']')?;
    let mut at = body.end - words.len();
    let mut rules = Vec::new();
    for name in names.split(',') {
        let trimmed = name.trim();
        if !trimmed.is_empty() {
            let start = at + (name.len() - name.trim_start().len());
            rules.push(Spanned { value: trimmed.to_string(), span: start..start + trimmed.len() });
        }
        at += name.len() + 1;
    }
    Some((rules, reason.trim().to_string()))
}

/// Returns the line of a comment, or the next line with anything else where it is alone on its own.
fn covered(text: &str, comment: &Span) -> Span {
    let line_end = |from: usize| text[from..].find('\n').map_or(text.len(), |at| from + at);
    let start = text[..comment.start].rfind('\n').map_or(0, |at| at + 1);
    if !text[start..comment.start].trim().is_empty() {
        return start..line_end(comment.end);
    }
    let mut next = line_end(comment.end);
    while next < text.len() {
        let (start, end) = (next + 1, line_end(next + 1));
        let line = text[start..end].trim();
        if !line.is_empty() && !line.starts_with('#') {
            return start..end;
        }
        next = end;
    }
    start..line_end(comment.end)
}

/// Returns the bytes of every comment, from `#` to the end of its line. A text that is not TOML has comments, too.
pub fn comments(text: &str) -> Vec<Span> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        at = match bytes[at] {
            b'#' => {
                let end = text[at..].find('\n').map_or(text.len(), |length| at + length);
                found.push(at..at + text[at..end].trim_end_matches('\r').len());
                end
            }
            quote @ (b'"' | b'\'') => after_string(bytes, at, quote),
            _ => at + 1,
        };
    }
    found
}

/// Returns the end of a string; the end of the line where it has none.
fn after_string(bytes: &[u8], start: usize, quote: u8) -> usize {
    let is_long = bytes[start..].starts_with(&[quote; 3]);
    if is_long && let Some(end) = end_of(bytes, start + 3, &[quote; 3], quote == b'"', false) {
        return end;
    }
    end_of(bytes, start + 1, &[quote], quote == b'"', true).unwrap_or_else(|| {
        let line = bytes[start..].iter().position(|&b| b == b'\n');
        line.map_or(bytes.len(), |length| start + length)
    })
}

fn end_of(bytes: &[u8], from: usize, end: &[u8], has_escapes: bool, is_line: bool) -> Option<usize> {
    let mut at = from;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if has_escapes => at += 2,
            b'\n' if is_line => return None,
            _ if bytes[at..].starts_with(end) => return Some(at + end.len()),
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(ignore: &Ignore) -> Vec<&str> {
        ignore.rules.iter().flatten().map(|rule| rule.value.as_str()).collect()
    }

    #[test]
    fn comments_end_lines_and_strings_contain_none() {
        let text = "a = \"#1\" # one\nb = '#' #two\r\nc = \"\"\"\n# no\n\"\"\" # three\nd = \"\\\"#\" #\n";
        let found: Vec<&str> = comments(text).into_iter().map(|span| &text[span]).collect();
        assert_eq!(found, ["# one", "#two", "# three", "#"]);
        assert_eq!(comments("a = \"open # no\nb = 1 # yes\n").len(), 1);
    }

    #[test]
    fn a_comment_covers_its_line_or_the_next() {
        let text = "a = 1 # note # espq: ignore[E002, C008] why\n# espq:ignore [ E001 ]\n\n# more\nb = 2\n";
        let found = ignores(text);
        assert_eq!(found.len(), 2);
        assert_eq!(
            (rules(&found[0]), &text[found[0].covers.clone()]),
            (vec!["E002", "C008"], text.lines().next().unwrap())
        );
        assert_eq!(&text[found[0].rules.as_ref().unwrap()[1].span.clone()], "C008");
        assert_eq!((found[0].reason.as_str(), &text[found[0].span.clone()]), ("why", "# espq: ignore[E002, C008] why"));
        assert_eq!((rules(&found[1]), &text[found[1].covers.clone()]), (vec!["E001"], "b = 2"));
    }

    #[test]
    fn other_forms_have_no_rules() {
        assert!(ignores("a = 1 # espq is fine\nb = '# espq: ignore[E001]'\n").is_empty());
        let found = ignores("# espq: ignore\n# espq: noqa[E1]\n# espq: ignore[]\n");
        let rules: Vec<Option<usize>> = found.iter().map(|ignore| ignore.rules.as_ref().map(Vec::len)).collect();
        assert_eq!(rules, [None, None, Some(0)]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_its_comments_in_order(text in "[a#\"'\\\\\n\r \u{e4}]{0,24}") {
            let mut end = 0;
            for comment in comments(&text) {
                proptest::prop_assert!(comment.start >= end && text[comment.clone()].starts_with('#'));
                end = comment.end;
            }
        }
    }
}
