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

/// Returns the names that a person may have meant, at most `count`, the nearest first: those of similar spelling, those
/// that the written name begins, and those of its own scope (`/features/0/` of `/features/0/Conv`).
pub fn related<'a>(written: &str, known: impl IntoIterator<Item = &'a str>, count: usize) -> Vec<&'a str> {
    let lower = written.to_lowercase();
    let length = written.chars().count();
    let near = (length / 3).max(1);
    let scope = |name: &str| name.rfind(['/', '.']).map_or(0, |at| at + 1);
    let own = &lower[..scope(&lower)];
    let is_scope = own.chars().any(char::is_alphanumeric);
    let rank = |name: &'a str| {
        let other = name.to_lowercase();
        let distance = strsim::osa_distance(&lower, &other);
        let begins = length > 2 && other.len() > 2 && (other.starts_with(&lower) || lower.starts_with(&other));
        let is_beside = is_scope && other[..scope(&other)] == *own;
        (distance <= near || begins || is_beside).then_some((distance, name))
    };
    let mut found: Vec<(usize, &str)> = known.into_iter().filter_map(rank).collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().take(count).map(|(_, name)| name).collect()
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

    #[test]
    fn names_of_the_same_scope_or_spelling_are_related_and_others_are_not() {
        let layers = ["/stem/Conv", "/flat/Flatten", "/act/Relu", "/pool/GlobalAveragePool"];
        assert_eq!(related("/norm/BatchNormalization", layers, 3), [""; 0]);
        assert_eq!(related("/stem/BatchNormalization", layers, 3), ["/stem/Conv"]);
        assert_eq!(related("/act/relu", layers, 3), ["/act/Relu"]);
        assert_eq!(related("Conv_1", ["Conv_0", "Conv_10", "Gemm_1", "Gemm_100"], 3), ["Conv_0", "Conv_10"]);
        assert_eq!(related("é/a", ["É/b"], 3), ["É/b"]);
    }
}
