//! Edits of sorted lists in source files.

/// Inserts `line` among the lines for which `key` gives a sort key, in order; fails if there are none.
pub fn insert<K: Ord>(text: &str, line: &str, key: impl Fn(&str) -> Option<K>) -> Result<String, String> {
    let wanted = key(line).ok_or_else(|| format!("`{line}` does not belong to the list"))?;
    let lines: Vec<&str> = text.lines().collect();
    let listed: Vec<(usize, K)> = lines.iter().enumerate().filter_map(|(at, line)| Some((at, key(line)?))).collect();
    if listed.iter().any(|(_, key)| *key == wanted) {
        return Err(format!("`{}` already exists", line.trim()));
    }
    let after = listed.iter().rev().find(|(_, key)| *key < wanted).map(|(at, _)| at + 1);
    let Some(at) = after.or(listed.first().map(|(at, _)| *at)) else {
        return Err(format!("there is no list that `{}` belongs to", line.trim()));
    };
    let (before, behind) = lines.split_at(at);
    let all = before.iter().chain([&line]).chain(behind);
    Ok(all.flat_map(|line| [line, "\n"]).collect())
}

/// Returns the text between a prefix and a suffix of a line, if the line has both.
pub fn within<'t>(line: &'t str, prefix: &str, suffix: &str) -> Option<&'t str> {
    line.strip_prefix(prefix)?.strip_suffix(suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_inserted_in_order() {
        let key = |line: &str| within(line, "mod ", ";").map(str::to_string);
        let text = "//! Doc.\n\nmod b;\nmod d;\n\nuse x;\n";
        assert_eq!(insert(text, "mod c;", key).unwrap(), "//! Doc.\n\nmod b;\nmod c;\nmod d;\n\nuse x;\n");
        assert_eq!(insert(text, "mod a;", key).unwrap(), "//! Doc.\n\nmod a;\nmod b;\nmod d;\n\nuse x;\n");
        assert_eq!(insert(text, "mod e;", key).unwrap(), "//! Doc.\n\nmod b;\nmod d;\nmod e;\n\nuse x;\n");
        assert!(insert(text, "mod b;", key).unwrap_err().contains("already"));
        assert!(insert("", "mod b;", key).is_err());
    }
}
