//! "Did you mean": the known name that is most similar to a misspelled one.

/// Returns the name of `known` that `written` most likely means.
///
/// At most a third of the letters may differ; swapping two neighbours counts once.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = written.to_lowercase();
    let limit = (written.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|name| (strsim::osa_distance(&lower, &name.to_lowercase()), name))
        .filter(|&(distance, _)| distance <= limit)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name)
}

/// "`a`, `b` or `c`"
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|n| format!("`{n}`")).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swapped_wrong_and_miscased_letters_find_the_name() {
        let keys = ["path", "target", "precision"];
        assert_eq!(nearest("traget", keys), Some("target"));
        assert_eq!(nearest("precison", keys), Some("precision"));
        assert_eq!(nearest("PATH", keys), Some("path"));
    }

    #[test]
    fn an_unrelated_word_finds_no_name() {
        assert_eq!(nearest("batch", ["path", "target"]), None);
        assert_eq!(nearest("x", ["kl"]), None);
    }
}
