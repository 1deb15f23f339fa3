//! Conversion of names between cases.

/// Splits "LayerNormalization", "layer-normalization" or "layer_normalization" into lower-case words.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = '_';
    for c in name.chars() {
        let begins = c.is_uppercase() && (before.is_lowercase() || before.is_numeric());
        if begins || matches!(c, '-' | '_' | ' ') {
            words.push(String::new());
        }
        if !matches!(c, '-' | '_' | ' ')
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Converts to "layer_normalization"; a Rust keyword gets a trailing underscore.
pub fn snake(name: &str) -> String {
    let joined = words(name).join("_");
    match joined.as_str() {
        "mod" | "where" | "if" | "loop" | "match" | "move" | "type" | "use" | "final" => joined + "_",
        _ => joined,
    }
}

/// Converts to "layer-normalization".
pub fn kebab(name: &str) -> String {
    words(name).join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_begin_at_capitals_and_separators() {
        assert_eq!(snake("LayerNormalization"), "layer_normalization");
        assert_eq!(snake("layer-over-limit"), "layer_over_limit");
        assert_eq!(snake("GRU"), "gru");
        assert_eq!(snake("ReduceL1"), "reduce_l1");
        assert_eq!(snake("Mod"), "mod_");
        assert_eq!(kebab("OneHot"), "one-hot");
    }
}
